import type { ClusterObject } from '#core/cluster/cluster.ts';
import { conditionOf, numberAt, textAt } from '#core/cluster/object-value.ts';

/** How far a Deployment, DaemonSet or StatefulSet is. `problem` is absent when it is up; it needs no name of the object before it. */
export interface WorkloadState {
  readonly wanted: number;
  readonly ready: number;
  readonly problem?: string;
}

interface Counts {
  readonly wanted: number;
  readonly ready: number;
  /** What no pod at all means for this kind. */
  readonly none: string;
}

/**
 * Whether a workload has all the pods it wants, ready, for the specification as it is now. A workload that wants no pods is not up: a
 * DaemonSet whose selector no node matches looks healthy to everybody else.
 * @returns undefined for a kind that is no workload
 */
export function workloadState(object: ClusterObject): WorkloadState | undefined {
  const counts = countsOf(object);
  if (counts === undefined) return undefined;
  const { wanted, ready } = counts;
  const problem = problemOf(object, counts);
  return { wanted, ready, ...(problem === undefined ? {} : { problem }) };
}

function countsOf(object: ClusterObject): Counts | undefined {
  const status = (field: string): number => numberAt(object, 'status', field) ?? 0;
  const replicas = numberAt(object, 'spec', 'replicas') ?? 1;
  switch (object.kind) {
    case 'Deployment':
      return { wanted: replicas, ready: status('availableReplicas'), none: 'is scaled to 0' };
    case 'StatefulSet':
      return { wanted: replicas, ready: status('readyReplicas'), none: 'is scaled to 0' };
    case 'DaemonSet':
      return { wanted: status('desiredNumberScheduled'), ready: status('numberReady'), none: 'wants 0 pods: no node matches it' };
    default:
      return undefined;
  }
}

function problemOf(object: ClusterObject, { wanted, ready, none }: Counts): string | undefined {
  const { generation } = object.metadata;
  const seen = numberAt(object, 'status', 'observedGeneration');
  if (seen === undefined || (generation !== undefined && seen < generation)) return 'has a change that its controller has not seen';
  if (wanted === 0) return none;
  if (ready < wanted) return `has ${ready} of ${wanted} pods ready`;
  return undefined;
}

/** Whether a pod runs with all its containers ready. @source Kubernetes API, PodCondition Ready */
export function isPodReady(pod: ClusterObject): boolean {
  const isRunning = textAt(pod, 'status', 'phase') === 'Running' && pod.metadata.deletionTimestamp === undefined;
  return isRunning && conditionOf(pod, 'Ready')?.status === 'True';
}
