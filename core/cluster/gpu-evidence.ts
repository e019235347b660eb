import type { ClusterObject } from './cluster.ts';
import { at, textsAt } from './object-value.ts';

/** Who made a node's accelerators; `other` for a `<domain>.com/gpu` that nobody here knows. */
export type GpuVendor = 'nvidia' | 'amd' | 'intel' | 'habana' | 'other';

/** Why a node counts as one with accelerators. */
export interface GpuEvidence {
  readonly vendor: GpuVendor;
  /** Accelerators and parts of them by resource name, as `status.capacity` has them. */
  readonly resources: Readonly<Record<string, number>>;
  /** Labels that say so. */
  readonly labels: readonly string[];
}

/** @source NVIDIA, AMD, Intel and Habana device plug-ins: names of their extended resources, partitions included */
const RESOURCES: readonly (readonly [GpuVendor, RegExp])[] = [
  ['nvidia', /^nvidia\.com\/(?:gpu|gpu\.shared|mig-.+|pgpu|vgpu)$/],
  ['amd', /^amd\.com\/(?:gpu|[a-z]px(?:_nps\d)?)$/],
  ['intel', /^gpu\.intel\.com\/.+$/],
  ['habana', /^habana\.ai\/gaudi$/],
  ['other', /^[\w.-]+\.com\/gpu$/],
];
/** @source Node Feature Discovery (PCI class and vendor), GPU Feature Discovery, AMD node labeller, Intel device plug-ins */
const LABELS: readonly (readonly [GpuVendor, RegExp])[] = [
  ['nvidia', /^(?:nvidia\.com\/gpu\.present|feature\.node\.kubernetes\.io\/pci-(?:(?:03(?:00|02|80)|1200)_)?10de\.present)$/],
  ['amd', /^(?:(?:beta\.)?amd\.com\/gpu\..+|feature\.node\.kubernetes\.io\/(?:amd-gpu|pci-(?:(?:03(?:00|02|80)|1200)_)?1002\.present))$/],
  ['intel', /^intel\.feature\.node\.kubernetes\.io\/gpu$/],
];

/**
 * Whether a node has accelerators of any vendor. A resource that a device plug-in once advertised counts also with the number 0:
 * a node whose plug-in is broken must be missed, not overlooked.
 * @returns undefined for a node without any sign of them
 */
export function gpuEvidence(node: ClusterObject): GpuEvidence | undefined {
  const resources = gpuResources(at(node, 'status', 'capacity'));
  const labels = Object.entries(textsAt(node, 'metadata', 'labels')).filter(
    ([key, value]) => value !== 'false' && labelVendor(key) !== undefined,
  );
  const names = Object.keys(resources).sort((left, right) => (resources[right] ?? 0) - (resources[left] ?? 0));
  const vendor = names.map(gpuResourceVendor)[0] ?? labels.map(([key]) => labelVendor(key))[0];
  return vendor === undefined ? undefined : { vendor, resources, labels: labels.map(([key]) => key).sort() };
}

/** Maker of what an extended resource stands for; undefined for everything that is no accelerator. */
export function gpuResourceVendor(name: string): GpuVendor | undefined {
  return RESOURCES.find(([, pattern]) => pattern.test(name))?.[0];
}

/** The accelerators among the resources of a node or a container. @param amounts `status.capacity`, `resources.limits` … */
export function gpuResources(amounts: unknown): Readonly<Record<string, number>> {
  if (typeof amounts !== 'object' || amounts === null) return {};
  return Object.fromEntries(
    Object.entries(amounts)
      .filter(([name]) => gpuResourceVendor(name) !== undefined)
      // Extended resources are whole numbers; the API server writes them as text.
      .map(([name, amount]) => [name, Number(amount) || 0]),
  );
}

function labelVendor(key: string): GpuVendor | undefined {
  return LABELS.find(([, pattern]) => pattern.test(key))?.[0];
}
