import { pick, readMemInfo } from '../probe/memory.ts';
import type { FilesystemSpace, Host } from '../host/host.ts';
import type { CheckContext } from './check.ts';
import { fail, pass, skip, unknown, warn, withoutSource, type Verdict } from './verdict.ts';

/** Limits of {@link checkMemoryHeadroom}. */
export const MEMORY_THRESHOLDS = {
  failBelow: { value: 100, unit: 'MiB', source: 'kubelet default eviction-hard memory.available<100Mi' },
  warnBelow: { value: 10, unit: '%', source: 'choice made here' },
} as const;

/** Limits of {@link checkDiskHeadroom}. */
export const DISK_THRESHOLDS = {
  failBelow: { value: 10, unit: '%', source: 'kubelet default eviction-hard nodefs.available<10%' },
  warnBelow: { value: 15, unit: '%', source: 'kubelet default eviction-hard imagefs.available<15%' },
  inodesBelow: { value: 5, unit: '%', source: 'kubelet default eviction-hard nodefs.inodesFree<5%' },
} as const;

const MIB = 1024 * 1024;
/** Free space is given in these steps: every threshold is one of them, so a verdict can be recomputed, and noise between two runs does not show. */
const STEP_PERCENT = 5;
/** More than this is told as this: it is far from every threshold, and how far depends on the moment. */
const PLENTY_PERCENT = 25;

/** There is memory left for a workload. */
export async function checkMemoryHeadroom({ host }: CheckContext): Promise<Verdict> {
  const info = await readMemInfo(host);
  const total = pick(info, 'MemTotal');
  const available = pick(info, 'MemAvailable');
  if (total.state !== 'read') return withoutSource(host, total);
  if (available.state !== 'read') return withoutSource(host, available);
  const { failBelow, warnBelow } = MEMORY_THRESHOLDS;
  const percent = percentStep(available.value, total.value);
  const low = available.value < failBelow.value * MIB;
  const observed = { availablePercentAtLeast: percent, ...(low ? { availableMiB: Math.floor(available.value / MIB) } : {}) };
  if (low) return fail(`${Math.floor(available.value / MIB)} MiB of memory are available`, observed);
  if (percent < warnBelow.value) return warn(`less than ${warnBelow.value} % of memory is available`, observed);
  return pass(`at least ${percent} % of memory is available`, observed);
}

const DIRECTORIES = ['/', '/var/lib/kubelet', '/var/lib/containerd', '/var/lib/docker'];

/** There is room, in bytes and inodes, where a node keeps images, logs and volumes. */
export async function checkDiskHeadroom({ host }: CheckContext): Promise<Verdict> {
  if (!host.live) return skip('a captured tree has no free space of its own');
  const rows = await Promise.all(DIRECTORIES.map((path) => directoryRow(host, path)));
  const there = rows.filter((row) => row !== undefined);
  const observed = { directories: there };
  if (there.length === 0) return unknown('the free space of / cannot be read');
  const { failBelow, warnBelow, inodesBelow } = DISK_THRESHOLDS;
  const full = there.filter((row) => row.freePercentAtLeast < failBelow.value || row.freeInodesPercentAtLeast < inodesBelow.value);
  const low = there.filter((row) => row.freePercentAtLeast < warnBelow.value);
  if (full.length > 0) return fail(`too little room at ${paths(full)}`, observed);
  if (low.length > 0) return warn(`less than ${warnBelow.value} % free at ${paths(low)}`, observed);
  return pass(`room at ${paths(there)}`, observed);
}

interface DirectoryRow {
  readonly path: string;
  readonly freePercentAtLeast: number;
  readonly freeInodesPercentAtLeast: number;
}

async function directoryRow(host: Host, path: string): Promise<DirectoryRow | undefined> {
  const read = await host.space(path);
  if (read.state !== 'read' || read.value.sizeBytes === 0) return undefined;
  return { path, ...freeOf(read.value) };
}

function freeOf(space: FilesystemSpace): Omit<DirectoryRow, 'path'> {
  return {
    freePercentAtLeast: percentStep(space.availableBytes, space.sizeBytes),
    // Filesystems without a fixed number of inodes cannot run out of them.
    freeInodesPercentAtLeast: space.inodes === 0 ? PLENTY_PERCENT : percentStep(space.inodesFree, space.inodes),
  };
}

function percentStep(part: number, whole: number): number {
  return Math.min(Math.floor((part / whole) * (100 / STEP_PERCENT)) * STEP_PERCENT, PLENTY_PERCENT);
}

function paths(rows: readonly DirectoryRow[]): string {
  return rows.map((row) => row.path).join(', ');
}
