import { errorText } from '#core/error.ts';
import type { ClusterCheckContext } from '../cluster-check.ts';
import { inCompletionOrder } from '../completion-order.ts';
import type { GpuNode } from '../read/gpu-node.ts';
import { fail, pass, skip, skipFor, unknown, type ClusterVerdict, type Observed, type Outcome } from '../verdict.ts';
import { gpuResource, readGpuNodes, type GpuNodes } from '../workload/gpu-load.ts';
import { checkImage } from '../workload/images.ts';
import { runJob } from '../workload/run-job.ts';
import type { TestObjects } from '../workload/test-objects.ts';
import { bandwidthVerdict, wantedBandwidth, type BandwidthRule } from './bandwidth-verdict.ts';
import { allReduceScript } from './benchmark-command.ts';

/** Nodes at one time: each is busy for a minute or two, and nobody else's. */
const PARALLEL = 8;
const JOB_MS = 600_000;
const GPUS_MIN = 2;
const SHOWN = 8;
const LARGEST = '4G';
/** Results that are recorded, slowest first. */
const RECORDED = 64;

/** One vendor's collective on the GPUs of one node. */
interface NodeBenchmark {
  readonly vendor: 'nvidia' | 'amd';
  readonly image: string | undefined;
  readonly purpose: string;
  readonly constraint: string;
}

/** On each idle NVIDIA node, all GPUs together compute a collective, every value is right, and the way that the data took is recorded. */
export function checkNodeNccl(context: ClusterCheckContext): Promise<ClusterVerdict> {
  if ((context.recipe.validation?.performance?.checks ?? []).length === 0)
    return Promise.resolve(skip("the recipe's performance phase asks for nothing"));
  return checkNodes(
    { vendor: 'nvidia', image: checkImage('nccl', context.images), purpose: 'node-nccl', constraint: 'node-all-reduce-bw' },
    context,
  );
}

/** On each idle AMD node, all GPUs together compute a collective; the slowest node reaches what the recipe asks for, where it asks. */
export function checkRccl(context: ClusterCheckContext): Promise<ClusterVerdict> {
  return checkNodes({ vendor: 'amd', image: context.images['rccl'], purpose: 'node-rccl', constraint: 'rccl-all-reduce-bw' }, context);
}

async function checkNodes(benchmark: NodeBenchmark, context: ClusterCheckContext): Promise<ClusterVerdict> {
  const nodes = await readGpuNodes(context, benchmark.vendor);
  if (nodes.all.length === 0) return skip(`no node has GPUs of ${benchmark.vendor}`);
  const usable = nodes.idle.filter((node) => (gpuResource(node)?.count ?? 0) >= GPUS_MIN);
  const observed = { gpuNodes: nodes.all.length, idle: nodes.idle.length, busy: nodes.busy.length, usable: usable.length };
  if (usable.length === 0) return skip(`no GPU node is idle and has ${GPUS_MIN} GPUs or more`, observed);
  const { objects } = context;
  if (objects === undefined)
    return skipFor('active-checks', `a benchmark makes a Job on each of ${usable.length} idle GPU nodes: set checks.active`, observed);
  const { image } = benchmark;
  if (image === undefined) return skip('no image with rccl-tests is known: name one with ASSAY_CHECK_IMAGE=rccl=IMAGE', observed);
  const tasks = usable.map(
    (node, index) => () => tryNode(node, { context, objects, benchmark, image, purpose: `${benchmark.purpose}-${index}` }),
  );
  const found: NodeFinding[] = [];
  for await (const finding of inCompletionOrder([{ tasks, parallel: PARALLEL }])) found.push(finding);
  return judge(
    found.sort((left, right) => (left.node < right.node ? -1 : 1)),
    nodes,
  );
}

interface NodeFinding {
  readonly node: string;
  readonly verdict: ClusterVerdict;
}

interface NodeTry {
  readonly context: ClusterCheckContext;
  readonly objects: TestObjects;
  readonly benchmark: NodeBenchmark;
  readonly image: string;
  readonly purpose: string;
}

async function tryNode(node: GpuNode, { context, objects, benchmark, image, purpose }: NodeTry): Promise<NodeFinding> {
  const { name = '', count = 0 } = gpuResource(node) ?? {};
  const script = `export NCCL_DEBUG=INFO; ${allReduceScript({ largest: LARGEST, gpusPerProcess: count })}`;
  const pod = {
    purpose,
    image,
    command: ['sh', '-c', script],
    node: node.name,
    resources: { [name]: count },
    user: 0,
    sharedMemory: '16Gi',
  };
  try {
    const end = await runJob({ ...context, objects }, pod, JOB_MS);
    if (end.end === 'not-started') return { node: node.name, verdict: unknown(`its pod did not run: ${end.reason}`) };
    if (end.end === 'failed')
      return { node: node.name, verdict: { ...fail(`the benchmark failed: ${end.reason}`, {}), stdout: end.log.split('\n') } };
    return {
      node: node.name,
      verdict: bandwidthVerdict(end.log, ruleOf(context, benchmark), { gpus: count, imageDigest: end.digest ?? 'unknown' }),
    };
  } catch (error) {
    context.signal.throwIfAborted();
    return { node: node.name, verdict: unknown(errorText(error)) };
  }
}

function ruleOf({ recipe }: ClusterCheckContext, { constraint }: NodeBenchmark): BandwidthRule {
  const value = recipe.validation?.performance?.constraints?.find(({ name }) => name === constraint)?.value;
  return { wantedGBps: wantedBandwidth(value), constraint, proof: 'single-node' };
}

/** The worst node speaks; numbers of all nodes are recorded without their names, slowest first. */
function judge(found: readonly NodeFinding[], nodes: GpuNodes): ClusterVerdict {
  const of = (outcome: Outcome): readonly NodeFinding[] => found.filter(({ verdict }) => verdict.outcome === outcome);
  const results = found
    .map(({ verdict: { observed: each } }) => each)
    .sort((left, right) => bandwidthOf(left) - bandwidthOf(right))
    .slice(0, RECORDED);
  const observed = {
    gpuNodes: nodes.all.length,
    busy: nodes.busy.length,
    passed: of('pass').length,
    failed: of('fail').length,
    unknown: of('unknown').length,
    results,
  };
  const thresholds = found.map(({ verdict }) => verdict.thresholds).find((each) => each !== undefined) ?? {};
  const [failed, unclear] = [of('fail'), of('unknown')];
  const worst = failed[0] ?? unclear[0] ?? found[0];
  const stdout = worst?.verdict.stdout ?? [];
  if (failed.length > 0) return { ...fail(describe([...failed, ...unclear]), observed), thresholds, stdout };
  if (unclear.length > 0) return { ...unknown(describe(unclear), observed), thresholds, stdout };
  const slowest = results[0] === undefined ? 0 : bandwidthOf(results[0]);
  return { ...pass(`all values are right on ${found.length} idle nodes; the slowest has ${slowest} GB/s`, observed), thresholds, stdout };
}

function bandwidthOf(observed: Observed): number {
  const value = observed['busbwGBps'];
  return typeof value === 'number' ? value : -1;
}

function describe(found: readonly NodeFinding[]): string {
  const more = found.length - SHOWN;
  return `${found
    .slice(0, SHOWN)
    .map(({ node, verdict }) => `node ${node}: ${verdict.message}`)
    .join('; ')}${more > 0 ? `; and ${more} more nodes` : ''}`;
}
