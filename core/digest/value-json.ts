import { AssayError } from '../error.ts';
import { compareText } from './compare-text.ts';
import { textKeys, YamlFloat, YamlMixedMap, YamlTimestamp, type CanonicalValue } from './yaml-value.ts';

/** Which mappings are written with sorted keys; the others keep their own order. */
export interface KeyOrder {
  /** Names of members that are free-form: sorted, with all below them. */
  readonly freeForm?: ReadonlySet<string>;
  /** Everything sorted. */
  readonly sorted?: boolean;
}

const ESCAPED = /[<>&\u2028\u2029]/g;

/**
 * JSON text of a document value as upstream writes it: two-space indent, `<`, `>`, `&` escaped, final line break.
 * Integers of any size stay exact.
 * @throws YAML_UNWRITABLE for a number that JSON does not have
 * @source Go `encoding/json`, SetIndent("", "  ")
 */
export function valueJson(value: CanonicalValue, order: KeyOrder = {}): string {
  return `${write(value, order, '')}\n`;
}

function write(value: CanonicalValue, order: KeyOrder, indent: string): string {
  if (value instanceof YamlMixedMap) return write(textKeys(value), order, indent);
  if (Array.isArray(value)) {
    const items = (value as readonly CanonicalValue[]).map((item) => write(item, order, `${indent}  `));
    return block('[]', items, indent);
  }
  if (typeof value !== 'object' || value === null || value instanceof YamlFloat || value instanceof YamlTimestamp) return atom(value);
  const entries = Object.entries(value as Readonly<Record<string, CanonicalValue | undefined>>);
  if (order.sorted === true) entries.sort(([left], [right]) => compareText(left, right));
  const members = entries.flatMap(([key, member]) => {
    const inner = order.freeForm?.has(key) === true ? { sorted: true } : order;
    return member === undefined ? [] : [`${text(key)}: ${write(member, inner, `${indent}  `)}`];
  });
  return block('{}', members, indent);
}

function block(brackets: '[]' | '{}', parts: readonly string[], indent: string): string {
  if (parts.length === 0) return brackets;
  return `${brackets[0]}\n${parts.map((part) => `${indent}  ${part}`).join(',\n')}\n${indent}${brackets[1]}`;
}

function atom(value: null | boolean | number | bigint | string | YamlFloat | YamlTimestamp): string {
  if (typeof value === 'string') return text(value);
  if (value instanceof YamlTimestamp) return text(value.text);
  const number = value instanceof YamlFloat ? value.value : value;
  if (typeof number !== 'number') return String(number);
  if (!Number.isFinite(number)) throw new AssayError('YAML_UNWRITABLE', `${number} has no JSON form`);
  return Object.is(number, -0) ? '-0' : String(number);
}

function text(value: string): string {
  return JSON.stringify(value).replace(ESCAPED, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
