import { rfc3339Seconds } from '#core/clock.ts';
import type { Measurement, Scalar } from '#core/snapshot/measurement.ts';
import { API_VERSION, type Snapshot } from '#core/snapshot/document.ts';
import type { NodeName, NodeReport } from '#core/wire/run.ts';

const NO_ITEM = '';

/** What the cluster adds to a snapshot: node facts and topology read from the API, in the same form as a node's facts. */
export interface SnapshotInput {
  readonly clusterMeasurements?: readonly Measurement[];
  readonly toolVersion: string;
}

/** The node whose facts stand for the cluster. */
export interface SourceNode {
  readonly node: NodeName;
  readonly complete: boolean;
  readonly hasGpu: boolean;
  readonly measurements: readonly Measurement[];
}

/**
 * The snapshot of a run: facts of one representative node, as upstream has it, plus what the cluster says.
 * Only facts that were read are in it; how the others failed stays in the node's records.
 */
export function assembleSnapshot(sealedAtMs: number, source: SourceNode | undefined, input: SnapshotInput): Snapshot {
  return {
    apiVersion: API_VERSION,
    kind: 'Snapshot',
    metadata: {
      timestamp: rfc3339Seconds(sealedAtMs),
      version: input.toolVersion,
      ...(source === undefined ? {} : { 'source-node': source.node }),
    },
    measurements: groupMeasurements(besides(input.clusterMeasurements ?? [], source?.measurements ?? [])),
  };
}

/** Which of two nodes represents better: a complete one with a GPU, else a complete one, else the earlier. */
export function representative(earlier: SourceNode | undefined, report: NodeReport): SourceNode {
  const rank = ({ complete, hasGpu }: Pick<SourceNode, 'complete' | 'hasGpu'>): number => (complete ? (hasGpu ? 2 : 1) : 0);
  if (earlier !== undefined && rank(earlier) === 2) return earlier;
  const measurements = measurementsOf(report);
  const candidate = { node: report.node, complete: report.complete, hasGpu: measurements.some(saysGpu), measurements };
  return earlier === undefined || rank(candidate) > rank(earlier) ? candidate : earlier;
}

/** All facts of a node's report, in the order they were read. */
function measurementsOf(report: NodeReport): readonly Measurement[] {
  return report.records.flatMap((record) => (record.kind === 'measurements' ? record.measurements : []));
}

function saysGpu({ type, key, reading }: Measurement): boolean {
  return type === 'GPU' && key === 'gpu-present' && reading.state === 'read' && reading.value === true;
}

/** What the cluster says about a fact counts, whatever a node says about it. */
function besides(cluster: readonly Measurement[], node: readonly Measurement[]): readonly Measurement[] {
  const place = ({ type, subtype, item, key }: Measurement): string => JSON.stringify([type, subtype, item, key]);
  const taken = new Set(cluster.map(place));
  return [...cluster, ...node.filter((measurement) => !taken.has(place(measurement)))];
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
