import { errorText } from '#core/error.ts';
import type { ClusterCheckContext } from '../cluster-check.ts';
import { inCompletionOrder } from '../completion-order.ts';
import type { GpuNode } from '../read/gpu-node.ts';
import { fail, pass, skip, skipFor, unknown, warn, type ClusterVerdict } from '../verdict.ts';
import { gpuResource, readGpuNodes, type GpuNodes } from '../workload/gpu-load.ts';
import { checkImage, type CheckImage } from '../workload/images.ts';
import { runPod, type PodEnd } from '../workload/run-pod.ts';
import type { TestObjects } from '../workload/test-objects.ts';

/** A vendor's tool, and how its output shows that it sees the GPUs. */
interface SmiTool {
  readonly tool: CheckImage & ('nvidia-smi' | 'amd-smi');
  readonly vendor: 'nvidia' | 'amd';
  readonly script: string;
  /** Texts that the output must have. @source upstream check-nvidia-smi */
  readonly marks: readonly string[];
  /** One line per GPU. */
  readonly gpuLine: RegExp;
  readonly user: number;
}

/** Pods at one time: one after the other, a large cluster would not end within the deadline. */
const PARALLEL = 16;
/** A little less than the check's deadline, so that slow nodes are named. */
const POD_MS = 540_000;
const SUCCESS = 'GPU_CHECK_SUCCESS';
const SHOWN = 8;

const NVIDIA_SMI: SmiTool = {
  tool: 'nvidia-smi',
  vendor: 'nvidia',
  script: `nvidia-smi && nvidia-smi -L && echo ${SUCCESS}`,
  marks: ['NVIDIA-SMI', 'Driver Version:', 'CUDA Version:', SUCCESS],
  gpuLine: /^GPU \d+: /gm,
  user: 1000,
};
const AMD_SMI: SmiTool = {
  tool: 'amd-smi',
  vendor: 'amd',
  script: `amd-smi list && echo ${SUCCESS}`,
  marks: [SUCCESS],
  gpuLine: /^GPU: \d+/gm,
  // The device files of AMD belong to a group whose number differs from host to host.
  user: 0,
};

/** nvidia-smi sees every GPU of every idle GPU node, from inside a pod that was given them. */
export function checkNvidiaSmi(context: ClusterCheckContext): Promise<ClusterVerdict> {
  return checkSmi(NVIDIA_SMI, context);
}

/** amd-smi sees every GPU of every idle GPU node, from inside a pod that was given them. */
export function checkAmdSmi(context: ClusterCheckContext): Promise<ClusterVerdict> {
  return checkSmi(AMD_SMI, context);
}

/** What one node's pod showed. */
interface NodeOutcome {
  readonly node: string;
  readonly outcome: 'pass' | 'fail' | 'unknown';
  readonly gpus: number;
  readonly text: string;
  readonly digest?: string | undefined;
}

async function checkSmi(tool: SmiTool, context: ClusterCheckContext): Promise<ClusterVerdict> {
  const nodes = await readGpuNodes(context, tool.vendor);
  if (nodes.all.length === 0) return skip(`no node has GPUs of ${tool.vendor}`);
  const { objects } = context;
  if (objects === undefined)
    return skipFor(
      'active-checks',
      `${tool.tool} needs a pod on each of ${nodes.all.length} GPU nodes: set checks.active; the agents ask the tool on their nodes in any case`,
    );
  const tasks = nodes.idle.map((node, index) => () => tryNode(tool, node, { context, objects, purpose: `${tool.tool}-${index}` }));
  const outcomes: NodeOutcome[] = [];
  for await (const outcome of inCompletionOrder([{ tasks, parallel: PARALLEL }])) outcomes.push(outcome);
  return judge(
    tool,
    nodes,
    outcomes.sort((left, right) => (left.node < right.node ? -1 : 1)),
  );
}

interface NodeTry {
  readonly context: ClusterCheckContext;
  readonly objects: TestObjects;
  readonly purpose: string;
}

async function tryNode(tool: SmiTool, node: GpuNode, { context, objects, purpose }: NodeTry): Promise<NodeOutcome> {
  const resource = gpuResource(node);
  if (resource === undefined) return { node: node.name, outcome: 'unknown', gpus: 0, text: 'has no GPU to ask for' };
  const image = checkImage(tool.tool, context.images);
  const pod = {
    purpose,
    image,
    command: ['sh', '-c', tool.script],
    node: node.name,
    resources: { [resource.name]: resource.count },
    user: tool.user,
  };
  try {
    return outcomeOf(tool, node.name, { end: await runPod({ ...context, objects }, pod, POD_MS), wanted: resource.count });
  } catch (error) {
    context.signal.throwIfAborted();
    return { node: node.name, outcome: 'unknown', gpus: 0, text: errorText(error) };
  }
}

function outcomeOf(
  { tool, marks, gpuLine }: SmiTool,
  node: string,
  { end, wanted }: { readonly end: PodEnd; readonly wanted: number },
): NodeOutcome {
  if (end.end === 'not-started') return { node, outcome: 'unknown', gpus: 0, text: `its pod did not run: ${end.reason}` };
  const gpus = end.log.match(gpuLine)?.length ?? 0;
  const base = { node, gpus, digest: end.digest };
  const absent = marks.filter((mark) => !end.log.includes(mark));
  if (end.end === 'failed') return { ...base, outcome: 'fail', text: `${tool} ended badly (${end.reason}): ${lastLine(end.log)}` };
  if (absent.length > 0) return { ...base, outcome: 'fail', text: `the output of ${tool} lacks ${absent.join(', ')}` };
  if (gpus !== wanted) return { ...base, outcome: 'fail', text: `${tool} sees ${gpus} of ${wanted} GPUs that the pod was given` };
  return { ...base, outcome: 'pass', text: '' };
}

function judge({ tool }: SmiTool, nodes: GpuNodes, outcomes: readonly NodeOutcome[]): ClusterVerdict {
  const of = (outcome: NodeOutcome['outcome']): readonly NodeOutcome[] => outcomes.filter((each) => each.outcome === outcome);
  const [passed, failed, unclear] = [of('pass'), of('fail'), of('unknown')];
  const unusable = nodes.all.length - nodes.idle.length - nodes.busy.length;
  const observed = {
    gpuNodes: nodes.all.length,
    passed: passed.length,
    failed: failed.length,
    unknown: unclear.length,
    busy: nodes.busy.length,
    unusable,
    gpus: passed.reduce((sum, { gpus }) => sum + gpus, 0),
    imageDigests: [...new Set(outcomes.flatMap(({ digest }) => digest ?? []))].sort(),
  };
  const besides = [
    ...(nodes.busy.length === 0 ? [] : [`${nodes.busy.length} nodes were left alone because pods use their GPUs`]),
    ...(unusable === 0 ? [] : [`${unusable} are not ready, cordoned or without GPUs to ask for`]),
  ].join(', ');
  if (failed.length > 0) return fail(describe([...failed, ...unclear]), observed);
  if (unclear.length > 0) return unknown(describe(unclear), observed);
  if (passed.length === 0) return skip(`no GPU node is idle: ${besides}`, observed);
  const good = `${tool} sees all ${observed.gpus} GPUs of ${passed.length} nodes`;
  return besides === '' ? pass(good, observed) : warn(`${good}; ${besides}`, observed);
}

function describe(outcomes: readonly NodeOutcome[]): string {
  const more = outcomes.length - SHOWN;
  return `${outcomes
    .slice(0, SHOWN)
    .map(({ node, text }) => `node ${node}: ${text}`)
    .join('; ')}${more > 0 ? `; and ${more} more nodes` : ''}`;
}

function lastLine(log: string): string {
  return log.trim().split('\n').at(-1)?.slice(0, 200) ?? '';
}
