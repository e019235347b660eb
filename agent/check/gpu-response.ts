import type { ToolName, ToolOutcome } from '../host/tool-outcome.ts';
import { acceleratorVendor, type AcceleratorVendor } from '../probe/accelerator.ts';
import type { CheckContext } from './check.ts';
import { fail, pass, skip, unknown, type Verdict } from './verdict.ts';

interface ListTool {
  readonly name: ToolName;
  readonly args: readonly string[];
  /** One match per GPU in the tool's output. */
  readonly row: RegExp;
}

const LIST_TOOLS: Readonly<Record<AcceleratorVendor, ListTool>> = {
  nvidia: { name: 'nvidia-smi', args: ['-L'], row: /^GPU \d+: /gm },
  amd: { name: 'amd-smi', args: ['list'], row: /^GPU: \d+/gm },
};
const TIMEOUT_MS = 15_000;

/** The vendor's tool answers for every GPU. */
export async function checkGpuResponse(context: CheckContext): Promise<Verdict> {
  const read = await context.node.gpus();
  const gpus = read.state === 'read' ? read.value : [];
  const vendors = [...new Set(gpus.map(acceleratorVendor).filter((vendor) => vendor !== undefined))];
  // Without a GPU on PCI the tool still gets its say: some guests reach GPUs by another way.
  const [vendor = 'nvidia'] = vendors;
  const expected = gpus.filter((gpu) => acceleratorVendor(gpu) === vendor).length;
  const tool = LIST_TOOLS[vendor];
  return judge(await context.host.runTool(tool.name, tool.args, { timeoutMs: TIMEOUT_MS }), tool, expected);
}

function judge(outcome: ToolOutcome, tool: ListTool, expected: number): Verdict {
  if (outcome.outcome === 'not-found') return skip(expected === 0 ? `no GPU on the PCI bus and no ${tool.name}` : outcome.reason);
  if (outcome.outcome !== 'exited') return unknown(outcome.reason, { tool: tool.name, outcome: outcome.outcome, expected });
  const answered = outcome.stdout.match(tool.row)?.length ?? 0;
  const observed = { tool: tool.name, exitCode: outcome.code, answered, expected };
  if (expected === 0 && answered === 0) return skip(`no GPU on the PCI bus, and ${tool.name} lists none`, observed);
  const text = firstLine(outcome.stderr) ?? firstLine(outcome.stdout) ?? 'it printed nothing';
  if (outcome.code !== 0) return fail(`${outcome.command} ended with status ${outcome.code}: ${text}`, observed);
  if (answered < expected) return fail(`${outcome.command} lists ${answered} of ${expected} GPUs`, observed);
  return pass(`${outcome.command} lists ${answered} GPUs`, observed);
}

function firstLine(text: string): string | undefined {
  const line = text.trim().split('\n', 1)[0]?.slice(0, 200);
  return line === '' ? undefined : line;
}
