import type { Measurement } from '#core/snapshot/measurement.ts';
import type { FileRead, Host } from '../host/host.ts';
import { measure, type Fact } from './measure.ts';
import { colonLines, readCount, readLine } from './text-file.ts';

const MEMINFO = '/proc/meminfo';
const HUGE_PAGES = '/sys/kernel/mm/hugepages';
const NODES = '/sys/devices/system/node';

/** Memory facts as `Hardware.memory`: what is installed and reserved, not what is in use. */
export async function probeMemory(host: Host): Promise<readonly Measurement[]> {
  const info = await readMemInfo(host);
  const total: Fact = { key: 'total', read: pick(info, 'MemTotal'), unit: 'By', source: MEMINFO };
  const swap: Fact = { key: 'swap-total', read: pick(info, 'SwapTotal'), unit: 'By', source: MEMINFO };
  const transparent = '/sys/kernel/mm/transparent_hugepage/enabled';
  const facts = [
    total,
    swap,
    await numaNodes(host),
    { key: 'transparent-hugepages', read: await readChoice(host, transparent), source: transparent },
  ];
  return [...measure({ subtype: 'memory' }, facts), ...(await hugePages(host))];
}

/** /proc/meminfo in bytes. */
export async function readMemInfo(host: Host): Promise<FileRead<ReadonlyMap<string, number>>> {
  const read = await host.readText(MEMINFO);
  if (read.state !== 'read') return read;
  const bytes = new Map<string, number>();
  for (const [key, value] of colonLines(read.value)) {
    const match = /^(\d{1,13}) kB$/.exec(value);
    if (match !== null) bytes.set(key, Number(match[1]) * 1024);
  }
  return { state: 'read', value: bytes };
}

/** One row of /proc/meminfo; a row that is missing is absent. */
export function pick(info: FileRead<ReadonlyMap<string, number>>, row: string): FileRead<number> {
  if (info.state !== 'read') return info;
  const value = info.value.get(row);
  return value === undefined ? { state: 'absent', reason: `${MEMINFO}: no ${row}` } : { state: 'read', value };
}

/** Reserved huge pages by page size in kB. */
export async function readHugePages(host: Host): Promise<FileRead<ReadonlyMap<number, number>>> {
  const sizes = await host.list(HUGE_PAGES);
  if (sizes.state !== 'read') return sizes;
  const pages = new Map<number, number>();
  for (const name of sizes.value) {
    const size = /^hugepages-(\d{1,10})kB$/.exec(name)?.[1];
    const count = await readCount(host, `${HUGE_PAGES}/${name}/nr_hugepages`);
    if (size !== undefined && count.state === 'read') pages.set(Number(size), count.value);
  }
  return { state: 'read', value: pages };
}

async function hugePages(host: Host): Promise<readonly Measurement[]> {
  const read = await readHugePages(host);
  if (read.state !== 'read') return [];
  return [...read.value].flatMap(([sizeKb, count]) =>
    measure({ subtype: 'hugepages', item: `${sizeKb}kB` }, [
      { key: 'reserved', read: { state: 'read', value: count }, unit: '1', source: `${HUGE_PAGES}/hugepages-${sizeKb}kB/nr_hugepages` },
    ]),
  );
}

async function numaNodes(host: Host): Promise<Fact> {
  const names = await host.list(NODES);
  const read: FileRead<number> =
    names.state === 'read' ? { state: 'read', value: names.value.filter((name) => /^node\d+$/.test(name)).length } : names;
  return { key: 'numa-nodes', read, unit: '1', source: NODES };
}

/** The bracketed word of a choice file such as `always [madvise] never`. */
async function readChoice(host: Host, path: string): Promise<FileRead<string>> {
  const read = await readLine(host, path);
  if (read.state !== 'read') return read;
  const chosen = /\[(\w+)\]/.exec(read.value)?.[1];
  return chosen === undefined ? { state: 'unreadable', reason: `${path}: nothing is chosen` } : { state: 'read', value: chosen };
}
