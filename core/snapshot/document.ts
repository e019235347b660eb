import { AssayError } from '../error.ts';
import { canonicalYaml } from '../digest/canonical-yaml.ts';
import { Field } from '../digest/document-field.ts';
import { parseYamlNode } from '../digest/read-yaml.ts';
import { YamlFloat, YamlScalar, type CanonicalValue } from '../digest/yaml-value.ts';
import type { Scalar } from './measurement.ts';

/** Facts by key. */
export type SnapshotData = Readonly<Record<string, Scalar>>;

/** One of several like things of a subtype: a GPU, a port. */
export interface SnapshotItem {
  readonly context?: Readonly<Record<string, string>>;
  readonly data: SnapshotData;
}

/** One fact family of a measurement. */
export interface SnapshotSubtype {
  readonly subtype: string;
  readonly data: SnapshotData;
  readonly context?: Readonly<Record<string, string>>;
  readonly items?: readonly SnapshotItem[];
}

/** All facts of one source; `type` is one of the measurement types, or one of a newer collector. */
export interface SnapshotMeasurement {
  readonly type: string;
  readonly subtypes: readonly SnapshotSubtype[];
}

/** A snapshot document (`aicr.run/v1alpha2`): all facts at a moment. */
export interface Snapshot {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Advisory copy; never read back, always recomputed from the measurements. */
  readonly fingerprint?: CanonicalValue;
  readonly measurements: readonly SnapshotMeasurement[];
}

/** The API version of recipes and snapshots. */
export const API_VERSION = 'aicr.run/v1alpha2';

const MAX_SNAPSHOT_BYTES = 16 * 1024 * 1024;
/** Every label and sysctl of a large cluster, several times over. */
const MAX_SNAPSHOT_VALUES = 1_000_000;

/**
 * Reads a snapshot document, YAML or JSON.
 * @param text document text or UTF-8 bytes, at most 16 MiB
 * @param name what messages call it
 * @param maxNodes values that are read; fewer where the document is a stranger's
 * @throws YAML_INVALID, FILE_TOO_LARGE, SNAPSHOT_INVALID
 */
export function parseSnapshot(text: string | Uint8Array, name: string, maxNodes = MAX_SNAPSHOT_VALUES): Snapshot {
  const root = new Field(parseYamlNode(text, { name, maxBytes: MAX_SNAPSHOT_BYTES, maxNodes }), {
    name,
    code: 'SNAPSHOT_INVALID',
  });
  const kind = root.member('kind').text() ?? '';
  const apiVersion = root.member('apiVersion').text() ?? '';
  if (kind !== 'Snapshot') throw wrongKind(name, `kind is "${kind}", not "Snapshot"`);
  if (apiVersion !== '' && apiVersion !== API_VERSION) throw wrongKind(name, `apiVersion is "${apiVersion}", not "${API_VERSION}"`);
  const fingerprint = root.member('fingerprint');
  return {
    apiVersion,
    kind,
    metadata: textMap(root.member('metadata')) ?? {},
    ...(fingerprint.present ? { fingerprint: fingerprint.value() } : {}),
    measurements: (root.member('measurements').items() ?? []).map(measurement),
  };
}

/** Canonical text of a snapshot: sorted keys, two-space indent, byte-equal with upstream's for the same values. */
export function snapshotYaml(snapshot: Snapshot): string {
  return canonicalYaml(snapshot as unknown as CanonicalValue, 2);
}

/**
 * The facts of one subtype.
 * @returns undefined when measurement or subtype is not there
 */
export function snapshotData(snapshot: Snapshot, type: string, subtype: string): SnapshotData | undefined {
  return snapshot.measurements.find((one) => one.type === type)?.subtypes.find((one) => one.subtype === subtype)?.data;
}

function measurement(field: Field): SnapshotMeasurement {
  const type = field.member('type').text();
  if (type === undefined) throw field.error('a measurement needs a type');
  return { type, subtypes: (field.member('subtypes').items() ?? []).map(subtypeOf) };
}

function subtypeOf(field: Field): SnapshotSubtype {
  const subtype = field.member('subtype').text();
  if (subtype === undefined) throw field.error('a subtype needs a name in "subtype"');
  const items = field.member('items').items();
  return {
    subtype,
    data: data(field.member('data')),
    ...context(field),
    ...(items === undefined ? {} : { items: items.map((item) => ({ ...context(item), data: data(item.member('data')) })) }),
  };
}

function context(field: Field): { context?: Readonly<Record<string, string>> } {
  const value = textMap(field.member('context'));
  return value === undefined ? {} : { context: value };
}

function textMap(field: Field): Readonly<Record<string, string>> | undefined {
  const members = field.members();
  return members === undefined ? undefined : Object.fromEntries(members.map(([key, value]) => [key, value.text() ?? '']));
}

function data(field: Field): SnapshotData {
  return Object.fromEntries((field.members() ?? []).map(([key, value]) => [key, scalar(value)]));
}

/** A scalar; dates and integers beyond 2^53 stay text, so that nothing is rounded. */
function scalar(field: Field): Scalar {
  const { node } = field;
  if (typeof node === 'string') return node;
  if (!(node instanceof YamlScalar)) throw field.error('expected text, a number or a boolean');
  if (node.value instanceof YamlFloat) return node.value.value;
  return typeof node.value === 'number' || typeof node.value === 'boolean' ? node.value : (node.source ?? String(node.value));
}

function wrongKind(name: string, message: string): AssayError {
  return new AssayError('SNAPSHOT_INVALID', `${name}: ${message}`, { hint: 'Give a snapshot as `assay snapshot` writes it.' });
}
