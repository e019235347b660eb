import type { FileRead, Host } from '../host/host.ts';
import { acceleratorVendor } from '../probe/accelerator.ts';
import { textOf } from '../vendor/parsed.ts';
import type { ListedGpu } from '../vendor/nvidia/smi-xml.ts';
import type { CheckContext } from './check.ts';
import { finding, type Finding } from './fold.ts';
import { judgeField, judgeNvidiaGpus } from './nvidia-gpu.ts';
import { pass, skip, unknown, warn, type Verdict } from './verdict.ts';

/** Limits of {@link checkGpuIdle}. */
export const IDLE_THRESHOLDS = {
  memory: { value: 100, unit: 'MiB', source: 'choice made here: the context of the smallest CUDA program takes more' },
} as const;

/**
 * Nothing computes on the GPUs right now, so that a test may load them, and what other checks see is a GPU at rest. A GPU at work is
 * no fault.
 */
export async function checkGpuIdle(context: CheckContext): Promise<Verdict> {
  const read = await context.node.gpus();
  const gpus = read.state === 'read' ? read.value : [];
  const isAmd = gpus.length > 0 && gpus.every((gpu) => acceleratorVendor(gpu) === 'amd');
  if (isAmd) return judgeAmd(await readKfdProcesses(context.host));
  return judgeNvidiaGpus(context, { good: 'nothing computes on the GPUs' }, ({ gpu }) => judgeGpu(gpu));
}

/** From a process namespace of its own the tool lists nobody else's processes: memory in use tells of them all the same. */
function judgeGpu(gpu: ListedGpu): Finding {
  const processes = gpu.processes.filter(({ fields }) =>
    fields.some((field) => field.key === 'process.type' && (textOf(field) ?? '').includes('C')),
  ).length;
  if (processes > 0) return finding('warn', `busy: ${processes} compute ${processes === 1 ? 'process' : 'processes'}`, { processes });
  return judgeField<number>(gpu.memory.used, 'number', (usedMiB) => {
    const isUsed = usedMiB > IDLE_THRESHOLDS.memory.value;
    return finding(isUsed ? 'warn' : 'pass', isUsed ? 'busy: memory is in use, by a process that cannot be seen from here' : '', {
      processes,
      usedMiB,
    });
  });
}

const KFD_PROCESSES = '/sys/class/kfd/kfd/proc';

/** How many processes use the compute driver; the kernel shows them in every process namespace. */
async function readKfdProcesses(host: Host): Promise<FileRead<number>> {
  const names = await host.list(KFD_PROCESSES);
  return names.state === 'read' ? { state: 'read', value: names.value.filter((name) => /^\d+$/.test(name)).length } : names;
}

function judgeAmd(processes: FileRead<number>): Verdict {
  if (processes.state !== 'read') return processes.state === 'unreadable' ? unknown(processes.reason) : skip(processes.reason);
  const observed = { processes: processes.value };
  return processes.value === 0
    ? pass('nothing computes on the GPUs', observed)
    : warn(`busy: ${processes.value} compute ${processes.value === 1 ? 'process' : 'processes'}`, observed);
}
