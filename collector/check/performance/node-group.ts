import { at } from '#core/cluster/object-value.ts';
import type { NodeSelection, Recipe } from '#core/recipe/document.ts';
import type { ClusterCheckContext } from '../cluster-check.ts';
import type { GpuNode } from '../read/gpu-node.ts';
import { gpuResource } from '../workload/gpu-load.ts';

/** Idle nodes of one kind, on which one benchmark runs. */
export interface NodeGroup {
  readonly nodes: readonly GpuNode[];
  readonly resource: string;
  readonly gpusPerNode: number;
  /** Product label; absent where no label says it. */
  readonly product: string | undefined;
}

/** Which labels the product of an accelerator begins with or has in it. @source upstream NCCL checks, choice of nodes */
const PRODUCTS: Readonly<Record<string, RegExp>> = {
  h100: /^NVIDIA-H100/,
  h200: /^NVIDIA-H200/,
  a100: /^(?:NVIDIA-)?A100/,
  b200: /^NVIDIA-B200$/,
  gb200: /NVIDIA-GB200/,
};
const PRODUCT_LABEL = 'nvidia.com/gpu.product';

/** The largest group of idle nodes that are alike, of the recipe's accelerator and within its node selection. */
export function largestGroup(idle: readonly GpuNode[], recipe: Recipe): NodeGroup | undefined {
  const pattern = PRODUCTS[recipe.criteria?.accelerator ?? ''];
  const selected = select(idle, recipe.validation?.performance?.nodeSelection).filter(
    ({ labels }) => pattern === undefined || pattern.test(labels[PRODUCT_LABEL] ?? ''),
  );
  const groups = [...Map.groupBy(selected, groupKey).values()].flatMap(toGroup);
  return groups.sort((left, right) => right.nodes.length - left.nodes.length)[0];
}

/** Extended resources of a node that lead to its fabric, as limits of a pod that uses all of it. @source EKS, AKS and network operator documentation */
export async function fabricResources(
  { cluster }: Pick<ClusterCheckContext, 'cluster'>,
  node: string,
): Promise<Readonly<Record<string, number>>> {
  const found = await cluster.read({ apiVersion: 'v1', kind: 'Node', name: node });
  const allocatable = at(found, 'status', 'allocatable');
  if (typeof allocatable !== 'object' || allocatable === null) return {};
  return Object.fromEntries(Object.entries(allocatable).flatMap(([name, amount]) => fabricLimit(name, Number(amount))));
}

function fabricLimit(name: string, amount: number): readonly (readonly [string, number])[] {
  if (!(amount > 0)) return [];
  if (name === 'vpc.amazonaws.com/efa') return [[name, amount]];
  // A shared device opens the whole fabric to whoever has one.
  return name.startsWith('rdma/') ? [[name, 1]] : [];
}

function select(nodes: readonly GpuNode[], selection: NodeSelection = {}): readonly GpuNode[] {
  const { selector = {}, excludeNodes = [], maxNodes } = selection;
  const wanted = nodes.filter(
    ({ name, labels }) => !excludeNodes.includes(name) && Object.entries(selector).every(([key, value]) => labels[key] === value),
  );
  return maxNodes === undefined || maxNodes <= 0 ? wanted : wanted.slice(0, maxNodes);
}

function groupKey(node: GpuNode): string {
  const resource = gpuResource(node);
  return JSON.stringify([resource?.name, resource?.count, node.labels[PRODUCT_LABEL]]);
}

function toGroup(nodes: readonly GpuNode[]): readonly NodeGroup[] {
  const [first] = nodes;
  const resource = first === undefined ? undefined : gpuResource(first);
  if (first === undefined || resource === undefined) return [];
  return [{ nodes, resource: resource.name, gpusPerNode: resource.count, product: first.labels[PRODUCT_LABEL] }];
}

/** Names of the nodes of a group. */
export function namesOf({ nodes }: NodeGroup): readonly string[] {
  return nodes.map(({ name }) => name);
}
