import type { ClusterObject } from '#core/cluster/cluster.ts';
import { listAt, textAt, textsAt } from '#core/cluster/object-value.ts';
import { compareText } from '#core/digest/compare-text.ts';
import type { Measurement, Scalar } from '#core/snapshot/measurement.ts';

/** Nodes that one entry names; the rest are counted. A reader adds both. @source upstream snapshot, cap of a node list */
const NODES_PER_ENTRY = 100;
/** Values of one label that are told apart. Labels with more are names of nodes rather than kinds of them. */
const VALUES_PER_LABEL = 64;
/** Text of all entries together. */
const MAX_BYTES = 768 * 1024;
const SOURCE = 'v1 Node';

/** Nodes by value of one thing. */
type NodesByValue = ReadonlyMap<string, readonly string[]>;

/**
 * Labels and taints of all nodes, with the nodes that carry them, and how many nodes have which version of what.
 * @source upstream snapshot, NodeTopology: `key` -> `value|nodes`, or `key.value` -> `value|nodes` where nodes differ
 */
export function nodeTopology(nodes: readonly ClusterObject[]): readonly Measurement[] {
  const labels = entriesOf(
    nodes.flatMap((node) =>
      Object.entries(textsAt(node, 'metadata', 'labels')).map(([key, value]) => ({ key, value, node: node.metadata.name })),
    ),
  );
  const taints = entriesOf(nodes.flatMap(taintsOf));
  const shown = withinBytes(labels.filter(({ values }) => values <= VALUES_PER_LABEL));
  return [
    fact('summary', 'node-count', nodes.length),
    fact('summary', 'taint-count', taints.length),
    fact('summary', 'label-count', labels.length),
    ...(shown.length < labels.length ? [fact('summary', 'label-entries-left-out', labels.length - shown.length)] : []),
    ...withinBytes(taints).map(({ key, text }) => fact('taint', key, text)),
    ...shown.map(({ key, text }) => fact('label', key, text)),
    ...distribution(nodes),
  ];
}

interface Carried {
  readonly key: string;
  readonly value: string;
  readonly node: string;
}

interface Entry {
  readonly key: string;
  readonly text: string;
  /** How many values the label has. */
  readonly values: number;
}

function taintsOf(node: ClusterObject): readonly Carried[] {
  return listAt(node, 'spec', 'taints').map((taint) => ({
    key: textAt(taint, 'key') ?? '',
    value: `${textAt(taint, 'effect') ?? ''}|${textAt(taint, 'value') ?? ''}`,
    node: node.metadata.name,
  }));
}

function entriesOf(carried: readonly Carried[]): readonly Entry[] {
  const byKey = Map.groupBy(carried, ({ key }) => key);
  return [...byKey]
    .sort(([left], [right]) => compareText(left, right))
    .flatMap(([key, of]) => {
      const byValue: NodesByValue = new Map(
        [...Map.groupBy(of, ({ value }) => value)].map(([value, list]) => [value, list.map(({ node }) => node)]),
      );
      return [...byValue]
        .sort(([left], [right]) => compareText(left, right))
        .map(([value, names]) => entryOf(key, value, { names, values: byValue.size }));
    });
}

/** A taint's value begins with its effect, which moves into the key where nodes differ. */
function entryOf(key: string, value: string, { names, values }: { readonly names: readonly string[]; readonly values: number }): Entry {
  const list = nodeList(names);
  if (values === 1) return { key, text: `${value}|${list}`, values };
  const bar = value.indexOf('|');
  const [suffix, rest] = bar === -1 ? [value, value] : [value.slice(0, bar), value.slice(bar + 1)];
  return { key: `${key}.${suffix}`, text: `${rest}|${list}`, values };
}

function nodeList(names: readonly string[]): string {
  const sorted = [...names].sort(compareText);
  const more = sorted.length - NODES_PER_ENTRY;
  return `${sorted.slice(0, NODES_PER_ENTRY).join(',')}${more > 0 ? ` (+${more} more)` : ''}`;
}

function withinBytes(entries: readonly Entry[]): readonly Entry[] {
  let bytes = 0;
  return entries.filter(({ key, text }) => (bytes += Buffer.byteLength(key) + Buffer.byteLength(text)) <= MAX_BYTES);
}

const INFO: Readonly<Record<string, string>> = {
  'kubelet-version': 'kubeletVersion',
  'kernel-version': 'kernelVersion',
  'os-image': 'osImage',
  'container-runtime-version': 'containerRuntimeVersion',
  architecture: 'architecture',
};

/** How many nodes have which version: one line per version instead of one per node, so that a node that differs is seen. */
function distribution(nodes: readonly ClusterObject[]): readonly Measurement[] {
  return Object.entries(INFO).flatMap(([name, field]) => {
    const byValue = Map.groupBy(nodes, (node) => textAt(node, 'status', 'nodeInfo', field) ?? 'unsaid');
    return [...byValue]
      .sort(([left], [right]) => compareText(left, right))
      .slice(0, VALUES_PER_LABEL)
      .map(([value, list]) => fact('distribution', `${name}.${value}`, list.length));
  });
}

function fact(subtype: string, key: string, value: Scalar): Measurement {
  return { type: 'NodeTopology', subtype, key, reading: { state: 'read', value }, source: SOURCE };
}
