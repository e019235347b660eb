import type { ClusterObject } from '#core/cluster/cluster.ts';
import { at, conditionOf, textsAt } from './object-value.ts';
import { quantityOf } from './quantity.ts';

/** Who made a node's accelerators. */
export type GpuVendor = 'nvidia' | 'amd' | 'intel' | 'habana';

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

const RESOURCES: readonly (readonly [GpuVendor, RegExp])[] = [
  ['nvidia', /^nvidia\.com\/(?:gpu|gpu\.shared|mig-.+|pgpu|vgpu)$/],
  ['amd', /^amd\.com\/(?:gpu|[a-z]px(?:_nps\d)?)$/],
  ['intel', /^gpu\.intel\.com\/.+$/],
  ['habana', /^habana\.ai\/gaudi$/],
];
const LABELS: readonly (readonly [GpuVendor, RegExp])[] = [
  ['nvidia', /^(?:nvidia\.com\/gpu\.(?:present|count|product)|feature\.node\.kubernetes\.io\/pci-(?:03(?:00|02)_)?10de\.present)$/],
  ['amd', /^(?:feature\.node\.kubernetes\.io\/(?:amd-gpu|pci-(?:(?:03|12)(?:00|80)_)?1002\.present)|(?:beta\.)?amd\.com\/gpu\..+)$/],
];

/** The nodes that have accelerators of any vendor, sorted by name. */
export function gpuNodes(nodes: readonly ClusterObject[]): readonly GpuNode[] {
  return nodes
    .flatMap((node) => {
      const vendor = vendorOf(node);
      return vendor === undefined ? [] : [gpuNode(node, vendor)];
    })
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** Accelerators that may be asked for on a node. */
export function allocatableGpus({ allocatable }: GpuNode): number {
  return Object.values(allocatable).reduce((sum, count) => sum + count, 0);
}

/** How many accelerators a pod asks for, by resource name: the larger of what its init containers and its containers need. */
export function gpuRequests(pod: ClusterObject): number {
  const askedBy = (container: unknown): number =>
    Object.entries({ ...record(at(container, 'resources', 'requests')), ...record(at(container, 'resources', 'limits')) })
      .filter(([name]) => resourceVendor(name) !== undefined)
      .reduce((sum, [, value]) => sum + (quantityOf(value) ?? 0), 0);
  const each = (field: string): number[] => {
    const list = at(pod, 'spec', field);
    return Array.isArray(list) ? list.map(askedBy) : [];
  };
  return Math.max(
    0,
    ...each('initContainers'),
    each('containers').reduce((sum, count) => sum + count, 0),
  );
}

function gpuNode(node: ClusterObject, vendor: GpuVendor): GpuNode {
  return {
    name: node.metadata.name,
    vendor,
    isReady: conditionOf(node, 'Ready') === 'True',
    isCordoned: at(node, 'spec', 'unschedulable') === true,
    labels: textsAt(node, 'metadata', 'labels'),
    capacity: gpuResources(at(node, 'status', 'capacity')),
    allocatable: gpuResources(at(node, 'status', 'allocatable')),
  };
}

function vendorOf(node: ClusterObject): GpuVendor | undefined {
  const advertised = Object.entries(gpuResources(at(node, 'status', 'capacity'))).find(([, count]) => count > 0);
  return advertised === undefined ? labelledVendor(textsAt(node, 'metadata', 'labels')) : resourceVendor(advertised[0]);
}

function labelledVendor(labels: Readonly<Record<string, string>>): GpuVendor | undefined {
  const says = ([key, value]: readonly [string, string], pattern: RegExp): boolean => value !== 'false' && pattern.test(key);
  return LABELS.find(([, pattern]) => Object.entries(labels).some((label) => says(label, pattern)))?.[0];
}

function resourceVendor(name: string): GpuVendor | undefined {
  return RESOURCES.find(([, pattern]) => pattern.test(name))?.[0];
}

function gpuResources(value: unknown): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(record(value))
      .filter(([name]) => resourceVendor(name) !== undefined)
      .map(([name, quantity]) => [name, quantityOf(quantity) ?? 0]),
  );
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
