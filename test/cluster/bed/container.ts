import { existsSync, globSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ApiObject } from './api.ts';
import { place } from './place.ts';

const MIB = 1 << 20;

/** Memory of one container as its cgroup counts it, MiB. */
export interface ContainerMemory {
  /** Highest ever, page cache included: what the limit is compared with. */
  readonly peakMiB: number;
  /** Its own pages at this moment. */
  readonly anonymousMiB: number;
}

/** Memory of a container; undefined when it has ended. @param nodeIndex of the node that it runs on */
export function containerMemory(pod: ApiObject, container: string, nodeIndex: number): ContainerMemory | undefined {
  const id = containerId(pod, container);
  const groups = readFileSync(join(place.run, `node-${nodeIndex}.groups`), 'utf8')
    .trim()
    .split('\n');
  for (const group of groups) {
    const [folder] = globSync(`${group}/kubepods/**/pod${pod.metadata.uid}/${id}`);
    if (folder === undefined) continue;
    for (const [peak, own] of [
      ['memory.max_usage_in_bytes', 'rss'],
      ['memory.peak', 'anon'],
    ] as const) {
      if (!existsSync(join(folder, peak))) continue;
      const statistics = readFileSync(join(folder, 'memory.stat'), 'utf8');
      const anonymous = Number(new RegExp(`^${own} (\\d+)$`, 'm').exec(statistics)?.[1] ?? 0);
      return { peakMiB: Number(readFileSync(join(folder, peak), 'utf8')) / MIB, anonymousMiB: anonymous / MIB };
    }
  }
  return undefined;
}

/** Ends the first process of a container from outside, as the kernel would when memory runs out. @returns false when it has none */
export function killContainer(pod: ApiObject, container: string): boolean {
  const id = containerId(pod, container);
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => groupsOf(pid).includes(id));
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  return pids.length > 0;
}

function containerId(pod: ApiObject, container: string): string {
  const statuses = (pod.status.containerStatuses ?? []) as readonly { readonly name: string; readonly containerID?: string }[];
  const id = statuses.find(({ name }) => name === container)?.containerID?.replace(/^.*:\/\//, '');
  if (id === undefined || id === '') throw new Error(`${pod.metadata.name} has no container ${container} yet`);
  return id;
}

function groupsOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8');
  } catch {
    return '';
  }
}
