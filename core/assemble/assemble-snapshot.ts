import { rfc3339Seconds } from '#core/clock.ts';
import type { Measurement, Scalar } from '#core/snapshot/measurement.ts';
import type { Snapshot } from '#core/snapshot/document.ts';
import type { NodeReport, SealedRun } from '#core/wire/run.ts';

const NO_ITEM = '';

/** What the cluster adds to a snapshot: node facts and topology read from the API, in the same form as a node's facts. */
export interface SnapshotInput {
  readonly clusterMeasurements?: readonly Measurement[];
  readonly toolVersion: string;
}

/**
 * The snapshot of a run: facts of one representative node, as upstream has it, plus what the cluster says.
 * Only facts that were read are in it; how the others failed stays in the node's records.
 */
export function assembleSnapshot(run: SealedRun, input: SnapshotInput): Snapshot {
  const source = representative(run.reports);
  const nodeFacts = source === undefined ? [] : measurementsOf(source);
  return {
    apiVersion: 'aicr.run/v1alpha2',
    kind: 'Snapshot',
    metadata: {
      timestamp: rfc3339Seconds(run.sealedAtMs),
      version: input.toolVersion,
      ...(source === undefined ? {} : { 'source-node': source.node }),
    },
    measurements: groupMeasurements([...(input.clusterMeasurements ?? []), ...nodeFacts]),
  };
}

/** All facts of a node's report, in the order they were read. */
export function measurementsOf(report: NodeReport): readonly Measurement[] {
  return report.records.flatMap((record) => (record.kind === 'measurements' ? record.measurements : []));
}

/** The node whose facts stand for the cluster: the first complete one that has a GPU, else the first complete, else any. */
function representative(reports: readonly NodeReport[]): NodeReport | undefined {
  const ordered = [...reports].sort((left, right) => (left.node < right.node ? -1 : 1));
  const complete = ordered.filter((report) => report.complete);
  return complete.find(hasGpu) ?? complete[0] ?? ordered[0];
}

function hasGpu(report: NodeReport): boolean {
  return measurementsOf(report).some(
    ({ type, key, reading }) => type === 'GPU' && key === 'gpu-present' && reading.state === 'read' && reading.value === true,
  );
}

/** Measurements by type, then subtype, both in first-seen order; items become a list. */
export function groupMeasurements(measurements: readonly Measurement[]): Snapshot['measurements'] {
  const read = measurements.filter(({ reading }) => reading.state === 'read');
  return [...Map.groupBy(read, ({ type }) => type)].map(([type, ofType]) => ({
    type,
    subtypes: [...Map.groupBy(ofType, ({ subtype }) => subtype)].map(([subtype, facts]) => subtypeOf(subtype, facts)),
  }));
}

function subtypeOf(subtype: string, facts: readonly Measurement[]): Snapshot['measurements'][number]['subtypes'][number] {
  const byItem = Map.groupBy(facts, ({ item }) => item ?? NO_ITEM);
  const items = [...byItem].filter(([item]) => item !== NO_ITEM).map(([item, ofItem]) => ({ context: { id: item }, data: dataOf(ofItem) }));
  const data = dataOf(byItem.get(NO_ITEM) ?? []);
  return { subtype, data, ...(items.length === 0 ? {} : { items }) };
}

function dataOf(facts: readonly Measurement[]): Record<string, Scalar> {
  return Object.fromEntries(facts.flatMap(({ key, reading }) => (reading.state === 'read' ? [[key, reading.value] as const] : [])));
}
