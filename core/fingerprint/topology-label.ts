import type { SnapshotData } from '../snapshot/document.ts';

/** One value of a node label with the nodes that carry it. */
export interface LabelValue {
  readonly value: string;
  readonly nodes: readonly string[];
  /** Nodes beyond the collector's list limit, named only by number. */
  readonly more: number;
}

/**
 * All values of one node label from subtype `NodeTopology.label`, where a label is `value|node1,node2` under its own
 * key or, when nodes disagree, under one key `<label>.<value>` per value.
 * @param label exact label key
 */
export function labelValues(labels: SnapshotData, label: string): LabelValue[] {
  return Object.entries(labels)
    .filter(([key]) => key === label || key.startsWith(`${label}.`))
    .map(([, entry]) => labelValue(String(entry)));
}

/** Number of distinct nodes that carry any of the values. */
export function nodeTotal(values: readonly LabelValue[]): number {
  return new Set(values.flatMap(({ nodes }) => nodes)).size + values.reduce((sum, { more }) => sum + more, 0);
}

function labelValue(entry: string): LabelValue {
  const [value = '', list = ''] = entry.split('|');
  const cut = / \(\+(\d+) more\)$/.exec(list);
  const names = cut === null ? list : list.slice(0, cut.index);
  return { value, nodes: names.split(',').filter((name) => name !== ''), more: Number(cut?.[1] ?? 0) };
}
