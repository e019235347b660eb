import type { Snapshot, SnapshotItem, SnapshotSubtype } from '../snapshot/document.ts';
import type { Scalar } from '../snapshot/measurement.ts';

/** A place in a snapshot: `{Type}.{Subtype}.{Key}`, or an item of a subtype. */
interface ConstraintPath {
  readonly type: string;
  readonly subtype: string;
  readonly key: string;
  readonly selector?: string;
}

/** Why a value cannot be had: the path is wrong, the snapshot lacks it, or several items fit. */
export interface LookupProblem {
  readonly kind: 'invalid-path' | 'absent' | 'ambiguous';
  readonly text: string;
}

/** A value found, or why not. */
export type Lookup = { readonly value: string } | { readonly problem: LookupProblem };

const TYPES: ReadonlySet<string> = new Set(['K8s', 'GPU', 'OS', 'SystemD', 'NodeTopology', 'NetworkTopology', 'Hardware']);

/**
 * Looks up a constraint's value as text.
 * @param name path such as `OS.release.VERSION_ID` or `NetworkTopology.pfs[rail=0].traffic`
 * @source recipe constraint paths; problem texts are upstream's, because a recipe's warnings carry them
 */
export function lookUp(snapshot: Snapshot, name: string): Lookup {
  const path = parsePath(name);
  if ('kind' in path) return { problem: path };
  const measurement = snapshot.measurements.find(({ type }) => type === path.type);
  if (measurement === undefined) return absent('measurement type not found in snapshot');
  const subtype = measurement.subtypes.find((one) => one.subtype === path.subtype);
  if (subtype === undefined) return absent('subtype not found in measurement');
  if (path.selector === undefined) return found(own(subtype.data, path.key), 'key not found in subtype');
  return lookUpItem(subtype, path.selector, path.key);
}

/** Whether a name is a path into a snapshot. */
export function isPath(name: string): boolean {
  return !('kind' in parsePath(name));
}

/** Parses a path; the key may contain dots. */
function parsePath(name: string): ConstraintPath | LookupProblem {
  const [type, rest] = cut(name, '.');
  if (rest === undefined) return invalidPath('invalid constraint path: expected format {Type}.{Subtype}.{Key}');
  if (!TYPES.has(type)) return invalidPath('invalid measurement type in constraint path');
  return itemPath(type, rest) ?? plainPath(type, rest);
}

function plainPath(type: string, rest: string): ConstraintPath | LookupProblem {
  const [subtype, key] = cut(rest, '.');
  if (key === undefined) return invalidPath('invalid constraint path: expected format {Type}.{Subtype}.{Key}');
  return checked({ type, subtype, key });
}

function itemPath(type: string, rest: string): ConstraintPath | LookupProblem | undefined {
  const bracket = rest.indexOf('[');
  const dot = rest.indexOf('.');
  if (bracket === -1 || (dot !== -1 && dot < bracket)) return undefined;
  const end = rest.indexOf(']', bracket);
  if (end === -1) return invalidPath('invalid constraint path: unclosed item selector');
  if (rest[end + 1] !== '.') return invalidPath('invalid constraint path: expected format {Type}.{Subtype}[selector].{Key}');
  return checked({ type, subtype: rest.slice(0, bracket), selector: rest.slice(bracket + 1, end), key: rest.slice(end + 2) });
}

function checked(path: ConstraintPath): ConstraintPath | LookupProblem {
  return path.subtype === '' || path.key === '' ? invalidPath('invalid constraint path: subtype or key is empty') : path;
}

function lookUpItem(subtype: SnapshotSubtype, selector: string, key: string): Lookup {
  const { items = [] } = subtype;
  if (items.length === 0) return absent('subtype has no items but path uses an item selector');
  const matching = selectItems(items, selector);
  if (matching === undefined) return { problem: invalidPath('invalid constraint path: item selector is neither an index nor key=value') };
  if (matching.length > 1) {
    return {
      problem: { kind: 'ambiguous', text: '[CONFLICT] value not found in snapshot: [CONFLICT] item selector matches several items' },
    };
  }
  const [item] = matching;
  if (item === undefined) return absent('item selector matches no item');
  return found(itemValue(item, key), 'key not found in item');
}

function selectItems(items: readonly SnapshotItem[], selector: string): readonly SnapshotItem[] | undefined {
  if (/^\d+$/.test(selector)) return items.slice(Number(selector), Number(selector) + 1);
  const [key, value] = cut(selector, '=');
  if (value === undefined || key === '') return undefined;
  return items.filter((item) => valueText(itemValue(item, key)) === value);
}

function itemValue(item: SnapshotItem, key: string): Scalar | undefined {
  return own(item.data, key) ?? own(item.context ?? {}, key);
}

/** A member of its own: a path may spell `constructor`. */
function own<Value>(record: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function found(value: Scalar | undefined, otherwise: string): Lookup {
  const text = valueText(value);
  return text === undefined ? absent(otherwise) : { value: text };
}

function valueText(value: Scalar | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}

function absent(text: string): { problem: LookupProblem } {
  return { problem: { kind: 'absent', text: `[NOT_FOUND] value not found in snapshot: [NOT_FOUND] ${text}` } };
}

function invalidPath(text: string): LookupProblem {
  return { kind: 'invalid-path', text: `[INVALID_REQUEST] invalid constraint path: [INVALID_REQUEST] ${text}` };
}

function cut(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}
