import { describe, expect, test } from 'vitest';
import type { ClusterObject, NewObject } from '#core/cluster/cluster.ts';
import { component, recipeOf, resultOf, verdictOf } from '../../fixture/cluster/check-run.ts';
import { gpuNode, plainNode } from '../../fixture/cluster/objects.ts';
import { instantKubelet, pod } from '../../fixture/cluster/workload-objects.ts';

interface Made {
  readonly labels?: Readonly<Record<string, string>>;
  readonly capacity?: Readonly<Record<string, string>>;
  readonly allocatable?: Readonly<Record<string, string>>;
  readonly ready?: string;
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** A node with exactly these resources and labels. */
function node(name: string, { labels = {}, capacity = {}, allocatable = capacity, ready = 'True', spec = {} }: Made): ClusterObject {
  const made = plainNode(name);
  return { ...made, metadata: { name, labels }, spec, status: { capacity, allocatable, conditions: [{ type: 'Ready', status: ready }] } };
}

const EIGHT = { 'nvidia.com/gpu': '8' };
const COUNTED = { 'nvidia.com/gpu.present': 'true', 'nvidia.com/gpu.count': '8' };

function slice(nodeName: string, count: number, change: Readonly<Record<string, unknown>> = {}): NewObject {
  const devices = Array.from({ length: count }, (_, index) => ({ name: `gpu-${index}`, attributes: { type: { string: 'gpu' } } }));
  const spec = { driver: 'gpu.nvidia.com', nodeName, pool: { name: nodeName, generation: 1, resourceSliceCount: 1 }, devices, ...change };
  return { apiVersion: 'resource.k8s.io/v1', kind: 'ResourceSlice', metadata: { name: `slice-${nodeName}` }, spec };
}

describe('gpu-capacity', () => {
  const say = (...on: readonly NewObject[]): Promise<string> => verdictOf('gpu-capacity', 'deployment', { on });

  test.each([
    [
      'eight of eight',
      node('a', { labels: COUNTED, capacity: EIGHT }),
      'passed: 8 GPUs of 1 nodes can be asked for, as many as the nodes have',
    ],
    [
      'seven of eight',
      node('a', { labels: COUNTED, capacity: { 'nvidia.com/gpu': '7' } }),
      'failed: node a advertises 7 nvidia.com/gpu, its labels say 8',
    ],
    [
      'more than there are',
      node('a', { labels: COUNTED, capacity: { 'nvidia.com/gpu': '16' } }),
      'failed: node a advertises 16 nvidia.com/gpu, its labels say 8',
    ],
    [
      'an unhealthy one',
      node('a', { labels: COUNTED, capacity: EIGHT, allocatable: { 'nvidia.com/gpu': '7' } }),
      'failed: node a has 1 of 8 devices that its device plug-in calls unhealthy',
    ],
    ['no device plug-in', node('a', { labels: COUNTED }), 'failed: node a has the labels of a GPU node and advertises none'],
    [
      'a device plug-in that found none',
      node('a', { labels: COUNTED, capacity: { 'nvidia.com/gpu': '0' } }),
      'failed: node a has the labels of a GPU node and advertises none',
    ],
    [
      'shared four times',
      node('a', {
        labels: { ...COUNTED, 'nvidia.com/gpu.replicas': '4', 'nvidia.com/gpu.sharing-strategy': 'time-slicing' },
        capacity: { 'nvidia.com/gpu': '32' },
      }),
      'passed: 32 GPUs',
    ],
    [
      'shared, under another name',
      node('a', {
        labels: { ...COUNTED, 'nvidia.com/gpu.replicas': '2', 'nvidia.com/gpu.sharing-strategy': 'mps' },
        capacity: { 'nvidia.com/gpu.shared': '16' },
      }),
      'passed: 16 GPUs',
    ],
    [
      'shared, one missing',
      node('a', {
        labels: { ...COUNTED, 'nvidia.com/gpu.replicas': '4', 'nvidia.com/gpu.sharing-strategy': 'time-slicing' },
        capacity: { 'nvidia.com/gpu': '28' },
      }),
      'failed: node a advertises 28 nvidia.com/gpu, its labels say 32',
    ],
    [
      'not shared, with a label of one replica',
      node('a', { labels: { ...COUNTED, 'nvidia.com/gpu.replicas': '1', 'nvidia.com/gpu.sharing-strategy': 'none' }, capacity: EIGHT }),
      'passed: 8 GPUs',
    ],
    [
      'MIG devices of two kinds',
      node('a', {
        labels: {
          ...COUNTED,
          'nvidia.com/mig.strategy': 'mixed',
          'nvidia.com/mig-1g.10gb.count': '14',
          'nvidia.com/mig-3g.40gb.count': '2',
        },
        capacity: { 'nvidia.com/gpu': '5', 'nvidia.com/mig-1g.10gb': '14', 'nvidia.com/mig-3g.40gb': '2' },
      }),
      'passed: 21 GPUs',
    ],
    [
      'a MIG device too few',
      node('a', {
        labels: { ...COUNTED, 'nvidia.com/mig.strategy': 'mixed', 'nvidia.com/mig-1g.10gb.count': '14' },
        capacity: { 'nvidia.com/mig-1g.10gb': '13' },
      }),
      'failed: node a advertises 13 nvidia.com/mig-1g.10gb, its labels say 14',
    ],
    [
      'the mixed strategy, and no GPU cut',
      node('a', { labels: { ...COUNTED, 'nvidia.com/mig.strategy': 'mixed' }, capacity: { 'nvidia.com/gpu': '7' } }),
      'failed: node a advertises 7 nvidia.com/gpu, its labels say 8',
    ],
    [
      'AMD boards',
      node('a', {
        labels: { 'amd.com/gpu.device-id.74a1': '8', 'beta.amd.com/gpu.device-id.74a1': '8' },
        capacity: { 'amd.com/gpu': '8' },
      }),
      'passed: 8 GPUs',
    ],
    [
      'AMD boards, one missing',
      node('a', { labels: { 'beta.amd.com/gpu.device-id.74a1': '8' }, capacity: { 'amd.com/gpu': '7' } }),
      'failed: node a advertises 7 amd.com/gpu, its labels say 8',
    ],
    [
      'no label that counts',
      node('a', { labels: { 'nvidia.com/gpu.present': 'true' }, capacity: EIGHT }),
      'skipped: no label says how many GPUs a node has',
    ],
    [
      'a label that is no number',
      node('a', { labels: { ...COUNTED, 'nvidia.com/gpu.count': 'eight' }, capacity: EIGHT }),
      'skipped: no label says',
    ],
    [
      'no label that counts, and an unhealthy device',
      node('a', { labels: {}, capacity: EIGHT, allocatable: { 'nvidia.com/gpu': '6' } }),
      'failed: node a has 2 of 8 devices',
    ],
    ['a node that is not ready', node('a', { labels: COUNTED, capacity: EIGHT, ready: 'Unknown' }), 'other: no GPU node is ready'],
    ['no GPU node', plainNode('a'), 'skipped: no node of the cluster has a GPU by capacity or label'],
  ])('%s', async (_what, made, message) => {
    expect((await say(made)).startsWith(message)).toBe(true);
  });

  test('of two nodes, one without a label that counts is a warning', async () => {
    const message = await say(node('a', { labels: COUNTED, capacity: EIGHT }), node('b', { labels: {}, capacity: EIGHT }));
    expect(message).toBe('passed: warning: 16 GPUs can be asked for; on 1 of 2 nodes no label says how many there are');
  });

  test('one bad node of many fails, is named in the message only, and is counted', async () => {
    const nodes = [
      ...Array.from({ length: 20 }, (_, index) => node(`n${index}`, { labels: COUNTED, capacity: EIGHT })),
      node('bad', { labels: COUNTED, capacity: { 'nvidia.com/gpu': '7' } }),
    ];
    const { message, extra } = await resultOf('gpu-capacity', 'deployment', { on: nodes });
    expect(message).toBe(
      'node bad advertises 7 nvidia.com/gpu, its labels say 8; look at the device plug-in there: kubectl get pods -A -o wide --field-selector spec.nodeName=bad',
    );
    expect(extra?.['observed']).toEqual({
      gpuNodes: 21,
      notReady: 0,
      withoutLabel: 0,
      wrongNodes: 1,
      advertised: 167,
      labelled: 168,
      unhealthy: 0,
    });
  });

  test('many bad nodes are counted', async () => {
    const nodes = Array.from({ length: 20 }, (_, index) => node(`n${String(index).padStart(2, '0')}`, { labels: COUNTED }));
    expect(await say(...nodes)).toContain('and 12 more nodes');
  });

  describe('through ResourceSlices', () => {
    const bare = node('a', { labels: COUNTED });
    test.each([
      ['as many as labels say', slice('a', 8), 'passed: 8 GPUs'],
      ['one too few', slice('a', 7), 'failed: node a advertises 7 GPUs through its ResourceSlices, its labels say 8'],
      ['of another node', slice('b', 8), 'failed: node a has the labels of a GPU node and advertises none'],
      ['of another driver', slice('a', 8, { driver: 'nic.example' }), 'failed: node a has the labels'],
      [
        'of a pool that is not whole',
        slice('a', 8, { pool: { name: 'a', generation: 1, resourceSliceCount: 2 } }),
        'failed: node a has the labels',
      ],
      [
        'with a taint',
        slice('a', 1, {
          devices: Array.from({ length: 8 }, (_, index) => ({
            name: `g${index}`,
            ...(index === 0 ? { taints: [{ effect: 'NoExecute' }] } : {}),
          })),
        }),
        'failed: node a has 1 of 8 devices that its DRA driver taints',
      ],
    ])('%s', async (_what, made, message) => {
      expect((await say(bare, made)).startsWith(message)).toBe(true);
    });

    test('of an older generation do not count', async () => {
      const old = slice('a', 8);
      const newer = { ...slice('a', 7, { pool: { name: 'a', generation: 2, resourceSliceCount: 1 } }), metadata: { name: 'newer' } };
      expect(await say(bare, old, newer)).toContain('advertises 7 GPUs');
    });

    test('of the first version of the API are read, too', async () => {
      const devices = Array.from({ length: 8 }, (_, index) => ({ name: `g${index}`, basic: { attributes: { type: { string: 'gpu' } } } }));
      const made = { ...slice('a', 8, { devices }), apiVersion: 'resource.k8s.io/v1beta1' };
      const unknownKinds = ['resource.k8s.io/v1/ResourceSlice', 'resource.k8s.io/v1beta2/ResourceSlice'];
      expect(await verdictOf('gpu-capacity', 'deployment', { on: { objects: [bare, made], unknownKinds } })).toContain('passed: 8 GPUs');
    });
  });
});

describe('image-digests', () => {
  const [A, B] = [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`];
  const running = (image: string, imageID: string, field = 'containers'): NewObject =>
    pod('part/p', {
      spec: { [field]: [{ name: 'c', image }] },
      status: { [`${field === 'containers' ? 'c' : 'initC'}ontainerStatuses`]: [{ name: 'c', image, imageID }] },
    });
  const list = (image: string, digest = A): { readonly text: (path: string) => string | undefined } => ({
    text: (path) =>
      path === 'images.yaml'
        ? `kind: ImageList\ncomponents:\n  - component: part\n    images:\n      - image: ${image}\n        digest: ${digest}\n`
        : undefined,
  });
  const recipe = recipeOf([component('part')]);
  const say = (on: readonly NewObject[], files = list('ghcr.io/x/y:1')): Promise<string> =>
    verdictOf('image-digests', 'deployment', { on, recipe, files });

  test.each([
    [
      'the pinned digest',
      running('ghcr.io/x/y:1', `ghcr.io/x/y@${A}`),
      'passed: 1 running images have the content that is pinned; 0 others',
    ],
    ['as an old runtime writes it', running('ghcr.io/x/y:1', `docker-pullable://ghcr.io/x/y@${A}`), 'passed: 1 running images'],
    ['in an init container', running('ghcr.io/x/y:1', `ghcr.io/x/y@${A}`, 'initContainers'), 'passed: 1 running images'],
    ['by digest without a tag', running(`ghcr.io/x/y@${A}`, `ghcr.io/x/y@${A}`), 'passed: 1 running images'],
    ['another digest', running('ghcr.io/x/y:1', `ghcr.io/x/y@${B}`), `failed: ghcr.io/x/y:1 runs as ${B}, pinned is ${A}`],
    [
      'another digest in an init container',
      running('ghcr.io/x/y:1', `ghcr.io/x/y@${B}`, 'initContainers'),
      'failed: ghcr.io/x/y:1 runs as',
    ],
    ['another tag', running('ghcr.io/x/y:2', `ghcr.io/x/y@${B}`), 'skipped: none of 1 running images is pinned'],
    ['another image', running('ghcr.io/x/z:1', `ghcr.io/x/z@${A}`), 'skipped: none of 1 running images is pinned'],
    ['an image that was loaded, not pulled', running('ghcr.io/x/y:1', A), 'skipped: none of 1 running images is pinned'],
    ['a container that never ran', running('ghcr.io/x/y:1', ''), "skipped: no pod runs in the namespaces of the recipe's components"],
  ])('%s', async (_what, made, message) => {
    expect((await say([made])).startsWith(message)).toBe(true);
  });

  test('short names mean Docker Hub', async () => {
    expect(await say([running('nginx:1', `docker.io/library/nginx@${A}`)], list('docker.io/library/nginx:1'))).toContain('passed');
    expect(await say([running('rocm/x:1', `docker.io/rocm/x@${B}`)], list('rocm/x:1'))).toContain('failed');
  });

  test('without pins, or without pods, nothing was checked', async () => {
    expect(await verdictOf('image-digests', 'deployment', { on: [running('ghcr.io/x/y:1', `ghcr.io/x/y@${A}`)], recipe })).toContain(
      'skipped: none of 1',
    );
    expect(await say([])).toContain('skipped: no pod runs');
    expect(await verdictOf('image-digests', 'deployment', { on: [running('ghcr.io/x/y:1', `ghcr.io/x/y@${B}`)] })).toContain(
      'skipped: no pod runs',
    );
  });

  test('a supplied BOM pins, too', async () => {
    const purl = `pkg:oci/y@${encodeURIComponent(A)}?repository_url=ghcr.io%2Fx%2Fy&tag=1`;
    const bom = Buffer.from(
      JSON.stringify({
        bomFormat: 'CycloneDX',
        components: [{ type: 'application', name: 'g', components: [{ type: 'container', name: 'y', purl }] }],
      }),
    );
    const trial = { recipe, bom };
    expect(await verdictOf('image-digests', 'deployment', { ...trial, on: [running('ghcr.io/x/y:1', `ghcr.io/x/y@${A}`)] })).toContain(
      'passed',
    );
    expect(await verdictOf('image-digests', 'deployment', { ...trial, on: [running('ghcr.io/x/y:1', `ghcr.io/x/y@${B}`)] })).toContain(
      'failed',
    );
  });

  test.each([
    ['no place', `pkg:oci/y@${encodeURIComponent(A)}`],
    ['an empty place', `pkg:oci/y@${encodeURIComponent(A)}?repository_url=`],
    ['a tag for a digest', 'pkg:oci/y@1.0?repository_url=ghcr.io/x/y'],
    ['another kind', `pkg:docker/y@${encodeURIComponent(A)}?repository_url=ghcr.io/x/y`],
  ])('a package URL with %s pins nothing', async (_what, purl) => {
    const bom = Buffer.from(JSON.stringify({ components: [{ type: 'container', name: 'y', purl }] }));
    const { extra } = await resultOf('image-digests', 'deployment', { recipe, bom, on: [running('ghcr.io/x/y:1', `ghcr.io/x/y@${A}`)] });
    expect(extra?.['observed']).toMatchObject({ pins: 0, images: 1 });
  });

  test('many different images are counted', async () => {
    const pods = Array.from({ length: 8 }, (_, index) => ({
      ...running('ghcr.io/x/y:1', `ghcr.io/x/y@sha256:${String(index).repeat(64)}`),
      metadata: { name: `p${index}`, namespace: 'part' },
    }));
    expect(await say(pods)).not.toContain('more');
    const nine = { ...running('ghcr.io/x/y:1', `ghcr.io/x/y@sha256:${'9'.repeat(64)}`), metadata: { name: 'p9', namespace: 'part' } };
    expect(await say([...pods, nine])).toContain('; and 1 more');
  });

  test.each([Buffer.from('{'), Buffer.from('[]'), Buffer.from('{"components":[{"purl":"pkg:oci/y@%zz?repository_url=a"}]}')])(
    'a BOM that pins nothing %# passes nothing',
    async (bom) => {
      const { status } = await resultOf('image-digests', 'deployment', { recipe, bom, on: [running('ghcr.io/x/y:1', `ghcr.io/x/y@${A}`)] });
      expect(['skipped', 'other']).toContain(status);
    },
  );

  test('the embedded catalog’s own list is understood', async () => {
    const { loadCatalog } = await import('#core/catalog/load-catalog.ts');
    const { files } = await loadCatalog();
    const { extra } = await resultOf('image-digests', 'deployment', { recipe, files, on: [running('ghcr.io/x/y:1', `ghcr.io/x/y@${A}`)] });
    expect(extra?.['observed']).toMatchObject({ pins: 2, images: 1, same: 0 });
  });
});

describe('check-nvidia-smi and check-amd-smi', () => {
  const LOG = 'NVIDIA-SMI 580 Driver Version: 580 CUDA Version: 13.0\n';
  const gpus = (count: number): string =>
    Array.from({ length: count }, (_, index) => `GPU ${index}: NVIDIA H100 (UUID: GPU-${index})\n`).join('');
  const logs = (count: number, tail = 'GPU_CHECK_SUCCESS\n', index = 0): Record<string, string> => ({
    [`assay-checks/${nameOf('nvidia-smi', index)}/check`]: `${LOG}${gpus(count)}${tail}`,
  });
  const idle = gpuNode('node-a');
  const busyPod = pod('user/training', {
    spec: { nodeName: 'node-a', containers: [{ resources: { limits: { 'nvidia.com/gpu': '1' } } }] },
  });
  const say = (on: Parameters<typeof verdictOf>[2] & { readonly on?: unknown }): Promise<string> =>
    verdictOf('check-nvidia-smi', 'deployment', { active: true, ...on });

  test('passes when the tool sees as many GPUs as the pod was given, and records what ran', async () => {
    const on = { objects: [idle], onCreate: instantKubelet(), logs: logs(8) };
    const { status, message, extra } = await resultOf('check-nvidia-smi', 'deployment', { active: true, on });
    expect([status, message]).toEqual(['passed', 'nvidia-smi sees all 8 GPUs of 1 nodes']);
    expect(extra?.['observed']).toEqual({
      gpuNodes: 1,
      passed: 1,
      failed: 0,
      unknown: 0,
      busy: 0,
      unusable: 0,
      gpus: 8,
      imageDigests: [`sha256:${'a'.repeat(64)}`],
    });
  });

  test.each([
    [
      'too few',
      { objects: [idle], onCreate: instantKubelet(), logs: logs(7) },
      'failed: node node-a: nvidia-smi sees 7 of 8 GPUs that the pod was given',
    ],
    [
      'a cut log',
      { objects: [idle], onCreate: instantKubelet(), logs: logs(8, '') },
      'failed: node node-a: the output of nvidia-smi lacks GPU_CHECK_SUCCESS',
    ],
    [
      'a bad end',
      { objects: [idle], onCreate: instantKubelet({ phase: 'Failed' }), logs: logs(0, 'NVML: GPU is lost\n') },
      'failed: node node-a: nvidia-smi ended badly',
    ],
    ['no log', { objects: [idle], onCreate: instantKubelet() }, 'failed: node node-a: the output of nvidia-smi lacks'],
    ['no GPU node', { objects: [plainNode('a')] }, 'skipped: no node has GPUs of nvidia'],
    ['a busy node', { objects: [idle, busyPod] }, 'skipped: no GPU node is idle: 1 nodes were left alone'],
    [
      'a cordoned node',
      { objects: [gpuNode('node-a', { spec: { unschedulable: true } })] },
      'skipped: no GPU node is idle: 1 are not ready, cordoned',
    ],
    [
      'a pod with a claim there',
      { objects: [idle, pod('user/claims', { spec: { nodeName: 'node-a', resourceClaims: [{ name: 'g' }] } })] },
      'skipped: no GPU node is idle',
    ],
  ])('%s', async (_what, on, message) => {
    expect((await say({ on })).startsWith(message)).toBe(true);
  });

  test('a pod that never runs is other: nothing is known about the GPUs', async () => {
    const stuck = (made: ClusterObject): ClusterObject | undefined =>
      made.kind === 'Pod'
        ? {
            ...made,
            status: {
              phase: 'Pending',
              containerStatuses: [{ state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } } }],
            },
          }
        : undefined;
    expect(await say({ on: { objects: [idle], onCreate: stuck } })).toBe(
      'other: node node-a: its pod did not run: Pending: ImagePullBackOff: no such image',
    );
  });

  test('a busy node is left alone, and the others are still asked', async () => {
    const on = { objects: [idle, busyPod, gpuNode('node-b')], onCreate: instantKubelet(), logs: logs(8) };
    expect(await say({ on })).toBe(
      'passed: warning: nvidia-smi sees all 8 GPUs of 1 nodes; 1 nodes were left alone because pods use their GPUs',
    );
  });

  test('of two nodes the bad one speaks', async () => {
    const on = { objects: [idle, gpuNode('node-b')], onCreate: instantKubelet(), logs: { ...logs(8), ...logs(1, undefined, 1) } };
    expect(await say({ on })).toBe('failed: node node-b: nvidia-smi sees 1 of 8 GPUs that the pod was given');
  });

  test('amd-smi has its own marks', async () => {
    const amd = node('a', { labels: { 'feature.node.kubernetes.io/amd-gpu': 'true' }, capacity: { 'amd.com/gpu': '2' } });
    const log = { [`assay-checks/${nameOf('amd-smi', 0)}/check`]: 'GPU: 0\n    BDF: x\nGPU: 1\n    BDF: y\nGPU_CHECK_SUCCESS\n' };
    expect(
      await verdictOf('check-amd-smi', 'deployment', { active: true, on: { objects: [amd, idle], onCreate: instantKubelet(), logs: log } }),
    ).toBe('passed: amd-smi sees all 2 GPUs of 1 nodes');
  });

  test('the pod asks for all GPUs of one node, without privilege', async () => {
    const made: ClusterObject[] = [];
    const kubelet = instantKubelet();
    await say({
      images: { 'nvidia-smi': 'registry.example/smi@sha256:00' },
      on: {
        objects: [idle],
        logs: logs(8),
        onCreate: (object: ClusterObject) => {
          if (object.kind === 'Pod') made.push(object);
          return kubelet(object);
        },
      },
    });
    expect(made.map(({ spec }) => spec)).toEqual([
      {
        restartPolicy: 'Never',
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        terminationGracePeriodSeconds: 1,
        activeDeadlineSeconds: 3600,
        tolerations: [{ operator: 'Exists' }],
        securityContext: { runAsUser: 1000, runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['node-a'] }] }],
            },
          },
        },
        containers: [
          {
            name: 'check',
            image: 'registry.example/smi@sha256:00',
            command: ['sh', '-c', 'nvidia-smi && nvidia-smi -L && echo GPU_CHECK_SUCCESS'],
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
            resources: { limits: { 'nvidia.com/gpu': '8' } },
          },
        ],
      },
    ]);
  });
});

/** Name of a test pod of the run that tests use. */
function nameOf(purpose: string, index: number): string {
  return `assay-${purpose}-${index}-22564d13`;
}
