import type { ClusterObject } from './cluster.ts';
import { gpuEvidence, type GpuEvidence } from './gpu-evidence.ts';
import type { Labels } from './label-selector.ts';
import { at, conditionOf, listAt, textAt, textsAt } from './object-value.ts';

/** A taint of a node. */
export interface Taint {
  readonly key: string;
  readonly value: string;
  readonly effect: string;
}

/** What decides whether an agent can report from a node; small, so that many can be kept. */
export interface NodeFacts {
  readonly name: string;
  readonly uid: string;
  readonly labels: Labels;
  readonly taints: readonly Taint[];
  readonly cordoned: boolean;
  /** Undefined when the node is ready; else what its kubelet, or the lack of it, says. */
  readonly notReady: string | undefined;
  /** Undefined without accelerators. */
  readonly gpu: GpuEvidence | undefined;
}

/** Reads a Node object. */
export function nodeFacts(node: ClusterObject): NodeFacts {
  return {
    name: node.metadata.name,
    uid: node.metadata.uid ?? '',
    labels: textsAt(node, 'metadata', 'labels'),
    taints: listAt(node, 'spec', 'taints').map(readTaint),
    cordoned: at(node, 'spec', 'unschedulable') === true,
    notReady: notReady(node),
    gpu: gpuEvidence(node),
  };
}

/** A taint as `kubectl taint` takes it. */
export function taintText({ key, value, effect }: Taint): string {
  return `${key}${value === '' ? '' : `=${value}`}:${effect}`;
}

function readTaint(taint: unknown): Taint {
  return { key: textAt(taint, 'key') ?? '', value: textAt(taint, 'value') ?? '', effect: textAt(taint, 'effect') ?? '' };
}

function notReady(node: ClusterObject): string | undefined {
  const ready = conditionOf(node, 'Ready');
  if (ready?.status === 'True') return undefined;
  if (ready === undefined) return 'its kubelet has never said that it is ready';
  return [ready.reason, ready.message].filter((part) => part !== undefined && part !== '').join(': ') || `Ready is ${ready.status}`;
}
