import type { Measurement } from '#core/snapshot/measurement.ts';
import type { FileRead, Host } from '../host/host.ts';
import { found, measure, type Fact } from './measure.ts';
import { colonLines, countList, readLine } from './text-file.ts';

const CPUINFO = '/proc/cpuinfo';
const CPU_ROOT = '/sys/devices/system/cpu';
// About 1.6 KB per CPU with all its flags.
const MAX_CPUINFO_BYTES = 8 * 1024 * 1024;

/** Rows of /proc/cpuinfo by their key in a snapshot: x86 first, then arm64. */
const IDENTITY: readonly (readonly [key: string, row: string])[] = [
  ['vendor', 'vendor_id'],
  ['family', 'cpu family'],
  ['model', 'model'],
  ['model-name', 'model name'],
  ['stepping', 'stepping'],
  ['microcode', 'microcode'],
  ['implementer', 'CPU implementer'],
  ['architecture', 'CPU architecture'],
  ['variant', 'CPU variant'],
  ['part', 'CPU part'],
  ['revision', 'CPU revision'],
];

/** What identifies the processors: text rows of the first one, and how many sockets and threads there are. */
export interface CpuInfo {
  readonly rows: ReadonlyMap<string, string>;
  readonly sockets: number | undefined;
  readonly threads: number;
}

/** Processor facts as `Hardware.cpu`: the same number of rows whatever the number of CPUs. */
export async function probeCpu(host: Host): Promise<readonly Measurement[]> {
  return measure({ subtype: 'cpu' }, [...(await identity(host)), ...(await counts(host)), await governors(host)]);
}

/** Reads /proc/cpuinfo. */
export async function readCpuInfo(host: Host): Promise<FileRead<CpuInfo>> {
  const read = await host.readText(CPUINFO, { maxBytes: MAX_CPUINFO_BYTES });
  if (read.state !== 'read') return read;
  const end = read.value.indexOf('\n\n');
  const rows = colonLines(end < 0 ? read.value : read.value.slice(0, end));
  const packages = new Set(read.value.match(/^physical id\s*:.*$/gm));
  const threads = read.value.match(/^processor\s*:/gm)?.length ?? 0;
  return { state: 'read', value: { rows, sockets: packages.size === 0 ? undefined : packages.size, threads } };
}

async function identity(host: Host): Promise<readonly Fact[]> {
  const read = await readCpuInfo(host);
  if (read.state !== 'read') return [{ key: 'threads', read, source: CPUINFO }];
  const { rows, sockets, threads } = read.value;
  const present = IDENTITY.flatMap(([key, row]) => {
    const value = rows.get(row);
    return value === undefined || value === '' ? [] : [found(key, value, CPUINFO)];
  });
  const packages = sockets ?? (await packageCount(host));
  return [...present, found('threads', threads, CPUINFO), ...(packages === undefined ? [] : [found('sockets', packages, CPUINFO)])];
}

/** Arm has no package rows in /proc/cpuinfo; the topology files of each CPU have. */
async function packageCount(host: Host): Promise<number | undefined> {
  const online = await readLine(host, `${CPU_ROOT}/online`);
  const count = online.state === 'read' ? countList(online.value) : undefined;
  if (count === undefined) return undefined;
  const packages = new Set<string>();
  for (let cpu = 0; cpu < count; cpu += 1) {
    const read = await readLine(host, `${CPU_ROOT}/cpu${cpu}/topology/physical_package_id`);
    if (read.state === 'read' && read.value !== '-1') packages.add(read.value);
  }
  return packages.size === 0 ? undefined : packages.size;
}

async function counts(host: Host): Promise<readonly Fact[]> {
  const facts: Fact[] = [];
  for (const [key, file] of [
    ['online', 'online'],
    ['possible', 'possible'],
    ['isolated', 'isolated'],
  ] as const) {
    const source = `${CPU_ROOT}/${file}`;
    const read = await host.readText(source);
    const count = read.state === 'read' ? countList(read.value) : undefined;
    if (count !== undefined) facts.push(found(key, count, source));
    else facts.push({ key, read: read.state === 'read' ? { state: 'unreadable', reason: `${source}: not a CPU list` } : read, source });
  }
  const smt = `${CPU_ROOT}/smt/control`;
  return [...facts, { key: 'smt', read: await readLine(host, smt), source: smt }];
}

async function governors(host: Host): Promise<Fact> {
  const read = await readGovernors(host);
  const source = `${CPU_ROOT}/cpu*/cpufreq/scaling_governor`;
  return { key: 'governors', read: read.state === 'read' ? { state: 'read', value: read.value.join(',') } : read, source };
}

/** The distinct frequency governors in use, sorted; absent where the machine has none (most guests). */
export async function readGovernors(host: Host): Promise<FileRead<readonly string[]>> {
  const policies = await host.list(`${CPU_ROOT}/cpufreq`);
  if (policies.state !== 'read') return policies;
  const names = new Set<string>();
  for (const policy of policies.value.filter((name) => name.startsWith('policy'))) {
    const read = await readLine(host, `${CPU_ROOT}/cpufreq/${policy}/scaling_governor`);
    if (read.state === 'read') names.add(read.value);
  }
  return names.size === 0 ? { state: 'absent', reason: `${CPU_ROOT}/cpufreq: no policy` } : { state: 'read', value: [...names].sort() };
}

/** True on a virtual machine that says so; a guest on arm64 does not. */
export async function isGuest(host: Host): Promise<boolean> {
  const cpu = await readCpuInfo(host);
  return cpu.state === 'read' && /\bhypervisor\b/.test(cpu.value.rows.get('flags') ?? '');
}
