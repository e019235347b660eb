import { acceleratorVendor } from '../probe/accelerator.ts';
import { saidBy, type ToolRead } from '../probe/tool-read.ts';
import { parseNvidiaSmiFailure, type SmiFailure, type SmiFailureClass } from '../vendor/nvidia/smi-failure.ts';
import type { CheckContext } from './check.ts';
import { fail, pass, skip, skipFor, unknown, type Verdict } from './verdict.ts';

/** The vendor's tool answers for every GPU. */
export async function checkGpuResponse(context: CheckContext): Promise<Verdict> {
  const read = await context.node.gpus();
  const gpus = read.state === 'read' ? read.value : [];
  const isAmd = gpus.length > 0 && gpus.every((gpu) => acceleratorVendor(gpu) === 'amd');
  // Without a GPU on PCI the NVIDIA tool still gets its say: some guests reach GPUs by another way.
  const expected = gpus.filter((gpu) => (acceleratorVendor(gpu) === 'amd') === isAmd).length;
  return isAmd ? judge('amd-smi', await context.node.amdSmi(), expected) : judge('nvidia-smi', await context.node.nvidiaSmi(), expected);
}

function judge(tool: string, read: ToolRead<{ readonly gpus: readonly unknown[] }>, expected: number): Verdict {
  if (read.state === 'absent') return expected === 0 ? skip(`no GPU on the PCI bus and no ${tool}`) : skipFor('vendor-tool', read.reason);
  if (read.state === 'unreadable') return silent(tool, read, expected);
  const answered = read.value.gpus.length;
  const observed = { tool, exitCode: read.exitCode, answered, expected };
  if (expected === 0 && answered === 0) return skip(`no GPU on the PCI bus, and ${tool} lists none`, observed);
  if (answered < expected) return fail(`${tool} answers for ${answered} of ${expected} GPUs`, observed);
  if (read.exitCode !== 0) return fail(`${tool} ended with status ${read.exitCode}`, observed);
  return pass(`${tool} answers for ${answered} GPUs`, observed);
}

/** What the tool says instead of an inventory decides: some of it is a verdict, the rest only that nothing is known. */
const FAILURES: Readonly<Record<SmiFailureClass, 'fail' | 'unknown'>> = {
  'version-mismatch': 'fail',
  permission: 'unknown',
  'library-not-found': 'fail',
  'driver-not-loaded': 'fail',
  'no-devices': 'fail',
  'gpu-lost': 'fail',
  'gpu-reset-required': 'fail',
  'gpu-handle': 'fail',
  'inforom-corrupt': 'fail',
  'power-cable': 'fail',
  'nvml-error': 'unknown',
  'bad-query': 'unknown',
};

function silent(tool: string, read: Extract<ToolRead<unknown>, { state: 'unreadable' }>, expected: number): Verdict {
  const { outcome } = read;
  const exit = outcome.outcome === 'exited' ? { exitCode: outcome.code } : {};
  const failures = tool === 'nvidia-smi' ? failuresIn(saidBy(outcome)) : [];
  const observed = { tool, outcome: outcome.outcome, ...exit, failures: [...new Set(failures.map((one) => one.class))], expected };
  if (expected === 0 && outcome.outcome === 'exited') return skip(`no GPU on the PCI bus; ${read.reason}`, observed);
  const [first] = failures.filter((one) => FAILURES[one.class] === 'fail');
  return first === undefined ? unknown(read.reason, observed) : fail(`${tool}: ${first.message}`, observed);
}

function failuresIn(text: string): readonly SmiFailure[] {
  try {
    return parseNvidiaSmiFailure(Buffer.from(text)).value.failures;
  } catch {
    return [];
  }
}
