import type { ClusterObject } from '#core/cluster/cluster.ts';
import type { ReadableCluster } from '../cluster-check.ts';
import { at, listAt, numberAt, textAt } from '#core/cluster/object-value.ts';

/** Versions of the API in which a cluster may serve dynamic resource allocation, newest first. */
export const DRA_VERSIONS: readonly string[] = ['resource.k8s.io/v1', 'resource.k8s.io/v1beta2', 'resource.k8s.io/v1beta1'];

/** One device that a driver advertises. */
export interface DraDevice {
  readonly driver: string;
  readonly pool: string;
  /** Undefined for devices that are not bound to one node. */
  readonly node: string | undefined;
  readonly name: string;
  /** `gpu`, `mig`, `vfio` … as the driver calls it. */
  readonly type: string | undefined;
  readonly isTainted: boolean;
}

/** What a cluster says about dynamic resource allocation. */
export interface DraState {
  readonly apiVersion: string;
  /** Devices of pools whose newest generation is complete. */
  readonly devices: readonly DraDevice[];
  /** Pools whose newest generation lacks slices: what they advertise is not yet true. */
  readonly incompletePools: number;
}

/**
 * Reads the devices that drivers advertise through ResourceSlices: only pools whose newest generation is whole count.
 * @returns undefined when the cluster does not serve dynamic resource allocation
 * @throws CLUSTER_*
 */
export async function readDraState(cluster: Pick<ReadableCluster, 'list'>): Promise<DraState | undefined> {
  for (const apiVersion of DRA_VERSIONS) {
    const slices = await cluster.list({ apiVersion, kind: 'ResourceSlice' });
    if (slices !== undefined) return draState(apiVersion, slices);
  }
  return undefined;
}

function draState(apiVersion: string, slices: readonly ClusterObject[]): DraState {
  const pools = Map.groupBy(slices, (slice) => JSON.stringify([textAt(slice, 'spec', 'driver'), textAt(slice, 'spec', 'pool', 'name')]));
  const newest = [...pools.values()].map(newestGeneration);
  const whole = newest.filter(isWhole);
  return { apiVersion, devices: whole.flat().flatMap(devicesOf), incompletePools: newest.length - whole.length };
}

function newestGeneration(slices: readonly ClusterObject[]): readonly ClusterObject[] {
  const generation = (slice: ClusterObject): number => numberAt(slice, 'spec', 'pool', 'generation') ?? 0;
  const newest = Math.max(...slices.map(generation));
  return slices.filter((slice) => generation(slice) === newest);
}

function isWhole(slices: readonly ClusterObject[]): boolean {
  return slices.length === numberAt(slices[0], 'spec', 'pool', 'resourceSliceCount');
}

function devicesOf(slice: ClusterObject): readonly DraDevice[] {
  const [driver, pool] = [textAt(slice, 'spec', 'driver') ?? '', textAt(slice, 'spec', 'pool', 'name') ?? ''];
  return listAt(slice, 'spec', 'devices').map((device) => {
    // In v1beta1 everything but the name stands one level deeper.
    const body = at(device, 'basic') ?? device;
    return {
      driver,
      pool,
      node: textAt(slice, 'spec', 'nodeName') ?? textAt(body, 'nodeName'),
      name: textAt(device, 'name') ?? '',
      type: textAt(body, 'attributes', 'type', 'string'),
      isTainted: listAt(body, 'taints').some((taint) => ['NoSchedule', 'NoExecute'].includes(textAt(taint, 'effect') ?? '')),
    };
  });
}
