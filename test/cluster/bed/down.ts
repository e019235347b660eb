import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { groupFolders } from './cgroup.ts';
import { bedLinks, removeBridge } from './network.ts';
import { stopNode } from './node.ts';
import { place } from './place.ts';
import { endRecorded, recordedNames } from './process-record.ts';

const NODE_NAME = /^node-(\d+)$/;

/** Ends the cluster and everything it left; images and programs stay in the cache. @throws when something remains */
export async function down(): Promise<void> {
  await rm(place.bed, { force: true });
  for (const name of recordedNames()) {
    const index = NODE_NAME.exec(name)?.[1];
    await (index === undefined ? endRecorded(name) : stopNode(Number(index)));
  }
  await removeBridge();
  await rm(place.run, { recursive: true, force: true });
  const left = await remains();
  if (left.length > 0) throw new Error(`the bed left something:\n${left.join('\n')}`);
}

/** Everything of a bed that can be seen on this machine: links, mounts, cgroups, processes. */
export async function remains(): Promise<readonly string[]> {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(place.cache));
  const groups = groupFolders('.')
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder)
        .filter((name) => name.startsWith('assay-bed-'))
        .map((name) => `${folder}/${name}`),
    );
  return [...(await bedLinks()), ...mounts, ...groups, ...bedProcesses()];
}

/** Those that run with files of this life; whoever only uses a program of the cache is none of them. */
function bedProcesses(): readonly string[] {
  const folders = [`${place.state}/`, `${place.run}/`];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        return folders.some((folder) => words.includes(folder)) ? [`${pid} ${words.slice(0, 120)}`] : [];
      } catch {
        return [];
      }
    });
}
