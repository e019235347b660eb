import { describe, expect, test } from 'vitest';
import type { ClusterObject, NewObject } from '#core/cluster/cluster.ts';
import { component, recipeOf, resultOf, verdictOf, type CheckTrial } from '../../fixture/cluster/check-run.ts';
import type { MemoryClusterOptions } from '../../fixture/cluster/memory-cluster.ts';
import { gpuNode, plainNode } from '../../fixture/cluster/objects.ts';
import { daemonSet, definition, deployment, instantKubelet, object, pod } from '../../fixture/cluster/workload-objects.ts';

const RUN = '22564d13';
const DENIED = { status: 403, text: JSON.stringify({ kind: 'Status', apiVersion: 'v1', reason: 'Forbidden' }) };

/** A check on a cluster, with one thing changed at a time. */
function saying(check: string, recipe = recipeOf()) {
  return (on: MemoryClusterOptions | readonly NewObject[], more: Omit<CheckTrial, 'on'> = {}): Promise<string> =>
    verdictOf(check, 'conformance', { on, recipe, ...more });
}

describe('gpu-operator-health', () => {
  const say = saying('gpu-operator-health');
  const policy = (state: string): NewObject => object('nvidia.com/v1', 'ClusterPolicy', 'cluster-policy', { state });
  const good = [deployment('gpu-operator/gpu-operator'), daemonSet('gpu-operator/nvidia-dcgm-exporter', 2, 2), policy('ready')];
  const without = (kind: string): readonly NewObject[] => good.filter((each) => each.kind !== kind);

  test('passes when all three are there', async () => {
    expect(await say(good)).toBe('passed: the GPU operator is available, its policy is ready, 2 metrics exporters are ready');
  });

  test.each([
    ['no operator', without('Deployment'), 'Deployment gpu-operator/gpu-operator does not exist'],
    ['an operator that is not available', [...without('Deployment'), deployment('gpu-operator/gpu-operator', 0)], 'has 0 of 1 pods ready'],
    ['no policy', without('ClusterPolicy'), 'ClusterPolicy cluster-policy is absent, not ready'],
    [
      'a policy that is not ready',
      [...without('ClusterPolicy'), policy('notReady')],
      'ClusterPolicy cluster-policy is notReady, not ready',
    ],
    [
      'a policy without a state',
      [...without('ClusterPolicy'), object('nvidia.com/v1', 'ClusterPolicy', 'cluster-policy')],
      'is unsaid, not ready',
    ],
    [
      'another policy',
      [...without('ClusterPolicy'), object('nvidia.com/v1', 'ClusterPolicy', 'other', { state: 'ready' })],
      'is absent, not ready',
    ],
    [
      'an exporter missing on one node of two',
      [...without('DaemonSet'), daemonSet('gpu-operator/nvidia-dcgm-exporter', 1, 2)],
      'has 1 of 2 pods ready',
    ],
    ['exporters on no node', [...without('DaemonSet'), daemonSet('gpu-operator/nvidia-dcgm-exporter', 0, 0)], 'wants 0 pods'],
  ])('%s fails', async (_what, on, text) => {
    const message = await say(on);
    expect(message.startsWith('failed: ')).toBe(true);
    expect(message).toContain(text);
  });
});

describe('accelerator-metrics', () => {
  const say = saying('accelerator-metrics');
  const page = (names: readonly string[] = ['GPU_UTIL', 'FB_USED', 'GPU_TEMP', 'POWER_USAGE']): string =>
    `# HELP x\n${names.map((name) => `DCGM_FI_DEV_${name}{gpu="0"} 1\nDCGM_FI_DEV_${name}{gpu="1"} 2.5\n`).join('')}`;
  const exporter = (name: string, change = {}): NewObject =>
    pod(`gpu-operator/${name}`, { labels: { app: 'nvidia-dcgm-exporter' }, ...change });
  const podPath = (name: string): string => `/api/v1/namespaces/gpu-operator/pods/${name}:9400/proxy/metrics`;
  const servicePath = '/api/v1/namespaces/gpu-operator/services/nvidia-dcgm-exporter:9400/proxy/metrics';
  const answers = (text: string, status = 200): { readonly status: number; readonly text: string } => ({ status, text });

  test('every exporter is asked, and samples are counted', async () => {
    const on = { objects: [exporter('a'), exporter('b')], paths: { [podPath('a')]: answers(page()), [podPath('b')]: answers(page()) } };
    const { status, extra } = await resultOf('accelerator-metrics', 'conformance', { on });
    expect(status).toBe('passed');
    const four = { DCGM_FI_DEV_GPU_UTIL: 4, DCGM_FI_DEV_FB_USED: 4, DCGM_FI_DEV_GPU_TEMP: 4, DCGM_FI_DEV_POWER_USAGE: 4 };
    expect(extra?.['observed']).toEqual({ exporters: 2, ready: 2, asked: 2, by: 'pods', samples: four, withoutMetrics: 0, problems: 0 });
  });

  test('where pods may not be asked, the service is, and the result says so', async () => {
    const on = { objects: [exporter('a'), exporter('b')], paths: { [podPath('a')]: DENIED, [servicePath]: answers(page()) } };
    expect(await say(on)).toContain('passed: 1 of 2 pods of nvidia-dcgm-exporter were asked');
  });

  test.each<[string, MemoryClusterOptions, string]>([
    ['no exporter', {}, 'failed: no pod of nvidia-dcgm-exporter is in namespace gpu-operator'],
    [
      'an exporter that is not ready',
      { objects: [exporter('a', { ready: false })] },
      'failed: 0 of 1 pods of nvidia-dcgm-exporter are ready',
    ],
    [
      'a metric missing',
      { objects: [exporter('a')], paths: { [podPath('a')]: answers(page(['GPU_UTIL', 'FB_USED', 'GPU_TEMP'])) } },
      'failed: nvidia-dcgm-exporter does not give DCGM_FI_DEV_POWER_USAGE',
    ],
    ['an empty page', { objects: [exporter('a')], paths: { [podPath('a')]: answers('') } }, 'failed: nvidia-dcgm-exporter does not give'],
    [
      'a value that is no number',
      { objects: [exporter('a')], paths: { [podPath('a')]: answers(page().replaceAll(/\} [\d.]+/g, '} none')) } },
      'failed: nvidia-dcgm-exporter does not give',
    ],
    [
      'one exporter of two without metrics',
      { objects: [exporter('a'), exporter('b')], paths: { [podPath('a')]: answers(page()), [podPath('b')]: answers('') } },
      'failed: 1 of 2 pods of nvidia-dcgm-exporter do not give all metrics',
    ],
    [
      'an exporter that does not answer',
      { objects: [exporter('a')], paths: { [podPath('a')]: answers('', 503) } },
      'failed: exporter a answers 503',
    ],
    [
      'neither way allowed',
      { objects: [exporter('a')], paths: { [podPath('a')]: DENIED, [servicePath]: DENIED } },
      'skipped: the metrics of nvidia-dcgm-exporter cannot be read',
    ],
    [
      'an exporter that wants a password',
      { objects: [exporter('a')], paths: { [podPath('a')]: answers('who are you?', 401) } },
      'failed: exporter a answers 401',
    ],
    [
      'a service that fails',
      { objects: [exporter('a')], paths: { [podPath('a')]: DENIED, [servicePath]: answers('', 502) } },
      'failed: /api/v1/namespaces/gpu-operator/services',
    ],
  ])('%s', async (_what, on, message) => {
    expect((await say(on)).startsWith(message)).toBe(true);
  });

  test('AMD’s exporter has other names', async () => {
    const names = ['amd_gpu_gfx_activity', 'gpu_used_vram', 'gpu_junction_temperature', 'gpu_package_power'];
    const text = names.map((name) => `${name}{gpu_id="0"} 1\n`).join('');
    const on = (body: string): MemoryClusterOptions => ({
      objects: [pod('kube-amd-gpu/default-metrics-exporter-x')],
      paths: { '/api/v1/namespaces/kube-amd-gpu/pods/default-metrics-exporter-x:5000/proxy/metrics': answers(body) },
    });
    expect(await verdictOf('amd-accelerator-metrics', 'conformance', { on: on(text) })).toContain(
      'passed: 1 of 1 pods of AMD device metrics exporter',
    );
    expect(await verdictOf('amd-accelerator-metrics', 'conformance', { on: on(page()) })).toContain(
      'failed: AMD device metrics exporter does not give utilisation, used memory, temperature, power',
    );
  });
});

describe('ai-service-metrics', () => {
  const say = saying('ai-service-metrics');
  const query = '/api/v1/namespaces/monitoring/services/prom:9090/proxy/api/v1/query?query=DCGM_FI_DEV_GPU_UTIL';
  const series = (count: number): string =>
    JSON.stringify({ status: 'success', data: { result: Array.from({ length: count }, () => ({})) } });
  const service = (labels: Readonly<Record<string, string>>, port = 9090): NewObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'prom', namespace: 'monitoring', labels },
    spec: { ports: [{ port }] },
  });
  const label = { 'app.kubernetes.io/name': 'prometheus' };
  const api = { '/apis/custom.metrics.k8s.io/v1beta1': { status: 200, text: '{}' } };

  test('passes with series and the API', async () => {
    const paths = { ...api, [query]: { status: 200, text: series(16) } };
    expect(await say({ objects: [service(label)], paths })).toBe(
      'passed: Prometheus has 16 series of DCGM_FI_DEV_GPU_UTIL, and the custom metrics API is served',
    );
    expect(await say({ objects: [service({ 'self-monitor': 'true' })], paths })).toContain('passed');
  });

  test.each<[string, MemoryClusterOptions, string]>([
    ['no Prometheus', { paths: api }, 'failed: no service of Prometheus with port 9090'],
    ['one on another port', { objects: [service(label, 8080)], paths: api }, 'failed: no service of Prometheus'],
    [
      'no series',
      { objects: [service(label)], paths: { ...api, [query]: { status: 200, text: series(0) } } },
      'failed: Prometheus has no series of DCGM_FI_DEV_GPU_UTIL',
    ],
    [
      'an error of Prometheus',
      { objects: [service(label)], paths: { ...api, [query]: { status: 200, text: '{"status":"error"}' } } },
      'other: the answer of Prometheus cannot be read',
    ],
    [
      'no answer of Prometheus',
      { objects: [service(label)], paths: { ...api, [query]: { status: 503, text: '' } } },
      'failed: Prometheus answers 503',
    ],
    ['no permission', { objects: [service(label)], paths: { ...api, [query]: DENIED } }, 'skipped: Prometheus cannot be asked'],
    [
      'no custom metrics API',
      { objects: [service(label)], paths: { [query]: { status: 200, text: series(1) } } },
      'failed: /apis/custom.metrics.k8s.io/v1beta1 answers 404',
    ],
  ])('%s', async (_what, on, message) => {
    expect((await say(on)).startsWith(message)).toBe(true);
  });
});

describe('dra-support', () => {
  const dra = component('nvidia-dra-driver-gpu', { namespace: 'dra' });
  const claims = component('nvidia-dra-driver-gpu', { namespace: 'dra', overrides: { resources: { gpus: { enabled: true } } } });
  const say = saying('dra-support', recipeOf([dra]));
  const sayClaims = saying('dra-support', recipeOf([claims]));
  const slice = (driver = 'compute-domain.nvidia.com', taints: readonly unknown[] = []): NewObject => ({
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceSlice',
    metadata: { name: 's' },
    spec: { driver, nodeName: 'a', pool: { name: 'a', generation: 1, resourceSliceCount: 1 }, devices: [{ name: 'd', taints }] },
  });
  const up = [deployment('dra/nvidia-dra-driver-gpu-controller'), daemonSet('dra/nvidia-dra-driver-gpu-kubelet-plugin')];
  const log = (text: string): Record<string, string> => ({ [`assay-checks/assay-dra-${RUN}/check`]: text });

  test('passes with a driver that advertises', async () => {
    expect(await say([...up, slice()])).toBe('passed: the DRA driver is up on 2 nodes and advertises 1 usable devices');
  });

  test.each<[string, MemoryClusterOptions, string]>([
    ['no controller', { objects: [...up.slice(1), slice()] }, 'failed: Deployment dra/nvidia-dra-driver-gpu-controller does not exist'],
    [
      'a plug-in that is not ready',
      { objects: [...up.slice(0, 1), daemonSet('dra/nvidia-dra-driver-gpu-kubelet-plugin', 1, 2), slice()] },
      'failed: DaemonSet dra/nvidia-dra-driver-gpu-kubelet-plugin has 1 of 2',
    ],
    ['no slice', { objects: up }, 'failed: no driver of nvidia.com advertises a usable device (0 devices, 0 incomplete pools)'],
    ['slices of another driver', { objects: [...up, slice('nic.example.com')] }, 'failed: no driver of nvidia.com'],
    [
      'only tainted devices',
      { objects: [...up, slice(undefined, [{ effect: 'NoSchedule' }])] },
      'failed: no driver of nvidia.com advertises a usable device (1 devices',
    ],
    [
      'an API server that does not serve it',
      { objects: up, unknownKinds: ['v1', 'v1beta2', 'v1beta1'].map((version) => `resource.k8s.io/${version}/ResourceSlice`) },
      'failed: the API server does not serve resource.k8s.io',
    ],
  ])('%s', async (_what, on, message) => {
    expect((await say(on)).startsWith(message)).toBe(true);
  });

  test('is skipped without the driver in the recipe', async () => {
    expect(await verdictOf('dra-support', 'conformance', { on: [...up, slice()] })).toBe(
      'skipped: the recipe has no nvidia-dra-driver-gpu',
    );
  });

  test('with claims, a pod has to get one', async () => {
    const objects = [...up, slice('gpu.nvidia.com')];
    expect(await sayClaims(objects)).toContain('skipped: the recipe hands out GPUs by claims');
    expect(await sayClaims({ objects, onCreate: instantKubelet(), logs: log('GPU 0: H100\n') }, { active: true })).toBe(
      'passed: a pod with a claim for one GPU runs and sees it',
    );
    expect(await sayClaims({ objects, onCreate: instantKubelet(), logs: log('GPU 0: H100\nGPU 1: H100\n') }, { active: true })).toBe(
      'failed: a pod with a claim for one GPU sees 2',
    );
    expect(await sayClaims({ objects, onCreate: instantKubelet({ phase: 'Failed' }), logs: log('') }, { active: true })).toContain(
      'failed: the pod with a claim for one GPU failed',
    );
    expect(await sayClaims({ objects, onCreate: instantKubelet() }, { active: true })).toContain('other: no log');
  });
});

describe('gang-scheduling', () => {
  const say = saying('gang-scheduling');
  const names = ['admission', 'binder', 'kai-operator', 'kai-scheduler-default', 'pod-grouper', 'podgroup-controller', 'queue-controller'];
  const up = [
    ...names.map((name) => deployment(`kai-scheduler/${name}`)),
    definition('queues.scheduling.run.ai'),
    definition('podgroups.scheduling.run.ai'),
  ];
  const scheduler = (times: readonly (string | undefined)[]) => {
    let next = 0;
    return (made: ClusterObject): ClusterObject | undefined => {
      if (made.kind !== 'Pod') return undefined;
      const time = times[next++];
      const condition =
        time === undefined
          ? { type: 'PodScheduled', status: 'False', message: '0/2 nodes fit' }
          : { type: 'PodScheduled', status: 'True', lastTransitionTime: time };
      return { ...made, status: { phase: 'Pending', conditions: [condition] } };
    };
  };

  test.each<[string, readonly (string | undefined)[], string]>([
    ['at once', ['2026-01-01T00:00:00Z', '2026-01-01T00:00:02Z'], 'passed: both pods of a group were placed within 2000 ms'],
    ['half a minute apart', ['2026-01-01T00:00:30Z', '2026-01-01T00:00:00Z'], 'passed: both pods of a group were placed within 30000 ms'],
    ['never', [undefined, undefined], 'failed: 0 of 2 pods of a group were placed: 0/2 nodes fit'],
    ['by half', ['2026-01-01T00:00:00Z', undefined], 'failed: 1 of 2 pods of a group were placed: 0/2 nodes fit'],
    ['a minute apart', ['2026-01-01T00:00:00Z', '2026-01-01T00:01:00Z'], 'failed: the pods of a group were placed 60000 ms apart'],
  ])('pods that are placed %s', async (_what, times, message) => {
    expect(await say({ objects: up, onCreate: scheduler(times) }, { active: true })).toBe(message);
  });

  test.each<[string, MemoryClusterOptions, string]>([
    [
      'no scheduler',
      { objects: up.filter(({ metadata }) => metadata.name !== 'kai-scheduler-default') },
      'skipped: there is no Deployment kai-scheduler/kai-scheduler-default',
    ],
    [
      'no binder',
      { objects: up.filter(({ metadata }) => metadata.name !== 'binder') },
      'failed: Deployment kai-scheduler/binder does not exist',
    ],
    [
      'no queues',
      { objects: up.filter(({ metadata }) => metadata.name !== 'queues.scheduling.run.ai') },
      'failed: CRD queues.scheduling.run.ai does not exist',
    ],
    [
      'a CRD that is not established',
      { objects: [...up.slice(0, -1), definition('podgroups.scheduling.run.ai', 'False')] },
      'failed: CRD podgroups.scheduling.run.ai is not established',
    ],
    ['no right to try', { objects: up }, 'skipped: the group scheduler is up'],
  ])('%s', async (_what, on, message) => {
    expect((await say(on)).startsWith(message)).toBe(true);
  });
});

describe('inference-gateway', () => {
  const say = saying('inference-gateway', recipeOf([component('agentgateway', { namespace: 'gw' })]));
  const api = 'gateway.networking.k8s.io/v1';
  const gateway = (status: string): NewObject =>
    object(api, 'Gateway', 'gw/inference-gateway', { conditions: [{ type: 'Programmed', status, message: 'no address' }] });
  const gatewayClass = (status: string): NewObject =>
    object(api, 'GatewayClass', 'agentgateway', { conditions: [{ type: 'Accepted', status }] });
  const endpoints = (ready: boolean, service = 'inference-gateway'): NewObject => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'e', namespace: 'gw', labels: { 'kubernetes.io/service-name': service } },
    endpoints: [{ conditions: { ready } }],
  });
  const crds = [
    'gateways.gateway.networking.k8s.io',
    'httproutes.gateway.networking.k8s.io',
    'inferencepools.inference.networking.x-k8s.io',
  ].map((name) => definition(name));
  const good = [...crds, gatewayClass('True'), gateway('True'), endpoints(true)];
  const but = (...changed: readonly NewObject[]): readonly NewObject[] => [
    ...good.filter(({ kind }) => changed.every((each) => each.kind !== kind)),
    ...changed,
  ];
  const balancer = (spec: Readonly<Record<string, unknown>>, annotations = {}): NewObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'inference-gateway', namespace: 'gw', annotations },
    spec: { type: 'LoadBalancer', ...spec },
  });

  test('passes when it is programmed and answers', async () => {
    expect(await say(good)).toBe('passed: gateway inference-gateway is programmed, with 1 ready endpoints');
  });

  test.each([
    ['a class that is not accepted', but(gatewayClass('False')), 'failed: GatewayClass agentgateway is not Accepted'],
    ['a gateway that is not programmed', but(gateway('False')), 'failed: Gateway gw/inference-gateway is not Programmed: no address'],
    ['no gateway', good.filter(({ kind }) => kind !== 'Gateway'), 'failed: Gateway gw/inference-gateway does not exist'],
    [
      'no inference API',
      good.filter(({ metadata }) => !metadata.name.startsWith('inferencepools')),
      'failed: CRD inferencepools.inference.networking.x-k8s.io does not exist',
    ],
    ['no ready endpoint', but(endpoints(false)), 'failed: gateway inference-gateway has no ready endpoint'],
    ['endpoints of another service', but(endpoints(true, 'other')), 'failed: gateway inference-gateway has no ready endpoint'],
    [
      'a load balancer open to all',
      [...good, balancer({})],
      'passed: warning: gateway inference-gateway is programmed, with 1 ready endpoints; 1 load balancers',
    ],
    ['one that says everybody', [...good, balancer({ loadBalancerSourceRanges: ['0.0.0.0/0'] })], 'passed: warning:'],
    ['one with source ranges', [...good, balancer({ loadBalancerSourceRanges: ['10.0.0.0/8'] })], 'passed: gateway'],
    ['an internal one', [...good, balancer({}, { 'service.beta.kubernetes.io/aws-load-balancer-scheme': 'internal' })], 'passed: gateway'],
  ])('%s', async (_what, on, message) => {
    expect((await say(on)).startsWith(message)).toBe(true);
  });

  test('is skipped without it in the recipe', async () => {
    expect(await verdictOf('inference-gateway', 'conformance', { on: good })).toBe('skipped: the recipe has no agentgateway');
  });
});

describe('secure-accelerator-access', () => {
  const say = saying('secure-accelerator-access');
  const one = 'GPU 0: NVIDIA H100 (UUID: GPU-1)\ndevice /dev/nvidia0\nLOOKED\n';
  const logs = (granted: string, sibling: string, outside: string): Record<string, string> => ({
    [`assay-checks/assay-gpu-granted-${RUN}/check`]: granted,
    [`assay-checks/assay-gpu-granted-${RUN}/sibling`]: sibling,
    [`assay-checks/assay-gpu-none-${RUN}/check`]: outside,
  });
  const trying = (...seen: [string, string, string]): Promise<string> =>
    say({ objects: [gpuNode('node-a')], onCreate: instantKubelet(), logs: logs(...seen) }, { active: true });

  test('passes when only the one that was given a GPU sees it', async () => {
    expect(await trying(one, 'LOOKED\n', 'LOOKED\n')).toBe(
      'passed: a container sees the one GPU that it was given; containers without a GPU see none',
    );
  });

  test.each<[string, [string, string, string], string]>([
    [
      'a container that sees two',
      [`GPU 1: B (UUID: GPU-2)\ndevice /dev/nvidia1\n${one}`, 'LOOKED\n', 'LOOKED\n'],
      'failed: the container with one GPU sees 2 GPUs and 2 device files',
    ],
    ['one that sees none', ['LOOKED\n', 'LOOKED\n', 'LOOKED\n'], 'failed: the container with one GPU sees 0 GPUs and 0 device files'],
    ['a sibling that sees it', [one, one, 'LOOKED\n'], 'failed: its sibling without a GPU sees 1 GPUs and 1 device files'],
    [
      'a pod beside that sees a device file',
      [one, 'LOOKED\n', 'device /dev/nvidia3\nLOOKED\n'],
      'failed: a pod without a GPU on the same node sees 0 GPUs and 1 device files',
    ],
    ['a container that did not look', [one, '', 'LOOKED\n'], 'other: a container ended before it had looked'],
  ])('%s', async (_what, seen, message) => {
    expect((await trying(...seen)).startsWith(message)).toBe(true);
  });

  test('is skipped without the right to try, without a GPU node, without an idle one', async () => {
    expect(await say([gpuNode('node-a')])).toContain('skipped: what a container sees is only shown by containers');
    expect(await say([plainNode('node-a')], { active: true })).toBe('skipped: no node has GPUs of nvidia');
    expect(await say([gpuNode('node-a', { spec: { unschedulable: true } })], { active: true })).toContain('skipped: no GPU node is idle');
  });
});

describe('slinky', () => {
  const slinky = recipeOf([component('slinky-slurm', { namespace: 'slurm' })]);
  const node = plainNode('node-a');
  const up = [
    node,
    object('slinky.slurm.net/v1beta1', 'Controller', 'slurm/slinky'),
    object('slinky.slurm.net/v1beta1', 'NodeSet', 'slurm/workers', { availableReplicas: 2 }),
    pod('slurm/slinky-login-x'),
    object('resource.nvidia.com/v1beta1', 'ComputeDomain', 'slurm/domain'),
    object('resource.k8s.io/v1', 'ResourceClaimTemplate', 'slurm/slinky-slurm-imex-channels'),
  ];
  const without = (kind: string): readonly NewObject[] => up.filter((each) => each.kind !== kind);

  test.each(['slinky-slurm-health', 'slinky-slurm-imex-channel'])('%s never passes: it would need commands inside a pod', async (check) => {
    const { status, extra } = await resultOf(check, 'conformance', { recipe: slinky, on: up, active: true });
    expect([status, extra?.['missing']]).toEqual(['skipped', 'exec']);
  });

  test.each<[string, string, MemoryClusterOptions | readonly NewObject[], string]>([
    ['slinky-slurm-health', 'no worker', without('NodeSet'), 'failed: no NodeSet of namespace slurm has an available worker'],
    ['slinky-slurm-health', 'no login pod', without('Pod'), 'failed: no login pod runs in namespace slurm'],
    ['slinky-slurm-imex-channel', 'no domain', without('ComputeDomain'), 'failed: no ComputeDomain is in namespace slurm'],
    ['slinky-slurm-imex-channel', 'no template', without('ResourceClaimTemplate'), 'failed: there is no ResourceClaimTemplate'],
    [
      'slinky-slurm-imex-channel',
      'no DRA driver',
      { objects: up, unknownKinds: ['resource.nvidia.com/v1beta1/ComputeDomain'] },
      'skipped: the cluster does not know ComputeDomain',
    ],
    [
      'slinky-slurm-health',
      'no API',
      { objects: up, unknownKinds: ['slinky.slurm.net/v1beta1/Controller'] },
      'skipped: the cluster does not know slinky.slurm.net/v1beta1',
    ],
    [
      'slinky-slurm-health',
      'only simulated nodes',
      [{ ...node, metadata: { name: 'k', annotations: { 'kwok.x-k8s.io/node': 'fake' } } }],
      'skipped: all nodes are simulated (KWOK)',
    ],
  ])('%s with %s', async (check, _what, on, message) => {
    expect((await verdictOf(check, 'conformance', { recipe: slinky, on })).startsWith(message)).toBe(true);
  });

  test('one simulated node beside a real one does not make a simulated cluster', async () => {
    const simulated = { ...node, metadata: { name: 'k', annotations: { 'kwok.x-k8s.io/node': 'fake' } } };
    expect(await verdictOf('slinky-slurm-health', 'conformance', { recipe: slinky, on: [...up, simulated] })).toContain(
      'skipped: Slurm is deployed',
    );
  });

  test('a cluster whose nodes nobody shows is not taken for a simulated one', async () => {
    expect(await verdictOf('slinky-slurm-health', 'conformance', { recipe: slinky, on: up.slice(1) })).toContain(
      'skipped: Slurm is deployed with 2 workers',
    );
  });

  test('is skipped without it in the recipe', async () => {
    expect(await verdictOf('slinky-slurm-health', 'conformance', { on: up })).toBe('skipped: the recipe has no slinky-slurm');
  });
});
