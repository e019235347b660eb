import type { Host } from '../host/host.ts';
import { readGovernors } from '../probe/cpu.ts';
import { readHugePages } from '../probe/memory.ts';
import { bootWords } from '../probe/os.ts';
import { countList, readCount, readLine } from '../probe/text-file.ts';
import type { CheckContext } from './check.ts';
import { fail, pass, skip, skipFor, unknown, warn, withoutSource, type Verdict } from './verdict.ts';

const CPU = '/sys/devices/system/cpu';

/** Every processor the machine has is online. */
export async function checkCpuOnline({ host }: CheckContext): Promise<Verdict> {
  const [present, online] = await Promise.all([readLine(host, `${CPU}/present`), readLine(host, `${CPU}/online`)]);
  if (present.state !== 'read') return withoutSource(host, present);
  if (online.state !== 'read') return withoutSource(host, online);
  const observed = { present: countList(present.value), online: countList(online.value) };
  if (observed.present === undefined || observed.online === undefined) return unknown('the lists of processors cannot be read', observed);
  return observed.online >= observed.present
    ? pass(`${observed.online} processors online`, observed)
    : fail(`${observed.online} of ${observed.present} processors online`, observed);
}

/** Processors run at their best frequency. @source vendors' tuning guides */
export async function checkCpuGovernor({ host }: CheckContext): Promise<Verdict> {
  const read = await readGovernors(host);
  if (read.state !== 'read') return read.state === 'unreadable' ? unknown(read.reason) : skip(`no frequency scaling: ${read.reason}`);
  const slow = read.value.filter((name) => name !== 'performance');
  const observed = { governors: read.value };
  return slow.length === 0 ? pass('governor performance', observed) : warn(`governor ${slow.join(', ')}`, observed);
}

/** Bits of the taint mask that mean damage, not a choice. @source Linux kernel, Documentation/admin-guide/tainted-kernels.rst */
const TAINTS = [
  { bit: 4, meaning: 'machine check', outcome: 'fail' },
  { bit: 7, meaning: 'kernel oops', outcome: 'fail' },
  { bit: 9, meaning: 'kernel warning', outcome: 'info' },
  { bit: 14, meaning: 'soft lockup', outcome: 'fail' },
] as const;

/** The kernel has seen no damage since boot. */
export async function checkKernelTaint({ host }: CheckContext): Promise<Verdict> {
  const read = await readCount(host, '/proc/sys/kernel/tainted');
  if (read.state !== 'read') return withoutSource(host, read);
  const set = TAINTS.filter(({ bit }) => (read.value & (1 << bit)) !== 0);
  const bad = set.filter(({ outcome }) => outcome === 'fail').map(({ meaning }) => meaning);
  const observed = { tainted: read.value, meanings: set.map(({ meaning }) => meaning) };
  return bad.length === 0 ? pass(`taint mask ${read.value}`, observed) : fail(`the kernel has seen: ${bad.join(', ')}`, observed);
}

/** Huge pages that the boot arguments ask for are reserved. */
export async function checkHugePages({ host }: CheckContext): Promise<Verdict> {
  const cmdline = await readLine(host, '/proc/cmdline');
  if (cmdline.state !== 'read') return withoutSource(host, cmdline);
  const wanted = bootWords(cmdline.value).get('hugepages');
  const read = await readHugePages(host);
  if (read.state !== 'read') return read.state === 'absent' ? skip(read.reason) : unknown(read.reason);
  const reserved = Object.fromEntries([...read.value].map(([size, count]) => [`${size}kB`, count]));
  const observed = { wanted: wanted ?? null, reserved };
  if (wanted === undefined) return skip('the boot arguments ask for no huge pages', observed);
  const most = Math.max(0, ...read.value.values());
  return most >= Number(wanted)
    ? pass(`${most} huge pages reserved`, observed)
    : fail(`${most} of ${wanted} huge pages reserved`, observed);
}

/** Limits of {@link checkProcessLimits}. */
export const LIMIT_THRESHOLDS = {
  openFiles: { value: 1_048_576, unit: '1', source: 'NCCL and rdma-core documentation' },
  lockedMemory: { value: 'unlimited', source: 'rdma-core documentation: memory for RDMA is locked' },
} as const;

/** The container runtime hands on limits under which RDMA works. */
export async function checkProcessLimits(context: CheckContext): Promise<Verdict> {
  const pid = await runtimePid(context);
  if (pid === undefined) return skipFor('host-processes', 'no container runtime is visible');
  const read = await context.host.readText(`/proc/${pid}/limits`);
  if (read.state !== 'read') return read.state === 'unreadable' ? skipFor('root', read.reason) : unknown(read.reason);
  const limit = (label: string): string | undefined => new RegExp(`^${label}\\s+(\\S+)\\s`, 'm').exec(read.value)?.[1];
  const observed = { lockedMemory: limit('Max locked memory'), openFiles: limit('Max open files') };
  if (observed.lockedMemory === undefined || observed.openFiles === undefined)
    return unknown('the limits of the container runtime cannot be read', observed);
  if (observed.lockedMemory !== LIMIT_THRESHOLDS.lockedMemory.value)
    return warn(`the container runtime may lock ${observed.lockedMemory} bytes of memory`, observed);
  const isLow = observed.openFiles !== 'unlimited' && Number(observed.openFiles) < LIMIT_THRESHOLDS.openFiles.value;
  return isLow
    ? warn(`the container runtime may open ${observed.openFiles} files`, observed)
    : pass('unlimited locked memory, many open files', observed);
}

const RUNTIMES = new Set(['containerd', 'crio', 'dockerd']);

async function runtimePid({ host }: CheckContext): Promise<string | undefined> {
  const entries = await host.list('/proc');
  for (const pid of (entries.state === 'read' ? entries.value : []).filter((name) => /^\d+$/.test(name))) {
    const comm = await readLine(host, `/proc/${pid}/comm`);
    if (comm.state === 'read' && RUNTIMES.has(comm.value)) return pid;
  }
  return undefined;
}

/** Devices reach memory without translation where GPUs and fast network cards are. @source NCCL and GPUDirect documentation */
export async function checkIommu({ host, node }: CheckContext): Promise<Verdict> {
  const gpus = await node.gpus();
  if (gpus.state !== 'read' || gpus.value.length === 0) return skip('no GPU');
  const groups = await host.list('/sys/kernel/iommu_groups');
  const count = groups.state === 'read' ? groups.value.length : 0;
  if (count === 0) return pass('no IOMMU is in use', { groups: 0 });
  const types = await groupTypes(host, groups.state === 'read' ? groups.value : []);
  const observed = { groups: count, types };
  if (types.length === 0) return skip('the kernel tells no type of its IOMMU groups', observed);
  return types.every((type) => type === 'identity')
    ? pass('the IOMMU passes through', observed)
    : warn('the IOMMU translates: direct transfers between GPU and network card may be slow', observed);
}

async function groupTypes(host: Host, groups: readonly string[]): Promise<readonly string[]> {
  const types = new Set<string>();
  for (const group of groups) {
    const read = await readLine(host, `/sys/kernel/iommu_groups/${group}/type`);
    if (read.state === 'read') types.add(read.value);
  }
  return [...types].sort();
}

/** Memory controllers report no uncorrectable error, and few correctable ones. @source Linux kernel, EDAC */
export async function checkMemoryErrors(context: CheckContext): Promise<Verdict> {
  const controllers = await context.host.list('/sys/devices/system/edac/mc');
  const names = (controllers.state === 'read' ? controllers.value : []).filter((name) => /^mc\d+$/.test(name));
  if (names.length === 0) return skip('no memory controller reports errors');
  const sum = async (file: string): Promise<number | undefined> => {
    let total = 0;
    for (const name of names) {
      const read = await readCount(context.host, `/sys/devices/system/edac/mc/${name}/${file}`);
      if (read.state !== 'read') return undefined;
      total += read.value;
    }
    return total;
  };
  const observed = { controllers: names.length, uncorrectable: await sum('ue_count'), correctable: await sum('ce_count') };
  if (observed.uncorrectable === undefined || observed.correctable === undefined)
    return unknown('error counters of memory controllers cannot be read', observed);
  if (observed.uncorrectable > 0) return fail(`${observed.uncorrectable} uncorrectable memory errors since boot`, observed);
  return observed.correctable > EDAC_THRESHOLDS.correctable.value
    ? warn(`${observed.correctable} correctable memory errors since boot`, observed)
    : pass('no uncorrectable memory error', observed);
}

/** Limits of {@link checkMemoryErrors}. */
export const EDAC_THRESHOLDS = {
  correctable: { value: 1000, unit: '1', source: 'choice made here, over the time since boot' },
} as const;
