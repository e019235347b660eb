import { repellingTaints } from '#core/cluster/daemon-set-facts.ts';
import type { Labels } from '#core/cluster/label-selector.ts';
import { compareText } from '#core/digest/compare-text.ts';
import { adviseAccess } from './access-lines.ts';
import { AMD_LABELS, GPU_LABELS } from './chart-defaults.ts';
import type { ChartPlan } from './chart-plan.ts';
import type { ClusterReading, DoctorNode } from './cluster-reading.ts';

interface ExtraNodes {
  readonly key: string;
  readonly operator: string;
  readonly values: readonly string[];
}

/** Values of the chart that let every GPU node of a cluster report. */
export interface AdvisedValues {
  readonly gpuAccess: string;
  readonly gpu?: { readonly driverRoot: string };
  readonly agent: {
    readonly tolerations: readonly Readonly<Record<string, string>>[];
    readonly extraNodes?: readonly ExtraNodes[];
  };
}

/** Labels by which pools of like machines are known, the most telling first; the host name always tells them apart. */
const POOL_LABELS = [
  'node.kubernetes.io/instance-type',
  'cloud.google.com/gke-accelerator',
  'cloud.google.com/gke-nodepool',
  'eks.amazonaws.com/nodegroup',
  'karpenter.sh/nodepool',
  'kubernetes.azure.com/agentpool',
  'kubernetes.io/hostname',
];
/** A toleration of these would bring agents where nothing can run. */
const NEVER = /^node\.kubernetes\.io\//;

/**
 * The values that a cluster needs: every taint of a GPU node that the plan does not tolerate, and labels that select the GPU
 * nodes which its selection leaves out, and no others.
 */
export function adviseValues(plan: ChartPlan, reading: ClusterReading): AdvisedValues {
  const { expected } = reading;
  const access = adviseAccess(reading, plan.runtimeClass);
  const extraNodes = extraSelection(reading);
  return {
    gpuAccess: access.gpuAccess,
    ...(access.driverRoot === undefined ? {} : { gpu: { driverRoot: access.driverRoot } }),
    agent: {
      tolerations: [...ownTolerations(plan), ...missingTolerations(plan, expected)],
      ...(extraNodes === undefined ? {} : { extraNodes: [extraNodes] }),
    },
  };
}

/** Helm replaces lists: what is tolerated already has to be said again. */
function ownTolerations({ daemonSet }: ChartPlan): readonly Readonly<Record<string, string>>[] {
  return daemonSet.tolerations.map(({ key, operator, value, effect }) => ({
    ...(key === undefined ? {} : { key }),
    operator,
    ...(value === undefined || value === '' ? {} : { value }),
    ...(effect === undefined || effect === '' ? {} : { effect }),
  }));
}

function missingTolerations({ daemonSet }: ChartPlan, expected: readonly DoctorNode[]): readonly Readonly<Record<string, string>>[] {
  const taints = expected.flatMap((node) => repellingTaints(daemonSet, node.taints)).filter(({ key }) => !NEVER.test(key));
  const wanted = taints.map(({ key, value, effect }) =>
    value === '' ? { key, operator: 'Exists', effect } : { key, operator: 'Equal', value, effect },
  );
  const byText = new Map(wanted.map((toleration) => [JSON.stringify(toleration), toleration]));
  return [...byText].toSorted(([left], [right]) => compareText(left, right)).map(([, toleration]) => toleration);
}

/** One label and its values that all GPU nodes without a label of theirs have, and no node without GPUs has. */
function extraSelection({ nodes, expected }: ClusterReading): ExtraNodes | undefined {
  const leftOut = expected.filter(({ labels }) => !isLabelled(labels));
  if (leftOut.length === 0) return undefined;
  const names = new Set(expected.map(({ name }) => name));
  const others = nodes.filter(({ name }) => !names.has(name));
  const key = POOL_LABELS.find((label) => tellsApart(label, leftOut, others)) ?? 'kubernetes.io/hostname';
  const values = [...new Set(leftOut.map(({ labels, name }) => valueOf(labels, key) ?? name))].sort();
  return { key, operator: 'In', values };
}

function isLabelled(labels: Labels): boolean {
  return GPU_LABELS.some((label) => valueOf(labels, label) === 'true') || AMD_LABELS.some((label) => valueOf(labels, label) !== undefined);
}

function tellsApart(label: string, leftOut: readonly DoctorNode[], others: readonly DoctorNode[]): boolean {
  const values = leftOut.map(({ labels }) => valueOf(labels, label));
  return (
    values.every((value) => value !== undefined) && others.every(({ labels }) => !values.some((value) => value === valueOf(labels, label)))
  );
}

function valueOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
