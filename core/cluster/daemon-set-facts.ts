import type { ClusterObject } from './cluster.ts';
import { matchesLabels, requirementText, type LabelRequirement, type Labels } from './label-selector.ts';
import { listAt, numberAt, textAt, textsAt } from './object-value.ts';
import type { NodeFacts, Taint } from './node-facts.ts';

/** What a pod template tolerates. */
export interface Toleration {
  readonly key: string | undefined;
  readonly operator: string;
  readonly value: string | undefined;
  /** Undefined for all effects. */
  readonly effect: string | undefined;
}

/** Where the agents' DaemonSet wants its pods. */
export interface DaemonSetFacts {
  readonly name: string;
  /** Name of the Helm release that it belongs to. */
  readonly helmRelease: string;
  /** Every one of them must be met. */
  readonly nodeSelector: readonly LabelRequirement[];
  /** One of these groups must be met as a whole; no group means that there is no such rule. */
  readonly affinity: readonly (readonly LabelRequirement[])[];
  readonly tolerations: readonly Toleration[];
  /** Pods that the controller wants; undefined as long as it has not looked at this version of the object. */
  readonly desired: number | undefined;
}

/**
 * Taints that every DaemonSet pod tolerates.
 * @source Kubernetes documentation, DaemonSet, "Taints and tolerations"
 */
const TOLERATED_BY_ALL: ReadonlySet<string> = new Set([
  'node.kubernetes.io/not-ready:NoExecute',
  'node.kubernetes.io/unreachable:NoExecute',
  'node.kubernetes.io/disk-pressure:NoSchedule',
  'node.kubernetes.io/memory-pressure:NoSchedule',
  'node.kubernetes.io/pid-pressure:NoSchedule',
  'node.kubernetes.io/unschedulable:NoSchedule',
]);
const REPELLING: ReadonlySet<string> = new Set(['NoSchedule', 'NoExecute']);

/** Reads a DaemonSet object. */
export function daemonSetFacts(daemonSet: ClusterObject): DaemonSetFacts {
  const spec = ['spec', 'template', 'spec'] as const;
  const required = [...spec, 'affinity', 'nodeAffinity', 'requiredDuringSchedulingIgnoredDuringExecution', 'nodeSelectorTerms'] as const;
  const isCurrent = numberAt(daemonSet, 'status', 'observedGeneration') === daemonSet.metadata.generation;
  return {
    name: daemonSet.metadata.name,
    helmRelease: daemonSet.metadata.labels?.['app.kubernetes.io/instance'] ?? daemonSet.metadata.name.replace(/-agent$/, ''),
    nodeSelector: Object.entries(textsAt(daemonSet, ...spec, 'nodeSelector')).map(([key, value]) => ({
      key,
      operator: 'In',
      values: [value],
    })),
    affinity: listAt(daemonSet, ...required).map((term) => listAt(term, 'matchExpressions').map(readRequirement)),
    tolerations: listAt(daemonSet, ...spec, 'tolerations').map(readToleration),
    desired: isCurrent ? numberAt(daemonSet, 'status', 'desiredNumberScheduled') : undefined,
  };
}

/** True when the labels of a node are those that the DaemonSet selects. */
export function selectsNode({ nodeSelector, affinity }: DaemonSetFacts, labels: Labels): boolean {
  return matchesLabels(labels, nodeSelector) && (affinity.length === 0 || affinity.some((term) => matchesLabels(labels, term)));
}

/** The taints of a node that keep the DaemonSet's pods away. */
export function repellingTaints({ tolerations }: DaemonSetFacts, taints: readonly Taint[]): readonly Taint[] {
  return taints.filter(
    (taint) =>
      REPELLING.has(taint.effect) &&
      !TOLERATED_BY_ALL.has(`${taint.key}:${taint.effect}`) &&
      !tolerations.some((toleration) => tolerates(toleration, taint)),
  );
}

/**
 * The labels that a node lacks: the ones of the node selector, and of that group of the affinity which is nearest to being met.
 * Among equally near groups one that names the maker of the node's accelerators is nearer.
 */
export function missingLabels({ nodeSelector, affinity }: DaemonSetFacts, { labels, gpu }: NodeFacts): readonly LabelRequirement[] {
  const unmet = (requirements: readonly LabelRequirement[]): readonly LabelRequirement[] =>
    requirements.filter((requirement) => !matchesLabels(labels, [requirement]));
  const groups = affinity.map(unmet);
  const isOfVendor = (group: readonly LabelRequirement[]): boolean =>
    group.some(({ key }) => gpu !== undefined && VENDOR[gpu.vendor].test(key));
  const rank = (group: readonly LabelRequirement[]): number => group.length - (isOfVendor(group) ? 0.5 : 0);
  const nearest = groups.reduce<readonly LabelRequirement[] | undefined>(
    (best, group) => (best === undefined || rank(group) < rank(best) ? group : best),
    undefined,
  );
  return [...unmet(nodeSelector), ...(nearest ?? [])];
}

/** So many alternatives are named; the chart has twenty. */
const NAMED = 3;

/** What a DaemonSet selects, as a person would write it; of many alternatives the first ones. */
export function selectionText({ nodeSelector, affinity }: DaemonSetFacts): string {
  const and = (requirements: readonly LabelRequirement[]): string => requirements.map(requirementText).join(',');
  const more = affinity.length > NAMED + 1 ? ` or ${String(affinity.length - NAMED)} others` : '';
  const groups = `${affinity
    .slice(0, more === '' ? undefined : NAMED)
    .map(and)
    .join(' or ')}${more}`;
  return [and(nodeSelector), groups].filter((text) => text !== '').join(' and ');
}

const VENDOR = {
  nvidia: /nvidia|10de/,
  amd: /amd|1002/,
  intel: /intel/,
  habana: /habana|gaudi/,
  other: /gpu/,
} as const;

function readRequirement(expression: unknown): LabelRequirement {
  return {
    key: textAt(expression, 'key') ?? '',
    operator: (textAt(expression, 'operator') ?? '') as LabelRequirement['operator'],
    values: listAt(expression, 'values').map(String),
  };
}

function readToleration(toleration: unknown): Toleration {
  return {
    key: textAt(toleration, 'key'),
    operator: textAt(toleration, 'operator') ?? 'Equal',
    value: textAt(toleration, 'value'),
    effect: textAt(toleration, 'effect'),
  };
}

/** @source Kubernetes documentation, "Taints and Tolerations" */
function tolerates({ key, operator, value, effect }: Toleration, taint: Taint): boolean {
  if (effect !== undefined && effect !== '' && effect !== taint.effect) return false;
  if (key === undefined || key === '') return operator === 'Exists';
  return key === taint.key && (operator === 'Exists' || (value ?? '') === taint.value);
}
