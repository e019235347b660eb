import type { Cluster, ClusterObject } from './cluster.ts';
import { collect } from './each-object.ts';
import { at, listAt, textAt } from './object-value.ts';

const NODE = { apiVersion: 'v1', kind: 'Node' };

/**
 * The nodes without their lists of images, volumes and annotations, which are nine tenths of them: ten thousand nodes are some tens of
 * MiB. @throws CLUSTER_*
 */
export function readNodes(cluster: Pick<Cluster, 'watch'>): Promise<readonly ClusterObject[]> {
  return collect(cluster, NODE, slimNode);
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
