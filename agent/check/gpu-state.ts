import { numberOf } from '../vendor/parsed.ts';
import { pciAddress } from '../vendor/pci-address.ts';
import { acceleratorVendor } from '../probe/accelerator.ts';
import { readModuleGpus } from '../probe/nvidia-reading.ts';
import type { PciDetail } from '../probe/pci-function.ts';
import type { CheckContext } from './check.ts';
import { finding, type Finding } from './fold.ts';
import { describeGpus } from './gpu-presence.ts';
import { judgeField, judgeNvidiaGpus, nvidiaOnPci } from './nvidia-gpu.ts';
import { boardOf } from './board-table.ts';
import { boardThreshold } from './board.ts';
import { fail, pass, skip, skipFor, unknown, warn, type Verdict } from './verdict.ts';

/** No GPU is lost to the driver, and none waits for a reset. */
export function checkGpuLost(context: CheckContext): Promise<Verdict> {
  return judgeNvidiaGpus(context, { good: 'every GPU answers its driver' }, ({ gpu: { condition } }) => {
    if (condition === 'lost') return finding('fail', 'lost', condition);
    return condition === 'reset-required' ? finding('fail', 'requires a reset', condition) : finding('pass', '', condition);
  });
}

/** The driver asks for no recovery. @source NVML, GPU recovery action */
export function checkRecoveryAction(context: CheckContext): Promise<Verdict> {
  return judgeNvidiaGpus(context, { good: 'the driver asks for no recovery' }, ({ gpu }) => {
    if (gpu.recoveryAction.reading.state === 'absent' && gpu.resetRequired.reading.state === 'read') return olderRecovery(gpu);
    return judgeField<string>(gpu.recoveryAction, 'string', (action) =>
      finding(action === 'None' ? 'pass' : 'fail', action === 'None' ? '' : `the driver asks for: ${action}`, action),
    );
  });
}

/** Drivers before 570 print two flags instead of an action. */
function olderRecovery(gpu: Parameters<Parameters<typeof judgeNvidiaGpus>[2]>[0]['gpu']): Finding {
  const reset = gpu.resetRequired.reading;
  const drain = gpu.drainAndResetRecommended.reading;
  if (reset.state === 'read' && reset.value === true) return finding('fail', 'a reset is required', 'reset');
  if (drain.state === 'read' && drain.value === true) return finding('fail', 'drain and reset are recommended', 'drain and reset');
  return finding('pass', '', 'none');
}

/** Bus, driver and tool count the same GPUs, as many as a node of this kind has. */
export async function checkGpuCount(context: CheckContext): Promise<Verdict> {
  const read = await context.node.gpus();
  if (read.state === 'absent') return skip(`no GPU: ${read.reason}`);
  if (read.state !== 'read') return unknown(read.reason);
  if (read.value.length === 0) return emptyNode(context);
  const counts = await countGpus(context, read.value);
  const { expected, thresholds } = expectedCount(read.value);
  const observed = { models: describeGpus(read.value), ...counts.observed };
  const withThresholds = (verdict: Verdict): Verdict => ({ ...verdict, thresholds });
  if (counts.missing.length > 0) return withThresholds(fail(counts.missing.join('; '), observed));
  if (expected !== undefined && read.value.length < expected && context.accelerator !== 'any')
    return withThresholds(fail(`${read.value.length} GPUs, a full node has ${expected}`, observed));
  if (expected !== undefined && read.value.length !== expected)
    return withThresholds(warn(`${read.value.length} GPUs, a full node has ${expected}: part of a node?`, observed));
  return withThresholds(pass(`${read.value.length} GPUs, everybody agrees`, observed));
}

/** A node that was promised an accelerator and shows none fails; without a promise there is nothing to count. */
function emptyNode({ accelerator }: CheckContext): Verdict {
  const observed = { pci: 0 };
  return accelerator === 'any'
    ? skip('no GPU on the PCI bus', observed)
    : fail(`the recipe asks for ${accelerator}, the PCI bus shows no GPU`, observed);
}

interface Counts {
  readonly observed: Readonly<Record<string, unknown>>;
  /** One sentence per witness that does not see every GPU. */
  readonly missing: readonly string[];
}

async function countGpus(context: CheckContext, gpus: readonly PciDetail[]): Promise<Counts> {
  const nvidia = gpus.filter((gpu) => acceleratorVendor(gpu) === 'nvidia').map(({ address }) => address);
  const observed: Record<string, unknown> = { pci: gpus.length };
  const missing: string[] = [];
  const compare = (witness: string, seen: readonly string[]): void => {
    observed[witness] = seen.length;
    const lost = nvidia.filter((address) => !seen.includes(address));
    if (lost.length > 0) missing.push(`${witness} does not see ${lost.join(', ')}`);
  };
  if (nvidia.length === 0) return { observed, missing };
  const module = await readModuleGpus(context.host);
  if (module.state === 'read')
    compare(
      'kernel module',
      module.value.map((name) => pciAddress(name) ?? name),
    );
  const smi = await context.node.nvidiaSmi();
  if (smi.state !== 'read') return { observed, missing };
  compare(
    'nvidia-smi',
    smi.value.gpus.map(({ pciBusId }) => pciBusId ?? ''),
  );
  const attached = numberOf(smi.value.attachedGpus);
  observed['attached'] = attached;
  if (attached !== undefined && attached !== smi.value.gpus.length)
    missing.push(`nvidia-smi counts ${attached} GPUs and lists ${smi.value.gpus.length}`);
  return { observed, missing };
}

function expectedCount(gpus: readonly PciDetail[]): {
  readonly expected?: number;
  readonly thresholds: Record<string, { value: number; source: string }>;
} {
  const boards = new Set(gpus.map(boardOf));
  const [board] = boards;
  const threshold = boards.size === 1 && board !== undefined ? boardThreshold(board, 'gpusPerNode') : undefined;
  if (threshold === undefined || typeof threshold.value !== 'number') return { thresholds: {} };
  return { expected: threshold.value, thresholds: { gpusPerNode: { ...threshold, value: threshold.value } } };
}

/** Criteria name a family where one board is meant: `mi300` in a recipe is the MI300X. */
const CRITERIA_VALUE: Readonly<Record<string, string>> = { mi300x: 'mi300' };

function isWanted(model: string | undefined, wanted: string): boolean {
  return model !== undefined && (model === wanted || CRITERIA_VALUE[model] === wanted);
}

/** The node has the accelerator that the recipe is for: by PCI id, cross-checked with the name that the tool prints. */
export async function checkGpuProduct(context: CheckContext): Promise<Verdict> {
  const pci = await context.node.gpus();
  if (pci.state !== 'read') return pci.state === 'absent' ? skip(`no GPU: ${pci.reason}`) : unknown(pci.reason);
  const models = describeGpus(pci.value);
  const names = Object.keys(models);
  const wanted = context.accelerator;
  const observed = { models, wanted };
  if (pci.value.length === 0) return emptyNode(context);
  if (names.length > 1) return fail(`GPUs of different kinds: ${names.join(', ')}`, observed);
  const unprofiled = pci.value.every((gpu) => boardOf(gpu) === undefined);
  if (wanted !== 'any' && !isWanted(names[0], wanted))
    return fail(`the recipe asks for ${wanted}, the node has ${names.join(', ')}`, observed);
  return unprofiled ? pass(`${names.join(', ')}: unprofiled, checked without board values`, observed) : pass(names.join(', '), observed);
}

const DEVICE_FILES = ['/dev/nvidiactl', '/dev/nvidia-uvm'];
/** One device per instance that MIG makes; without the directory no instance can be opened. */
const MIG_FILES = '/dev/nvidia-caps';

/** The device files that workloads open are there. */
export async function checkDeviceFiles(context: CheckContext): Promise<Verdict> {
  const pci = await nvidiaOnPci(context);
  if (!pci.ready) return pci.verdict;
  const smi = await context.node.nvidiaSmi();
  const minors =
    smi.state === 'read'
      ? smi.value.gpus.map(({ minorNumber }) => numberOf(minorNumber)).filter((minor) => minor !== undefined)
      : pci.value.map((_, index) => index);
  const isMig =
    smi.state === 'read' &&
    smi.value.gpus.some(({ mig: { current } }) => current.reading.state === 'read' && current.reading.value === true);
  const wanted = [...DEVICE_FILES, ...minors.map((minor) => `/dev/nvidia${minor}`), ...(isMig ? [MIG_FILES] : [])];
  const missing: string[] = [];
  for (const path of wanted) if ((await context.host.stat(path)).state === 'absent') missing.push(path);
  const observed = { wanted: wanted.length, missing };
  if (missing.length === 0) return pass(`${wanted.length} device files are there`, observed);
  // In a container only the devices that were injected exist; none at all says nothing about the host.
  if (missing.length === wanted.length)
    return skip('no device file of the NVIDIA driver is visible here: container without devices, or captured tree', observed);
  return fail(`missing: ${missing.join(', ')}`, observed);
}

/** Limits of {@link checkMemoryLeak}. */
export const LEAK_THRESHOLDS = {
  used: { value: 1024, unit: 'MiB', source: 'choice made here: more than the driver takes for itself' },
} as const;

/** No memory is taken without a process: a sign of one that died badly. */
export async function checkMemoryLeak(context: CheckContext): Promise<Verdict> {
  const processes = await context.node.processes();
  // From a process namespace of its own the tool lists no process of the others.
  if (processes.state !== 'read' || !processes.value.ofHost) {
    const pci = await nvidiaOnPci(context);
    return pci.ready ? skipFor('host-processes', "the host's processes are not visible") : pci.verdict;
  }
  return judgeNvidiaGpus(context, { good: 'memory is taken by processes only' }, ({ gpu }) =>
    judgeField<number>(gpu.memory.used, 'number', (used) => {
      const isOrphaned = gpu.processes.length === 0 && used > LEAK_THRESHOLDS.used.value;
      return finding(isOrphaned ? 'warn' : 'pass', isOrphaned ? `${used} MiB taken without a process` : '', {
        usedMiB: used,
        processes: gpu.processes.length,
      });
    }),
  );
}
