import type { Cluster, ClusterObject, ObjectSelection } from './cluster.ts';

/**
 * Objects of a selection one by one, page by page, so that a large list is never held as a whole. Ends with the last object that
 * existed at the start; whoever stops earlier causes no further request.
 * @throws CLUSTER_*; CLUSTER_REFUSED also for a kind that the cluster does not know
 */
export async function* eachObject(cluster: Pick<Cluster, 'watch'>, selection: ObjectSelection): AsyncGenerator<ClusterObject> {
  const over = new AbortController();
  try {
    for await (const event of cluster.watch(selection, over.signal)) {
      if (event.change === 'synced') return;
      if (event.change === 'present') yield event.object;
    }
  } finally {
    over.abort();
  }
}

/** What is kept of each object of a selection; objects of which nothing is kept are left out. @throws CLUSTER_* */
export async function collect<T>(
  cluster: Pick<Cluster, 'watch'>,
  selection: ObjectSelection,
  keep: (object: ClusterObject) => T | undefined,
): Promise<readonly T[]> {
  const kept: T[] = [];
  for await (const object of eachObject(cluster, selection)) {
    const part = keep(object);
    if (part !== undefined) kept.push(part);
  }
  return kept;
}
