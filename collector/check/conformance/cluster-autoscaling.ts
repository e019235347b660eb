import type { ClusterObject } from '#core/cluster/cluster.ts';
import { at, textAt } from '#core/cluster/object-value.ts';
import type { ClusterCheckContext } from '../cluster-check.ts';
import { gpuNodes, type GpuNode } from '../read/gpu-node.ts';
import { foldProblems } from '../read/problem.ts';
import { workloadState } from '../read/workload-state.ts';
import { fail, pass, skip, skipFor, type ClusterVerdict } from '../verdict.ts';
import { makeScaled, untilScaled } from '../workload/scaled-deployment.ts';
import type { TestObjects } from '../workload/test-objects.ts';
import { waitFor } from '../read/wait-for.ts';
import { externalMetric, GPU_METRIC } from './metrics-api.ts';

const KARPENTER = 'karpenter.sh/v1';
const GPU = 'nvidia.com/gpu';
/** Values and times of the behaviour test. @source upstream cluster-autoscaling */
const REPLICAS = 4;
const SCHEDULED_MIN = 2;
const DESIRE_MS = 180_000;
const NODE_MS = 180_000;
/** Labels by which a node tells the group that an autoscaler sizes. @source Amazon EKS and Google GKE documentation */
const GROUP_LABELS: Readonly<Record<string, readonly string[]>> = {
  eks: ['eks.amazonaws.com/nodegroup', 'alpha.eksctl.io/nodegroup-name'],
  gke: ['cloud.google.com/gke-nodepool'],
};

/** GPU nodes come when pods wait for them: shown by behaviour where Karpenter sizes the cluster, by configuration elsewhere. */
export async function checkClusterAutoscaling(context: ClusterCheckContext): Promise<ClusterVerdict> {
  const { cluster, recipe } = context;
  const pools = await cluster.list({ apiVersion: KARPENTER, kind: 'NodePool' });
  if (pools !== undefined) return checkKarpenter(context, pools);
  const service = recipe.criteria?.service ?? 'any';
  const labels = GROUP_LABELS[service];
  if (labels === undefined)
    return skip(`Karpenter is not installed, and nothing is known about cluster autoscaling on service "${service}"`);
  const nodes = gpuNodes(await context.nodes.read());
  return judgeGroups(context, nodes, { service, labels });
}

interface NodeGroups {
  readonly service: string;
  readonly labels: readonly string[];
}

async function judgeGroups(
  { cluster }: ClusterCheckContext,
  nodes: readonly GpuNode[],
  { service, labels }: NodeGroups,
): Promise<ClusterVerdict> {
  const grouped = nodes.filter((node) => labels.some((label) => node.labels[label] !== undefined)).length;
  const autoscaler = await findAutoscaler(cluster);
  const observed = { service, gpuNodes: nodes.length, grouped, autoscaler: autoscaler !== undefined, shown: 'configuration' };
  if (autoscaler !== undefined) return pass('cluster-autoscaler runs; that it adds GPU nodes was not tried', observed);
  if (nodes.length === 0) return skip('no node of the cluster has a GPU, so no node group can be told', observed);
  if (service === 'eks')
    return grouped > 0
      ? pass(
          `${grouped} of ${nodes.length} GPU nodes belong to a node group that the provider sizes; that it grows was not tried`,
          observed,
        )
      : fail('no GPU node belongs to a node group, and no autoscaler runs: install Karpenter or cluster-autoscaler', observed);
  // The provider's autoscaler runs outside of the cluster; only the status that it writes shows that it is on.
  const status = await cluster.read({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'kube-system', name: 'cluster-autoscaler-status' });
  if (status === undefined) return skip('the provider does not show in the cluster whether autoscaling is on', observed);
  return grouped > 0
    ? pass(
        `${grouped} of ${nodes.length} GPU nodes belong to a node pool, and autoscaling is on; that it adds nodes was not tried`,
        observed,
      )
    : fail('autoscaling is on, but no GPU node belongs to a node pool', observed);
}

async function findAutoscaler(cluster: ClusterCheckContext['cluster']): Promise<ClusterObject | undefined> {
  const labels = 'app.kubernetes.io/name in (cluster-autoscaler,aws-cluster-autoscaler)';
  const found = (await cluster.list({ apiVersion: 'apps/v1', kind: 'Deployment', labels })) ?? [];
  return found.find((deployment) => workloadState(deployment)?.problem === undefined);
}

async function checkKarpenter(context: ClusterCheckContext, pools: readonly ClusterObject[]): Promise<ClusterVerdict> {
  const pool = pools.find((each) => at(each, 'spec', 'limits', GPU) !== undefined);
  const observed = { nodePools: pools.length, withGpuLimit: pool === undefined ? 0 : 1, shown: 'configuration' };
  if (pool === undefined) return fail(`none of ${pools.length} NodePools of Karpenter has a limit for ${GPU}: add spec.limits`, observed);
  const { objects } = context;
  if (objects === undefined)
    return skipFor(
      'active-checks',
      'a NodePool for GPUs is there; that it adds nodes is only shown by pods that wait: set checks.active',
      observed,
    );
  const metric = await externalMetric(context, objects.namespace);
  if (metric.problems.length > 0) return foldProblems(metric.problems, { good: '', observed: { ...observed, values: 0 } });
  return growPool({ ...context, objects }, pool, observed);
}

async function growPool(
  context: ClusterCheckContext & { readonly objects: TestObjects },
  pool: ClusterObject,
  observed: Readonly<Record<string, unknown>>,
): Promise<ClusterVerdict> {
  const { cluster, clock, signal, timing, objects } = context;
  const inPool = `karpenter.sh/nodepool=${pool.metadata.name}`;
  const before = ((await cluster.list({ apiVersion: 'v1', kind: 'Node', labels: inPool })) ?? []).length;
  const scaled = await makeScaled(context, objects, {
    purpose: 'nodes',
    metric: GPU_METRIC,
    target: '10',
    maxReplicas: REPLICAS,
    resources: { [GPU]: 1 },
    pod: { nodeSelector: { 'karpenter.sh/nodepool': pool.metadata.name } },
  });
  const wished = await untilScaled(context, scaled, { isThere: ({ desired }) => desired > 1, timeoutMs: DESIRE_MS });
  if (!wished.reached)
    return fail(`the autoscaler wants ${wished.desired} replicas and never more than 1`, { ...observed, desired: wished.desired });
  const grown = await waitFor(
    async () => {
      const nodes = ((await cluster.list({ apiVersion: 'v1', kind: 'Node', labels: inPool })) ?? []).length;
      const pods =
        (await cluster.list({ apiVersion: 'v1', kind: 'Pod', namespace: objects.namespace, labels: 'assay.dev/test=nodes' })) ?? [];
      const scheduled = pods.filter((pod) => textAt(pod, 'spec', 'nodeName') !== undefined).length;
      return nodes > before && scheduled >= SCHEDULED_MIN ? { nodes, scheduled } : undefined;
    },
    { clock, signal, everyMs: Math.min(5000, timing.retryMs), timeoutMs: Math.min(NODE_MS, timing.tryMs) },
  );
  const seen = { ...observed, shown: 'behaviour', nodesBefore: before, desired: wished.desired };
  if (grown === undefined) return fail(`no new node came for waiting pods within ${NODE_MS} ms: look at the log of Karpenter`, seen);
  return pass(`Karpenter went from ${before} to ${grown.nodes} nodes for pods that waited, ${grown.scheduled} of them were placed`, {
    ...seen,
    nodes: grown.nodes,
    scheduled: grown.scheduled,
  });
}
