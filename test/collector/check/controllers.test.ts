import { describe, expect, test } from 'vitest';
import type { ClusterObject, NewObject } from '#core/cluster/cluster.ts';
import { AssayError } from '#core/error.ts';
import { component, recipeOf, resultOf, verdictOf, type CheckTrial } from '../../fixture/cluster/check-run.ts';
import type { ClusterCall, MemoryClusterOptions } from '../../fixture/cluster/memory-cluster.ts';
import { MemoryCluster } from '../../fixture/cluster/memory-cluster.ts';
import { gpuNode } from '../../fixture/cluster/objects.ts';
import { definition, deployment, object, pod } from '../../fixture/cluster/workload-objects.ts';

const DENIED = { status: 403, text: JSON.stringify({ kind: 'Status', apiVersion: 'v1', reason: 'Forbidden' }) };
const CUSTOM = '/apis/custom.metrics.k8s.io/v1beta1';
const external = (namespace: string): string => `/apis/external.metrics.k8s.io/v1beta1/namespaces/${namespace}/dcgm_gpu_power_usage`;
const items = (count: number): { readonly status: number; readonly text: string } => ({
  status: 200,
  text: JSON.stringify({ items: Array.from({ length: count }, () => ({})) }),
});
const exporter = pod('gpu-operator/a', { labels: { app: 'nvidia-dcgm-exporter' } });

/** Plays the autoscaler: it wants so many replicas while its target is low, and the Deployment follows when `follows`. */
function autoscaler(want: number, { follows = true, shrinks = true } = {}): MemoryCluster {
  const cluster = new MemoryCluster({
    objects: [exporter],
    paths: { [CUSTOM]: { status: 200, text: '{}' }, [external('assay-checks')]: items(8) },
  });
  const create = cluster.create;
  const patch = cluster.patch;
  const scale = (made: ClusterObject, desired: number): void => {
    cluster.put({ ...made, status: { desiredReplicas: desired } });
    const name = made.metadata.name.replace('-hpa', '');
    if (follows)
      cluster.put({
        ...deployment(`assay-checks/${name}`),
        metadata: { name, namespace: 'assay-checks', labels: { 'assay.dev/run': 'run-0123456789abcdef' } },
        status: { replicas: desired },
      });
  };
  cluster.create = async (made: NewObject) => {
    const stored = await create(made);
    if (made.kind === 'HorizontalPodAutoscaler') scale(stored, want);
    return stored;
  };
  cluster.patch = async (name, change) => {
    const changed = await patch(name, change);
    if (name.kind === 'HorizontalPodAutoscaler' && shrinks) scale(changed, 1);
    return changed;
  };
  return cluster;
}

describe('pod-autoscaling', () => {
  const say = (trial: CheckTrial): Promise<string> => verdictOf('pod-autoscaling', 'conformance', trial);

  test('follows the metric up and down, and leaves nothing', async () => {
    const cluster = autoscaler(3);
    expect(await say({ on: cluster, active: true })).toBe(
      'passed: an autoscaler on dcgm_gpu_power_usage scaled from 1 to 3 replicas and back to 1',
    );
    expect(
      cluster.calls
        .filter(({ verb }) => verb === 'remove')
        .map(({ what }) =>
          what
            .split('/')
            .at(-1)
            ?.replace(/-[\da-f]{8}$/, ''),
        ),
    ).toEqual(['assay-autoscale', 'assay-autoscale-hpa']);
  });

  test.each([
    ['an autoscaler that wants one', autoscaler(1), 'failed: the autoscaler wants 1 replicas and never more than 1'],
    [
      'a Deployment that does not follow',
      autoscaler(3, { follows: false }),
      'failed: the autoscaler wants 3 replicas, the Deployment has 0',
    ],
    ['no way down', autoscaler(3, { shrinks: false }), 'failed: the autoscaler scaled up to 3 and not down again'],
  ])('%s fails', async (_what, on, message) => {
    expect((await say({ on, active: true })).startsWith(message)).toBe(true);
  });

  test.each<[string, MemoryClusterOptions, string]>([
    ['no exporter', {}, 'skipped: no nvidia-dcgm-exporter runs in namespace gpu-operator'],
    [
      'no custom metrics API',
      { objects: [exporter], paths: { [external('default')]: items(1) } },
      'failed: /apis/custom.metrics.k8s.io/v1beta1 answers 404: install prometheus-adapter',
    ],
    [
      'no external metric',
      { objects: [exporter], paths: { [CUSTOM]: { status: 200, text: '{}' } } },
      'failed: /apis/external.metrics.k8s.io/v1beta1/namespaces/default/dcgm_gpu_power_usage answers 404',
    ],
    [
      'a metric without values',
      { objects: [exporter], paths: { [CUSTOM]: { status: 200, text: '{}' }, [external('default')]: items(0) } },
      'failed: the external metric dcgm_gpu_power_usage has no value',
    ],
    [
      'an answer that is no JSON',
      { objects: [exporter], paths: { [CUSTOM]: { status: 200, text: '' }, [external('default')]: { status: 200, text: '<html>' } } },
      'failed: the external metric dcgm_gpu_power_usage has no value',
    ],
    [
      'no permission',
      { objects: [exporter], paths: { [CUSTOM]: DENIED, [external('default')]: DENIED } },
      'skipped: /apis/custom.metrics.k8s.io/v1beta1 answers 403',
    ],
    [
      'no right to try',
      { objects: [exporter], paths: { [CUSTOM]: { status: 200, text: '{}' }, [external('default')]: items(8) } },
      'skipped: the external metric dcgm_gpu_power_usage has 8 values; that an autoscaler follows it',
    ],
  ])('%s', async (_what, on, message) => {
    expect((await say({ on })).startsWith(message)).toBe(true);
  });
});

describe('robust-controller', () => {
  const kubeflow = recipeOf([component('kubeflow-trainer', { namespace: 'kubeflow' })]);
  const hook = (name: string): NewObject => ({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name },
    webhooks: [{ name: 'validator.trainjob.example' }],
  });
  const up = [
    deployment('kubeflow/kubeflow-trainer-controller-manager'),
    definition('trainjobs.trainer.kubeflow.org'),
    hook('validator.trainer.kubeflow.org'),
  ];
  const say = (on: MemoryClusterOptions, trial: CheckTrial = {}): Promise<string> =>
    verdictOf('robust-controller', 'conformance', { on, recipe: kubeflow, ...trial });
  const refusing = (code: 'CLUSTER_FORBIDDEN' | 'CLUSTER_REFUSED', message: string): MemoryClusterOptions => ({
    objects: up,
    fault: ({ verb, what }: ClusterCall) => (verb === 'create' && what.includes('TrainJob') ? new AssayError(code, message) : undefined),
  });
  const denial = 'POST: 403, admission webhook "validator.trainjob.trainer.kubeflow.org" denied the request: no such runtime';

  test.each<[string, MemoryClusterOptions, string]>([
    [
      'refused by its webhook',
      refusing('CLUSTER_FORBIDDEN', denial),
      'passed: an invalid TrainJob was refused by the webhook of kubeflow-trainer',
    ],
    ['refused by its webhook with another status', refusing('CLUSTER_REFUSED', denial), 'passed: an invalid TrainJob was refused'],
    ['accepted', { objects: up }, 'failed: an invalid TrainJob was accepted'],
    [
      'refused by the schema',
      refusing('CLUSTER_REFUSED', 'POST: 422, spec.runtimeRef: Required value'),
      'other: an invalid TrainJob was refused before a webhook saw it',
    ],
    [
      'refused for lack of a right',
      refusing('CLUSTER_FORBIDDEN', 'User "u" cannot create resource "trainjobs" in API group "trainer.kubeflow.org"'),
      'skipped',
    ],
  ])('an object that makes no sense is %s', async (_what, on, message) => {
    expect((await say(on, { active: true })).startsWith(message)).toBe(true);
  });

  test('an object that was accepted is removed', async () => {
    const cluster = new MemoryCluster({ objects: up });
    await resultOf('robust-controller', 'conformance', { on: cluster, recipe: kubeflow, active: true });
    expect(await cluster.list({ apiVersion: 'trainer.kubeflow.org/v1alpha1', kind: 'TrainJob' })).toEqual([]);
  });

  test.each<[string, MemoryClusterOptions, string]>([
    ['no controller', { objects: up.slice(1) }, 'failed: Deployment kubeflow/kubeflow-trainer-controller-manager does not exist'],
    ['no CRD', { objects: [...up.slice(0, 1), ...up.slice(2)] }, 'failed: CRD trainjobs.trainer.kubeflow.org does not exist'],
    ['no webhook', { objects: up.slice(0, 2) }, 'failed: no validating webhook of kubeflow-trainer is registered'],
    ['a webhook of another controller', { objects: [...up.slice(0, 2), hook('other')] }, 'failed: no validating webhook'],
    ['no right to try', { objects: up }, 'skipped: kubeflow-trainer is up with its webhook; that it refuses nonsense'],
  ])('%s', async (_what, on, message) => {
    expect((await say(on)).startsWith(message)).toBe(true);
  });

  test('dynamo is told by a webhook with its name', async () => {
    const dynamo = recipeOf([component('dynamo-platform', { namespace: 'dynamo-system' })]);
    const objects = [
      deployment('dynamo-system/dynamo-platform-dynamo-operator-controller-manager'),
      definition('dynamographdeployments.nvidia.com'),
      hook('dynamo-validating'),
    ];
    expect(await say({ objects }, { recipe: dynamo })).toContain('skipped: dynamo-platform is up with its webhook');
    expect(await say({ objects: objects.slice(0, 2) }, { recipe: dynamo })).toContain('failed: no validating webhook of dynamo-platform');
    expect(await say({ objects }, { recipe: recipeOf() })).toBe('skipped: the recipe has none of dynamo-platform, kubeflow-trainer');
  });
});

describe('cluster-autoscaling', () => {
  const noKarpenter = ['karpenter.sh/v1/NodePool'];
  const on = (service: string, objects: readonly NewObject[]): Promise<string> =>
    verdictOf('cluster-autoscaling', 'conformance', {
      on: { objects, unknownKinds: noKarpenter },
      recipe: recipeOf([], {}, { service, accelerator: 'h100' }),
    });
  const grouped = (label: string): NewObject =>
    gpuNode('a', { metadata: { name: 'a', labels: { 'nvidia.com/gpu.present': 'true', [label]: 'gpus' } } });
  const scaler = (ready: number): NewObject => {
    const made = deployment('kube-system/cluster-autoscaler', ready);
    return { ...made, metadata: { ...made.metadata, labels: { 'app.kubernetes.io/name': 'cluster-autoscaler' } } };
  };
  const pool = (limits: Readonly<Record<string, string>>): NewObject => ({
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodePool',
    metadata: { name: 'gpus' },
    spec: { limits },
  });

  test.each([
    ['eks', [grouped('eks.amazonaws.com/nodegroup')], 'passed: 1 of 1 GPU nodes belong to a node group'],
    ['eks', [gpuNode('a')], 'failed: no GPU node belongs to a node group, and no autoscaler runs'],
    ['eks', [gpuNode('a'), scaler(1)], 'passed: cluster-autoscaler runs; that it adds GPU nodes was not tried'],
    ['eks', [gpuNode('a'), scaler(0)], 'failed: no GPU node belongs to a node group'],
    ['eks', [], 'skipped: no node of the cluster has a GPU'],
    ['gke', [grouped('cloud.google.com/gke-nodepool')], 'skipped: the provider does not show in the cluster whether autoscaling is on'],
    [
      'gke',
      [grouped('cloud.google.com/gke-nodepool'), object('v1', 'ConfigMap', 'kube-system/cluster-autoscaler-status')],
      'passed: 1 of 1 GPU nodes belong to a node pool',
    ],
    [
      'gke',
      [gpuNode('a'), object('v1', 'ConfigMap', 'kube-system/cluster-autoscaler-status')],
      'failed: autoscaling is on, but no GPU node belongs to a node pool',
    ],
    ['oke', [gpuNode('a')], 'skipped: Karpenter is not installed, and nothing is known about cluster autoscaling on service "oke"'],
  ])('on %s %#', async (service, objects, message) => {
    expect((await on(service, objects)).startsWith(message)).toBe(true);
  });

  test.each<[string, readonly NewObject[], boolean, string]>([
    ['no pool', [], false, 'failed: none of 0 NodePools'],
    [
      'a pool without a GPU limit',
      [pool({ cpu: '100' })],
      false,
      'failed: none of 1 NodePools of Karpenter has a limit for nvidia.com/gpu',
    ],
    ['a pool with one, not tried', [pool({ 'nvidia.com/gpu': '16' })], false, 'skipped: a NodePool for GPUs is there'],
    ['a pool with one, without the metric', [pool({ 'nvidia.com/gpu': '16' })], true, 'failed: /apis/external.metrics.k8s.io'],
  ])('with Karpenter and %s', async (_what, objects, active, message) => {
    expect((await verdictOf('cluster-autoscaling', 'conformance', { on: objects, active })).startsWith(message)).toBe(true);
  });

  describe('with Karpenter, tried', () => {
    const labels = { 'karpenter.sh/nodepool': 'gpus' };
    /** Plays autoscaler and Karpenter: so many replicas are wanted, so many nodes come, and so many pods are placed. */
    function karpenter({ want = 4, nodes = 1, placed = 2 } = {}): MemoryCluster {
      const before = gpuNode('old', { metadata: { name: 'old', labels } });
      const cluster = new MemoryCluster({
        objects: [pool({ 'nvidia.com/gpu': '16' }), before],
        paths: { [external('assay-checks')]: items(8) },
      });
      const create = cluster.create;
      cluster.create = async (made: NewObject) => {
        const stored = await create(made);
        if (made.kind !== 'HorizontalPodAutoscaler') return stored;
        cluster.put({ ...stored, status: { desiredReplicas: want } });
        for (let index = 0; index < nodes; index += 1) cluster.put(gpuNode(`new-${index}`, { metadata: { name: `new-${index}`, labels } }));
        for (let index = 0; index < want; index += 1) {
          const own = { 'assay.dev/test': 'nodes', 'assay.dev/run': 'run-0123456789abcdef' };
          cluster.put(pod(`assay-checks/p${index}`, { labels: own, spec: index < placed ? { nodeName: 'new-0' } : {} }));
        }
        return stored;
      };
      return cluster;
    }
    const tried = (cluster: MemoryCluster): Promise<string> =>
      verdictOf('cluster-autoscaling', 'conformance', { on: cluster, active: true });

    test('a node comes for pods that wait', async () => {
      expect(await tried(karpenter())).toBe('passed: Karpenter went from 1 to 2 nodes for pods that waited, 2 of them were placed');
    });

    test.each([
      ['no autoscaling', karpenter({ want: 1 }), 'failed: the autoscaler wants 1 replicas and never more than 1'],
      ['no node', karpenter({ nodes: 0 }), 'failed: no new node came for waiting pods'],
      ['a node, and one pod placed', karpenter({ placed: 1 }), 'failed: no new node came for waiting pods'],
    ])('%s fails', async (_what, cluster, message) => {
      expect((await tried(cluster)).startsWith(message)).toBe(true);
    });
  });
});
