import type { ClusterCheckContext } from '../cluster-check.ts';
import { gpuNodes, sumOf, type GpuNode } from '../read/gpu-node.ts';
import { readDraState, type DraDevice } from '../read/resource-slices.ts';
import { fail, pass, skip, unknown, warn, type ClusterVerdict, type Observed } from '../verdict.ts';
import { advertisedGpus, labelledGpus } from './labelled-gpus.ts';

/** Names of nodes in a message; the rest are counted. */
const SHOWN = 8;

/** One node's numbers, summed over its resources. */
interface NodeCount {
  readonly node: GpuNode;
  /** Undefined when no label says how many there are. */
  readonly labelled: number | undefined;
  readonly advertised: number;
  readonly unhealthy: number;
  readonly problem?: string;
}

/**
 * Every GPU that a node has can be asked for: what device plug-in or DRA driver advertise equals what the node's labels say of the hardware,
 * and no device is unhealthy.
 */
export async function checkGpuCapacity({ cluster, nodes: view }: ClusterCheckContext): Promise<ClusterVerdict> {
  const nodes = gpuNodes(await view.read());
  if (nodes.length === 0) return skip('no node of the cluster has a GPU by capacity or label');
  const ready = nodes.filter(({ isReady }) => isReady);
  const slices = ready.some(advertisesNothing) ? ((await readDraState(cluster))?.devices ?? []) : [];
  const counts = ready.map((node) => countNode(node, slices));
  return judge(counts, observedOf(nodes, counts));
}

function judge(counts: readonly NodeCount[], observed: Observed): ClusterVerdict {
  if (counts.length === 0) return unknown('no GPU node is ready, so none can be looked at', observed);
  const bad = counts.filter(({ problem }) => problem !== undefined);
  if (bad.length > 0) return fail(describe(bad), observed);
  const unlabelled = counts.filter(({ labelled }) => labelled === undefined).length;
  if (unlabelled === counts.length)
    return {
      ...skip(`no label says how many GPUs a node has; ${counts.length} nodes advertise GPUs and call none unhealthy`, observed),
      reason: 'no label says how many GPUs a node has: deploy GPU feature discovery or the AMD node labeller',
    };
  const total = counts.reduce((all, { advertised }) => all + advertised, 0);
  if (unlabelled > 0)
    return warn(`${total} GPUs can be asked for; on ${unlabelled} of ${counts.length} nodes no label says how many there are`, observed);
  return pass(`${total} GPUs of ${counts.length} nodes can be asked for, as many as the nodes have`, observed);
}

function countNode(node: GpuNode, slices: readonly DraDevice[]): NodeCount {
  const expected = labelledGpus(node);
  const labelled = Object.keys(expected).length === 0 ? undefined : sumOf(expected);
  if (advertisesNothing(node)) return countSlices(node, labelled, slices);
  const [capacity, allocatable] = [advertisedGpus(node.capacity), advertisedGpus(node.allocatable)];
  const wrong = Object.entries(expected).filter(([resource, count]) => (capacity[resource] ?? 0) !== count);
  const unhealthy = Math.max(0, sumOf(capacity) - sumOf(allocatable));
  const said = [
    ...wrong.map(([resource, count]) => `advertises ${capacity[resource] ?? 0} ${resource}, its labels say ${count}`),
    ...(unhealthy > 0 ? [`has ${unhealthy} of ${sumOf(capacity)} devices that its device plug-in calls unhealthy`] : []),
  ];
  return { node, labelled, advertised: sumOf(capacity), unhealthy, ...(said.length === 0 ? {} : { problem: said.join(', ') }) };
}

/** A node without a device plug-in may advertise its GPUs through a DRA driver. */
function countSlices(node: GpuNode, labelled: number | undefined, slices: readonly DraDevice[]): NodeCount {
  const own = slices.filter((device) => device.node === node.name && device.driver.startsWith('gpu.') && (device.type ?? 'gpu') === 'gpu');
  const unhealthy = own.filter(({ isTainted }) => isTainted).length;
  const count = { node, labelled, advertised: own.length, unhealthy };
  if (own.length === 0)
    return { ...count, problem: 'has the labels of a GPU node and advertises none: its device plug-in does not run or finds no driver' };
  if (labelled !== undefined && own.length !== labelled)
    return { ...count, problem: `advertises ${own.length} GPUs through its ResourceSlices, its labels say ${labelled}` };
  return unhealthy === 0 ? count : { ...count, problem: `has ${unhealthy} of ${own.length} devices that its DRA driver taints` };
}

function observedOf(nodes: readonly GpuNode[], counts: readonly NodeCount[]): Observed {
  const known = counts.filter(({ labelled }) => labelled !== undefined);
  return {
    gpuNodes: nodes.length,
    notReady: nodes.length - counts.length,
    withoutLabel: counts.length - known.length,
    wrongNodes: counts.filter(({ problem }) => problem !== undefined).length,
    advertised: counts.reduce((total, { advertised }) => total + advertised, 0),
    labelled: known.reduce((total, { labelled = 0 }) => total + labelled, 0),
    unhealthy: counts.reduce((total, { unhealthy }) => total + unhealthy, 0),
  };
}

function describe(bad: readonly NodeCount[]): string {
  const [first] = bad;
  const more = bad.length - SHOWN;
  const said = bad.slice(0, SHOWN).map(({ node, problem = '' }) => `node ${node.name} ${problem}`);
  const look = `kubectl get pods -A -o wide --field-selector spec.nodeName=${first?.node.name ?? ''}`;
  return `${said.join('; ')}${more > 0 ? `; and ${more} more nodes` : ''}; look at the device plug-in there: ${look}`;
}

function advertisesNothing({ capacity }: GpuNode): boolean {
  return sumOf(capacity) === 0;
}
