import type { CtrfTest } from '../ctrf/report.ts';
import type { Snapshot, SnapshotData, SnapshotMeasurement, SnapshotSubtype } from './document.ts';

const CTRF_RULES: readonly string[] = ['ctrf.tests.omit:message', 'ctrf.tests.omit:stdout'];

const SNAPSHOT_RULES: readonly string[] = ['snapshot.header.allowlist', 'snapshot.measurements.allowlist'];

const KEPT_METADATA: ReadonlySet<string> = new Set(['timestamp', 'version']);

/** Keys that may leave the cluster, by `<type>.<subtype>`; everything else, our `Hardware` measurements included, is dropped. */
const KEPT: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['K8s.server', keys('version platform goVersion')],
  ['K8s.node', keys('provider kubelet-version kernel-version operating-system os-image container-runtime-name container-runtime-version')],
  ['GPU.hardware', keys('gpu-present gpu-count driver-loaded detection-source model')],
  ['OS.release', keys('ID ID_LIKE NAME PRETTY_NAME VERSION VERSION_ID VERSION_CODENAME')],
  ['NodeTopology.summary', keys('node-count taint-count label-count')],
]);

/**
 * Keeps what is needed to judge a recipe and drops names, addresses, labels and everything not listed.
 * @returns the smaller snapshot and the rules applied, sorted
 * @source recipe-evidence redaction policy minimal v1
 */
export function redactSnapshot(snapshot: Snapshot): { readonly snapshot: Snapshot; readonly applied: readonly string[] } {
  const measurements = snapshot.measurements.map(redactMeasurement).filter((one) => one.subtypes.length > 0);
  return { snapshot: { ...snapshot, metadata: pick(snapshot.metadata, KEPT_METADATA), measurements }, applied: SNAPSHOT_RULES };
}

/**
 * Removes the free texts of a report's tests; status, numbers and thresholds stay.
 * @returns the smaller tests and the rules applied, sorted
 */
export function redactTests(tests: readonly CtrfTest[]): { readonly tests: CtrfTest[]; readonly applied: readonly string[] } {
  return { tests: tests.map(({ message: _message, stdout: _stdout, ...kept }) => kept), applied: CTRF_RULES };
}

function redactMeasurement(measurement: SnapshotMeasurement): SnapshotMeasurement {
  const subtypes = measurement.subtypes
    .map((subtype) => redactSubtype(measurement.type, subtype))
    .filter((subtype) => Object.keys(subtype.data).length > 0);
  return { type: measurement.type, subtypes };
}

function redactSubtype(type: string, { subtype, data }: SnapshotSubtype): { subtype: string; data: SnapshotData } {
  return { subtype, data: pick(data, KEPT.get(`${type}.${subtype}`) ?? new Set()) };
}

function pick<Value>(record: Readonly<Record<string, Value>>, kept: ReadonlySet<string>): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).filter(([key]) => kept.has(key)));
}

function keys(words: string): ReadonlySet<string> {
  return new Set(words.split(' '));
}
