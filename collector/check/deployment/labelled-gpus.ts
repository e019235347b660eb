import type { GpuNode } from '../read/gpu-node.ts';

const SHARED_SUFFIX = '.shared';
const MIG_COUNT = /^(nvidia\.com\/mig-.+)\.count$/;
/** One label per kind of device, its value the number of devices. @source AMD node labeller documentation */
const AMD_DEVICES = /^(?:beta\.)?amd\.com\/gpu\.device-id\..+$/;

/**
 * How many accelerators of each resource a node should advertise according to the labels that its feature discovery wrote from the
 * hardware: physical GPUs times replicas, MIG devices by profile, AMD devices by id.
 * @returns empty when no label says it
 * @source GPU feature discovery labels (`nvidia.com/gpu.count`, `.replicas`, `nvidia.com/mig-*.count`); AMD node labeller
 */
export function labelledGpus({ vendor, labels, capacity }: GpuNode): Readonly<Record<string, number>> {
  if (vendor === 'nvidia') return nvidiaGpus(labels);
  const isPartitioned = Object.keys(capacity).some((resource) => resource !== 'amd.com/gpu');
  return vendor === 'amd' && !isPartitioned ? amdGpus(labels) : {};
}

/** What a node advertises, with shared GPUs counted under the name of the GPU. */
export function advertisedGpus(resources: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const [name, count] of Object.entries(resources)) {
    const plain = name.endsWith(SHARED_SUFFIX) ? name.slice(0, -SHARED_SUFFIX.length) : name;
    sums[plain] = (sums[plain] ?? 0) + count;
  }
  return sums;
}

function nvidiaGpus(labels: GpuNode['labels']): Readonly<Record<string, number>> {
  const mig = Object.entries(labels).flatMap(([key, value]) => {
    const resource = MIG_COUNT.exec(key)?.[1];
    return resource === undefined ? [] : [[resource, countOf(value) ?? 0] as const];
  });
  // With the mixed strategy the GPUs that are cut into devices are no longer advertised as such, and no label says how many those are.
  if (mig.length > 0 && labels['nvidia.com/mig.strategy'] === 'mixed') return Object.fromEntries(mig);
  const count = countOf(labels['nvidia.com/gpu.count']);
  if (count === undefined) return {};
  const isShared = !['none', undefined].includes(labels['nvidia.com/gpu.sharing-strategy']);
  return { 'nvidia.com/gpu': count * (isShared ? (countOf(labels['nvidia.com/gpu.replicas']) ?? 1) : 1) };
}

function amdGpus(labels: GpuNode['labels']): Readonly<Record<string, number>> {
  const of = (prefix: string): readonly number[] =>
    Object.entries(labels).flatMap(([key, value]) => (key.startsWith(prefix) && AMD_DEVICES.test(key) ? (countOf(value) ?? []) : []));
  // Both spellings of one label may be there at once.
  const counts = [of('amd.com/'), of('beta.amd.com/')].find((list) => list.length > 0) ?? [];
  return counts.length === 0 ? {} : { 'amd.com/gpu': counts.reduce((sum, count) => sum + count, 0) };
}

function countOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,4}$/.test(text) ? Number(text) : undefined;
}
