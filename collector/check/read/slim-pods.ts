import type { Cluster, ObjectSelection } from '#core/cluster/cluster.ts';
import { collect } from '#core/cluster/each-object.ts';
import { isPodReady } from './workload-state.ts';

/** What most checks need of a pod. */
export interface SlimPod {
  readonly name: string;
  /** Runs, with all containers ready, and not on its way out. */
  readonly isReady: boolean;
}

/** The pods of a selection that are not on their way out. @throws CLUSTER_* */
export function readPods(
  cluster: Pick<Cluster, 'watch'>,
  selection: Omit<ObjectSelection, 'apiVersion' | 'kind'>,
): Promise<readonly SlimPod[]> {
  return collect(cluster, { ...selection, apiVersion: 'v1', kind: 'Pod' }, (pod) =>
    pod.metadata.deletionTimestamp === undefined ? { name: pod.metadata.name, isReady: isPodReady(pod) } : undefined,
  );
}
