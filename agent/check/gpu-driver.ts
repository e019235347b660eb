import type { FileRead, Host } from '../host/host.ts';
import { acceleratorVendor } from '../probe/accelerator.ts';
import type { PciDetail } from '../probe/pci-function.ts';
import { isDriverLoaded } from '../probe/pci.ts';
import { readLine } from '../probe/text-file.ts';
import { parseNvidiaSmiFailure } from '../vendor/nvidia/smi-failure.ts';
import { saidBy } from '../probe/tool-read.ts';
import type { CheckContext } from './check.ts';
import { describeGpus } from './gpu-presence.ts';
import { nvidiaOnPci } from './nvidia-gpu.ts';
import { boardOf } from './board-table.ts';
import { boardThreshold } from './board.ts';
import { fail, pass, skip, skipFor, unknown, warn, type Verdict } from './verdict.ts';

/** Where a GPU is, its kernel driver is loaded. */
export async function checkGpuDriver({ host, node }: CheckContext): Promise<Verdict> {
  const read = await node.gpus();
  if (read.state !== 'read') return read.state === 'absent' ? skip(`no GPU: ${read.reason}`) : unknown(read.reason);
  if (read.value.length === 0) return skip('no GPU on the PCI bus');
  const vendors = [...new Set(read.value.map(acceleratorVendor).filter((vendor) => vendor !== undefined))];
  const rows = await Promise.all(vendors.map(async (vendor) => ({ vendor, loaded: await isDriverLoaded(host, vendor) })));
  const observed = { gpus: describeGpus(read.value), drivers: Object.fromEntries(rows.map(({ vendor, loaded }) => [vendor, loaded])) };
  const missing = rows.filter(({ loaded }) => !loaded).map(({ vendor }) => vendor);
  return missing.length === 0
    ? pass(`${read.value.length} GPUs, driver loaded`, observed)
    : fail(`${read.value.length} GPUs on the PCI bus, but no ${missing.join(' and ')} driver is loaded`, observed);
}

const MODULE_VERSION = '/sys/module/nvidia/version';

/** The loaded module, its own report and the tool's library are of one version. @source NVML: driver/library version mismatch */
export async function checkDriverVersion(context: CheckContext): Promise<Verdict> {
  const pci = await nvidiaOnPci(context);
  if (!pci.ready) return pci.verdict;
  const module = await context.node.nvidiaModule();
  const loaded = await readLine(context.host, MODULE_VERSION);
  const smi = await context.node.nvidiaSmi();
  const mismatch = smi.state === 'unreadable' ? libraryMismatch(saidBy(smi.outcome)) : undefined;
  const tool =
    smi.state === 'read' && smi.value.driverVersion.reading.state === 'read' ? String(smi.value.driverVersion.reading.value) : undefined;
  const versions = { module: valueOr(module, ({ version }) => version), loaded: valueOr(loaded, (text) => text), tool, library: mismatch };
  const observed = Object.fromEntries(Object.entries(versions).filter(([, version]) => version !== undefined));
  if (mismatch !== undefined)
    return fail(
      `the driver's library is of version ${mismatch}, the kernel module of ${versions.module ?? versions.loaded ?? 'another'}: reload the driver or restart`,
      observed,
    );
  const distinct = new Set(Object.values(observed));
  if (distinct.size === 0)
    return module.state === 'absent' ? fail('no NVIDIA kernel module tells its version', observed) : unknown(reasonOf(module), observed);
  return distinct.size === 1
    ? pass(`driver ${[...distinct].join()}`, observed)
    : fail(`driver versions differ: ${[...distinct].join(', ')}`, observed);
}

function valueOr<T>(read: FileRead<T>, text: (value: T) => string): string | undefined {
  return read.state === 'read' ? text(read.value) : undefined;
}

function reasonOf(read: FileRead<unknown>): string {
  return read.state === 'read' ? '' : read.reason;
}

/** The version of the library when the tool complains about it. */
function libraryMismatch(text: string): string | undefined {
  try {
    const { failures } = parseNvidiaSmiFailure(Buffer.from(text)).value;
    const found = failures.find((failure) => failure.class === 'version-mismatch');
    return found === undefined ? undefined : (found.libraryVersion ?? 'unknown');
  } catch {
    // Another failure, which other checks tell about.
    return undefined;
  }
}

/** The open source driver that fights for the same boards is not loaded. @source DCGM, denylisted driver */
export async function checkDriverDenylist(context: CheckContext): Promise<Verdict> {
  const pci = await nvidiaOnPci(context);
  if (!pci.ready) return pci.verdict;
  const nouveau = await isLoaded(context.host, 'nouveau');
  return nouveau ? fail('the nouveau driver is loaded', { nouveau }) : pass('nouveau is not loaded', { nouveau });
}

/** Boards that need the open kernel modules have them. @source NVIDIA driver documentation: Grace and Blackwell support open modules only */
export async function checkDriverFlavour(context: CheckContext): Promise<Verdict> {
  const pci = await nvidiaOnPci(context);
  if (!pci.ready) return pci.verdict;
  const module = await context.node.nvidiaModule();
  if (module.state !== 'read') return module.state === 'absent' ? skip(module.reason) : unknown(module.reason);
  const { flavour } = module.value;
  const needsOpen = pci.value.some((gpu) => boardOf(gpu)?.generation === 'blackwell');
  const observed = { flavour, needsOpen };
  return needsOpen && flavour !== 'open'
    ? fail('these boards need the open kernel modules', observed)
    : pass(`${flavour} kernel modules`, observed);
}

/** The driver branch knows the boards. Minimum branches are unverified here, so an old one only warns. */
export async function checkDriverBranch(context: CheckContext): Promise<Verdict> {
  const pci = await nvidiaOnPci(context);
  if (!pci.ready) return pci.verdict;
  const module = await context.node.nvidiaModule();
  if (module.state !== 'read') return module.state === 'absent' ? skip(module.reason) : unknown(module.reason);
  const branch = Number(module.value.version.split('.')[0]);
  const least = minimumBranch(pci.value);
  if (least === undefined) return skip('no minimum driver branch is known for these boards', { branch });
  const verdict =
    branch < Number(least.value)
      ? warn(`driver branch ${branch}, these boards came with ${least.value}`, { branch })
      : pass(`driver branch ${branch}`, { branch });
  return { ...verdict, thresholds: { driverBranch: least } };
}

function minimumBranch(gpus: readonly PciDetail[]): ReturnType<typeof boardThreshold> {
  const thresholds = gpus
    .map((gpu) => boardOf(gpu))
    .map((board) => (board === undefined ? undefined : boardThreshold(board, 'driverBranch')));
  return thresholds.filter((threshold) => threshold !== undefined).sort((left, right) => Number(right.value) - Number(left.value))[0];
}

const REQUIRED_MODULES = ['nvidia_uvm'];
const OPTIONAL_MODULES = ['nvidia_modeset', 'nvidia_peermem', 'gdrdrv'];

/** The modules that CUDA needs are loaded. */
export async function checkDriverModules(context: CheckContext): Promise<Verdict> {
  const pci = await nvidiaOnPci(context);
  if (!pci.ready) return pci.verdict;
  if (!(await isLoaded(context.host, 'nvidia'))) return skip('the nvidia module itself is not loaded');
  const names = [...REQUIRED_MODULES, ...OPTIONAL_MODULES];
  const loaded = await Promise.all(names.map((name) => isLoaded(context.host, name)));
  const observed = Object.fromEntries(names.map((name, index) => [name, loaded[index]]));
  const missing = REQUIRED_MODULES.filter((name) => observed[name] !== true);
  return missing.length === 0 ? pass('nvidia_uvm is loaded', observed) : fail(`not loaded: ${missing.join(', ')}`, observed);
}

/** True when a kernel module is loaded or built in with a presence of its own. */
export async function isLoaded(host: Host, module: string): Promise<boolean> {
  return (await host.stat(`/sys/module/${module}`)).state === 'read';
}

/** A path for remote direct memory access from network cards to GPU memory exists: the peer memory module, or DMA buffers of an open driver. */
export async function checkGpuDirect(context: CheckContext): Promise<Verdict> {
  const pci = await nvidiaOnPci(context);
  if (!pci.ready) return pci.verdict;
  const rdma = await context.node.infiniband();
  if (rdma.state !== 'read' || rdma.value.length === 0) return skip('no RDMA device');
  const peermem = await isLoaded(context.host, 'nvidia_peermem');
  const module = await context.node.nvidiaModule();
  const release = await readLine(context.host, '/proc/sys/kernel/osrelease');
  const dmaBuffers =
    module.state === 'read' &&
    module.value.flavour === 'open' &&
    release.state === 'read' &&
    isAtLeast(release.value, GPUDIRECT_THRESHOLDS.kernel.value);
  const observed = { peermem, dmaBuffers };
  if (peermem || dmaBuffers) return pass(peermem ? 'nvidia_peermem is loaded' : 'the open driver shares DMA buffers', observed);
  return module.state === 'read'
    ? warn('neither nvidia_peermem nor DMA buffers: RDMA goes through host memory', observed)
    : skipFor('host-files', reasonOf(module), observed);
}

/** Limits of {@link checkGpuDirect}. */
export const GPUDIRECT_THRESHOLDS = {
  kernel: { value: '5.12', source: 'NVIDIA GPUDirect RDMA guide: DMA buffers need Linux 5.12 and the open kernel modules' },
} as const;

function isAtLeast(release: string, least: string): boolean {
  const [major = 0, minor = 0] = release.split('.').map((part) => Number.parseInt(part, 10));
  const [leastMajor = 0, leastMinor = 0] = least.split('.').map(Number);
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}
