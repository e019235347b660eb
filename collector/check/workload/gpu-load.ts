import type { ClusterObject } from '#core/cluster/cluster.ts';
import { listAt, textAt } from '#core/cluster/object-value.ts';
import type { ClusterCheckContext } from '../cluster-check.ts';
import { collect } from '#core/cluster/each-object.ts';
import { gpuNodes, gpuRequests, type GpuNode } from '../read/gpu-node.ts';

/** GPU nodes by whether a test may use them. */
export interface GpuNodes {
  readonly all: readonly GpuNode[];
  /** Ready, not cordoned, with GPUs to ask for, and no pod that uses any. */
  readonly idle: readonly GpuNode[];
  /** Usable, but some pod has GPUs there. */
  readonly busy: readonly GpuNode[];
}

/** Up to so many nodes are asked for their pods one by one; beyond it, one list of all pods is cheaper. */
const ONE_BY_ONE = 16;
const LIVE = 'status.phase!=Succeeded,status.phase!=Failed';

/** The cluster's GPU nodes of one maker, told apart by whether they are in use. @throws CLUSTER_* */
export async function readGpuNodes(
  { cluster, nodes }: Pick<ClusterCheckContext, 'cluster' | 'nodes'>,
  vendor: GpuNode['vendor'],
): Promise<GpuNodes> {
  const all = gpuNodes(await nodes.read()).filter((node) => node.vendor === vendor);
  const usable = all.filter((node) => node.isReady && !node.isCordoned && gpuResource(node) !== undefined);
  const used = await nodesInUse(cluster, usable);
  return { all, idle: usable.filter(({ name }) => !used.has(name)), busy: usable.filter(({ name }) => used.has(name)) };
}

/** The resource under which a node's GPUs are asked for, and how many there are; undefined when there are none. */
export function gpuResource({ allocatable }: GpuNode): { readonly name: string; readonly count: number } | undefined {
  const [best] = Object.entries(allocatable)
    .filter(([, count]) => count > 0)
    .sort(([, left], [, right]) => right - left);
  return best === undefined ? undefined : { name: best[0], count: best[1] };
}

async function nodesInUse(cluster: ClusterCheckContext['cluster'], nodes: readonly GpuNode[]): Promise<ReadonlySet<string>> {
  const fields = nodes.length > ONE_BY_ONE ? [LIVE] : nodes.map(({ name }) => `spec.nodeName=${name},${LIVE}`);
  const nodeOf = (pod: ClusterObject): string | undefined => (usesGpu(pod) ? (textAt(pod, 'spec', 'nodeName') ?? '') : undefined);
  const lists = await Promise.all(fields.map((field) => collect(cluster, { apiVersion: 'v1', kind: 'Pod', fields: field }, nodeOf)));
  return new Set(lists.flat());
}

/** A pod with any resource claim counts: what it claims may be a GPU. */
function usesGpu(pod: ClusterObject): boolean {
  return gpuRequests(pod) > 0 || listAt(pod, 'spec', 'resourceClaims').length > 0;
}
