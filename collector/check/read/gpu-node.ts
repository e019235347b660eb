import type { ClusterObject } from '#core/cluster/cluster.ts';
import { gpuEvidence, gpuResources, type GpuVendor } from '#core/cluster/gpu-evidence.ts';
import { at, conditionOf, listAt, textsAt } from '#core/cluster/object-value.ts';

/** A node with accelerators, by what it advertises or what its labels say. */
export interface GpuNode {
  readonly name: string;
  readonly vendor: GpuVendor;
  readonly isReady: boolean;
  readonly isCordoned: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** Accelerators by resource name, as the device plug-in advertised them. */
  readonly capacity: Readonly<Record<string, number>>;
  /** The same, without those that the plug-in calls unhealthy. */
  readonly allocatable: Readonly<Record<string, number>>;
}

/** The nodes that have accelerators of any vendor, sorted by name. */
export function gpuNodes(nodes: readonly ClusterObject[]): readonly GpuNode[] {
  return nodes
    .flatMap((node) => {
      const vendor = gpuEvidence(node)?.vendor;
      return vendor === undefined ? [] : [gpuNode(node, vendor)];
    })
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** How many of all resources together. */
export function sumOf(resources: Readonly<Record<string, number>>): number {
  return Object.values(resources).reduce((sum, count) => sum + count, 0);
}

/** How many accelerators a pod asks for: the larger of what an init container and all containers together need. */
export function gpuRequests(pod: ClusterObject): number {
  const askedBy = (container: unknown): number => {
    const resources = { ...gpuResources(at(container, 'resources', 'requests')), ...gpuResources(at(container, 'resources', 'limits')) };
    return sumOf(resources);
  };
  const together = listAt(pod, 'spec', 'containers').reduce<number>((sum, container) => sum + askedBy(container), 0);
  return Math.max(together, ...listAt(pod, 'spec', 'initContainers').map(askedBy));
}

function gpuNode(node: ClusterObject, vendor: GpuVendor): GpuNode {
  return {
    name: node.metadata.name,
    vendor,
    isReady: conditionOf(node, 'Ready')?.status === 'True',
    isCordoned: at(node, 'spec', 'unschedulable') === true,
    labels: textsAt(node, 'metadata', 'labels'),
    capacity: gpuResources(at(node, 'status', 'capacity')),
    allocatable: gpuResources(at(node, 'status', 'allocatable')),
  };
}
