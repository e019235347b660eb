import type { Cluster, ClusterObject } from '#core/cluster/cluster.ts';
import type { NodeName } from '#core/wire/run.ts';

/** A pod that runs, or is about to, on a node. */
export interface LivePod {
  readonly node: NodeName;
  /** Creation, in whole seconds. */
  readonly createdAtMs: number;
  /** Name of the DaemonSet that it belongs to, if any. */
  readonly daemonSet: string | undefined;
}

/** The agent pods of the release's namespace. */
export interface PodDirectory {
  /**
   * Looks up a live pod. A pod that was created a moment ago must be found: what a watch does not know yet is to be read.
   * @returns undefined when there is no pod of this name and UID, it is ending, or it has no node yet
   * @throws CLUSTER_UNREACHABLE, CLUSTER_FORBIDDEN, CLUSTER_REFUSED
   */
  readonly find: (name: string, uid: string) => Promise<LivePod | undefined>;
}

const ENDED = new Set(['Succeeded', 'Failed']);

/** Looks pods up by reading each one from the API server. */
export function readingPodDirectory(cluster: Pick<Cluster, 'read'>, namespace: string): PodDirectory {
  return {
    find: async (name, uid) => {
      const pod = await cluster.read({ apiVersion: 'v1', kind: 'Pod', namespace, name });
      return pod?.metadata.uid === uid ? livePod(pod) : undefined;
    },
  };
}

/** What a Pod object says, or undefined when it is ending, has ended, or has no node yet. */
export function livePod({ metadata, spec, status }: ClusterObject): LivePod | undefined {
  const nodeName = (spec as { readonly nodeName?: unknown } | undefined)?.nodeName;
  const phase = (status as { readonly phase?: unknown } | undefined)?.phase;
  const createdAtMs = Date.parse(metadata.creationTimestamp ?? '');
  const isOver = metadata.deletionTimestamp !== undefined || (typeof phase === 'string' && ENDED.has(phase));
  if (isOver || typeof nodeName !== 'string' || nodeName === '' || Number.isNaN(createdAtMs)) return undefined;
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  return { node: nodeName as NodeName, createdAtMs, daemonSet: owner?.kind === 'DaemonSet' ? owner.name : undefined };
}
