import type { Measurement } from '#core/snapshot/measurement.ts';
import type { FileRead, Host } from '../host/host.ts';
import { measure, type Fact } from './measure.ts';
import { readCount, readLine } from './text-file.ts';

const BLOCK = '/sys/class/block';
const SECTOR_BYTES = 512;
const MAX_DISKS = 256;

/** Whole disks as `Hardware.disk`, without serial numbers; and the filesystem types of the directories that matter to a node. */
export async function probeStorage(host: Host): Promise<readonly Measurement[]> {
  const names = await readDisks(host);
  const disks: Measurement[] = [];
  for (const name of names.state === 'read' ? names.value : []) disks.push(...(await describeDisk(host, name)));
  return [...disks, ...(await mounts(host))];
}

/** Names of physical disks: partitions, loop, ram and mapped devices are left out. */
async function readDisks(host: Host): Promise<FileRead<readonly string[]>> {
  const names = await host.list('/sys/block');
  if (names.state !== 'read') return names;
  return { state: 'read', value: names.value.filter((name) => !/^(loop|ram|zram|dm-|md|sr|fd|nbd)/.test(name)).slice(0, MAX_DISKS) };
}

async function describeDisk(host: Host, name: string): Promise<readonly Measurement[]> {
  const path = (file: string): string => `${BLOCK}/${name}/${file}`;
  const size = await readCount(host, path('size'));
  const facts: Fact[] = [
    {
      key: 'size',
      read: size.state === 'read' ? { state: 'read', value: size.value * SECTOR_BYTES } : size,
      unit: 'By',
      source: path('size'),
    },
    { key: 'rotational', read: await readCount(host, path('queue/rotational')), source: path('queue/rotational') },
    { key: 'model', read: await readLine(host, path('device/model')), source: path('device/model') },
  ];
  return measure({ subtype: 'disk', item: name }, facts);
}

const WATCHED = ['/', '/var/lib/kubelet', '/var/lib/containerd', '/var/lib/docker', '/run', '/tmp'];

async function mounts(host: Host): Promise<readonly Measurement[]> {
  const read = await host.readText('/proc/mounts');
  if (read.state !== 'read') return [];
  const types = new Map<string, string>();
  for (const line of read.value.split('\n')) {
    const [, point = '', type = ''] = line.split(' ');
    if (WATCHED.includes(point)) types.set(point, type);
  }
  return [...types].flatMap(([point, type]) =>
    measure({ subtype: 'mount', item: point }, [{ key: 'filesystem', read: { state: 'read', value: type }, source: '/proc/mounts' }]),
  );
}
