import type { Cluster } from '#core/cluster/cluster.ts';
import type { Measurement } from '#core/snapshot/measurement.ts';

/**
 * Facts about the whole cluster in the form of a snapshot: API server, images, GPU operator policies, node topology, and how many
 * nodes have which version of what. Bounded: at most about 1 MiB of facts whatever the number of nodes. What could not be
 * read is a measurement in state `unreadable`; never throws.
 * @param cluster read rights for nodes, pods and ClusterPolicy objects
 * @source upstream snapshot: K8s.server, K8s.image, K8s.policy, K8s.node, NodeTopology
 */
export async function readClusterFacts(cluster: Pick<Cluster, 'list' | 'get'>): Promise<readonly Measurement[]> {
  void cluster;
  return [];
}
