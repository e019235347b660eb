import { existsSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { until } from './until.ts';

const ROOT = '/sys/fs/cgroup';
const EMPTY_MS = 10_000;

/**
 * Folders of a new group in every hierarchy that this process is in, below its own place there: what it may use stays bounded
 * by what this process may use, and is accounted to it.
 */
export function groupFolders(name: string): readonly string[] {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '));
  const folders: string[] = [];
  for (const line of readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n')) {
    const [, controllers = '', path = '/'] = line.split(':');
    const base =
      controllers === ''
        ? mounts.find(([, at, type]) => at === ROOT && type === 'cgroup2')?.[1]
        : mounts.find(([, at, type, options]) => type === 'cgroup' && at !== undefined && options?.split(',').includes(controllers))?.[1];
    if (base !== undefined) folders.push(join(base, path, name));
  }
  return folders;
}

/** Makes the folders of a group. */
export async function makeGroup(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    await mkdir(folder, { recursive: true });
    // A new cpuset of version 1 is empty and takes no process.
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      const own = join(folder, file);
      if (existsSync(own) && readFileSync(own, 'utf8').trim() === '') writeFileSync(own, readFileSync(join(dirname(folder), file)));
    }
  }
}

/** Removes a group with all that is below it, once its processes have ended. */
export async function removeGroup(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    await until(`${folder} to be empty`, async () => removeTree(folder), { withinMs: EMPTY_MS, everyMs: 50 });
  }
}

function removeTree(folder: string): boolean {
  if (!existsSync(folder)) return true;
  for (const name of readdirSync(folder)) {
    const child = join(folder, name);
    if (statSync(child).isDirectory()) removeTree(child);
  }
  rmdirSync(folder);
  return true;
}
