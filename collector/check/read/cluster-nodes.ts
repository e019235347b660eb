import type { Clock } from '#core/clock.ts';
import type { Cluster, ClusterObject } from '#core/cluster/cluster.ts';
import { at, listAt, textAt } from '#core/cluster/object-value.ts';
import { collect } from './each-object.ts';

/** How long one look serves the checks that begin with it. */
const MAX_AGE_MS = 20_000;
const NODE = { apiVersion: 'v1', kind: 'Node' };

/**
 * The nodes without their lists of images, volumes and annotations, which are nine tenths of them: ten thousand nodes are some tens of
 * MiB. @throws CLUSTER_*
 */
export function readNodes(cluster: Pick<Cluster, 'watch'>): Promise<readonly ClusterObject[]> {
  return collect(cluster, NODE, slimNode);
}

/** The nodes, read at most once in {@link MAX_AGE_MS} for all checks of a run. */
export class ClusterNodes {
  readonly #cluster: Pick<Cluster, 'watch'>;
  readonly #clock: Clock;
  #last: { readonly at: number; readonly nodes: Promise<readonly ClusterObject[]> } | undefined;

  constructor(cluster: Pick<Cluster, 'watch'>, clock: Clock) {
    this.#cluster = cluster;
    this.#clock = clock;
  }

  /** @throws CLUSTER_* */
  read(): Promise<readonly ClusterObject[]> {
    const now = this.#clock.monotonicMs();
    if (this.#last === undefined || now - this.#last.at > MAX_AGE_MS) this.#last = { at: now, nodes: readNodes(this.#cluster) };
    // A failure is not kept: the next check asks again.
    this.#last.nodes.catch(() => (this.#last = undefined));
    return this.#last.nodes;
  }
}

function slimNode(node: ClusterObject): ClusterObject {
  const { name, uid, labels, annotations } = node.metadata;
  const simulated = annotations?.['kwok.x-k8s.io/node'];
  return {
    apiVersion: node.apiVersion,
    kind: node.kind,
    metadata: {
      name,
      ...(uid === undefined ? {} : { uid }),
      ...(labels === undefined ? {} : { labels }),
      ...(simulated === undefined ? {} : { annotations: { 'kwok.x-k8s.io/node': simulated } }),
    },
    spec: {
      providerID: at(node, 'spec', 'providerID'),
      taints: at(node, 'spec', 'taints'),
      unschedulable: at(node, 'spec', 'unschedulable'),
    },
    status: {
      capacity: at(node, 'status', 'capacity'),
      allocatable: at(node, 'status', 'allocatable'),
      nodeInfo: at(node, 'status', 'nodeInfo'),
      conditions: listAt(node, 'status', 'conditions').filter((condition) => textAt(condition, 'type') === 'Ready'),
    },
  };
}
