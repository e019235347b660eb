import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { ClusterObject, NewObject } from '#core/cluster/cluster.ts';
import type { Constraint, Recipe } from '#core/recipe/document.ts';
import { inferenceRule, judgeInference, readInferenceLog } from '../../../collector/check/performance/inference-rule.ts';
import { component, recipeOf, resultOf, verdictOf } from '../../fixture/cluster/check-run.ts';
import { MemoryCluster, type MemoryClusterOptions } from '../../fixture/cluster/memory-cluster.ts';
import { gpuNode } from '../../fixture/cluster/objects.ts';
import { pod, serving } from '../../fixture/cluster/workload-objects.ts';

const RUN = '22564d13';
const SERVED = serving(
  ['trainer.kubeflow.org/v1alpha1', 'TrainJob'],
  ['resource.nvidia.com/v1beta1', 'ComputeDomain'],
  ['nvidia.com/v1beta1', 'DynamoGraphDeployment'],
);
const log = (name: string): string => readFileSync(`test/fixture/cluster/log/${name}.log`, 'utf8');
const [EFA, SOCKET, NVLS, RCCL] = [log('nccl-efa-16-ranks'), log('nccl-socket'), log('nccl-nvls-8-ranks'), log('rccl-one-node')];

const product = (name: string): Readonly<Record<string, string>> => ({ 'nvidia.com/gpu.present': 'true', 'nvidia.com/gpu.product': name });
const h100 = (name: string, change: Readonly<Record<string, unknown>> = {}): NewObject =>
  gpuNode(name, { metadata: { name, labels: product('NVIDIA-H100-80GB-HBM3') }, ...change });
const two = [h100('node-a'), h100('node-b')];

function asking(name: string, value: string, criteria: Recipe['criteria'] = { service: 'eks', accelerator: 'h100' }): Recipe {
  return recipeOf([], { performance: { constraints: [{ name, value }] } }, criteria);
}

describe('nccl-all-reduce-bw', () => {
  const recipe = asking('nccl-all-reduce-bw', '>= 300');

  test.each<[string, Recipe, MemoryClusterOptions, string]>([
    [
      'no constraint',
      recipeOf(),
      { objects: two },
      "skipped: the recipe's performance phase has no constraint nccl-all-reduce-bw with a number",
    ],
    [
      'a constraint without a number',
      asking('nccl-all-reduce-bw', 'fast'),
      { objects: two },
      "skipped: the recipe's performance phase has no constraint",
    ],
    [
      'another service',
      asking('nccl-all-reduce-bw', '>= 1', { service: 'oke', accelerator: 'h100' }),
      { objects: two },
      'skipped: nccl-all-reduce-bw says nothing about h100 on oke',
    ],
    [
      'GKE',
      asking('nccl-all-reduce-bw', '>= 1', { service: 'gke', accelerator: 'h100' }),
      { objects: two },
      'skipped: on GKE the benchmark needs',
    ],
    ['no TrainJob API', recipe, { objects: two, paths: {} }, 'skipped: the cluster does not know TrainJob'],
    ['one node', recipe, { objects: two.slice(0, 1) }, 'skipped: fewer than 2 GPU nodes are alike, idle'],
    [
      'two that differ',
      recipe,
      { objects: [h100('a'), gpuNode('b', { metadata: { name: 'b', labels: product('NVIDIA-A100') } })] },
      'skipped: fewer than 2 GPU nodes',
    ],
    [
      'one of two busy',
      recipe,
      {
        objects: [
          ...two,
          pod('user/p', { spec: { nodeName: 'node-a', containers: [{ resources: { limits: { 'nvidia.com/gpu': '1' } } }] } }),
        ],
      },
      'skipped: fewer than 2',
    ],
  ])('with %s', async (_what, wanted, on, message) => {
    expect(
      (await verdictOf('nccl-all-reduce-bw', 'performance', { on: { paths: SERVED, ...on }, active: true, recipe: wanted })).startsWith(
        message,
      ),
    ).toBe(true);
  });

  test('without the right to try it is skipped', async () => {
    const trial = { on: { objects: two, paths: SERVED }, recipe };
    expect(await verdictOf('nccl-all-reduce-bw', 'performance', trial)).toBe(
      'skipped: a benchmark over all GPUs of several nodes makes a TrainJob: set checks.active',
    );
  });

  /** A trainer that makes the launcher's pod of every TrainJob at once, with this log. */
  function trainer(objects: readonly NewObject[], text: string, phase = 'Succeeded'): MemoryCluster {
    const logs: Record<string, string> = {};
    const cluster = new MemoryCluster({ objects, logs, paths: SERVED });
    const create = cluster.create;
    cluster.create = async (made: NewObject): Promise<ClusterObject> => {
      const stored = await create(made);
      const { name, uid = '', labels = {} } = stored.metadata;
      if (made.kind === 'TrainJob') {
        logs[`assay-checks/${name}-launcher-0/node`] = text;
        cluster.put({
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: {
            name: `${name}-launcher-0`,
            namespace: 'assay-checks',
            labels: { ...labels, 'jobset.sigs.k8s.io/jobset-name': name, 'jobset.sigs.k8s.io/replicatedjob-name': 'launcher' },
            ownerReferences: [{ apiVersion: made.apiVersion, kind: 'TrainJob', name, uid }],
          },
          status: { phase, containerStatuses: [{ imageID: `x@sha256:${'c'.repeat(64)}` }] },
        });
      }
      return stored;
    };
    return cluster;
  }

  test('runs a TrainJob in the shape of upstream, reads its launcher, and leaves nothing', async () => {
    const withEfa = two.map((node) => ({
      ...node,
      status: { ...(node['status'] as object), allocatable: { 'nvidia.com/gpu': '8', 'vpc.amazonaws.com/efa': '32' } },
    }));
    const cluster = trainer(withEfa, EFA);
    const made: NewObject[] = [];
    const create = cluster.create;
    cluster.create = (object) => {
      made.push(object);
      return create(object);
    };
    const { status, message, extra } = await resultOf('nccl-all-reduce-bw', 'performance', { on: cluster, active: true, recipe });
    expect([status, message]).toEqual([
      'passed',
      '487.1 GB/s by AWS Libfabric; the recipe asks for 300, of which 90 % must be reached (270)',
    ]);
    expect(extra?.['observed']).toMatchObject({
      nodes: 2,
      gpusPerNode: 8,
      fabricResources: ['vpc.amazonaws.com/efa'],
      imageDigests: [`sha256:${'c'.repeat(64)}`],
      network: 'AWS Libfabric',
    });
    expect(made.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      `TrainingRuntime assay-nccl-bw-rt-${RUN}`,
      `TrainJob assay-nccl-bw-tj-${RUN}`,
    ]);
    expect(await cluster.list({ apiVersion: 'v1', kind: 'Pod' })).toEqual([]);
    const [runtime, job] = made;
    expect(job?.['spec']).toEqual({
      runtimeRef: { apiGroup: 'trainer.kubeflow.org', kind: 'TrainingRuntime', name: `assay-nccl-bw-rt-${RUN}` },
      trainer: { numNodes: 2 },
    });
    expect(runtime?.['spec']).toMatchObject({ mlPolicy: { numNodes: 2, mpi: { mpiImplementation: 'OpenMPI', numProcPerNode: 8 } } });
    const text = JSON.stringify(runtime);
    for (const part of [
      '"vpc.amazonaws.com/efa":"32"',
      '"nvidia.com/gpu":"8"',
      '"-np","16"',
      'NCCL_DEBUG=INFO',
      '-b 1K -e 16G -f 2 -g 1 -c 1',
      '"node-a"',
      '"node-b"',
      'assay.dev/run',
    ])
      expect(text).toContain(part);
  });

  test.each([
    ['a launcher that does not end', '', 'Running', 'other: the benchmark did not run: its launcher is Running'],
    ['an empty log of a failed launcher', '', 'Failed', 'other: the log of the benchmark has no result'],
    ['sockets', SOCKET, 'Succeeded', 'failed: 3.05 GB/s by Socket'],
  ])('with %s', async (_what, text, phase, message) => {
    expect(
      (await verdictOf('nccl-all-reduce-bw', 'performance', { on: trainer(two, text, phase), active: true, recipe })).startsWith(message),
    ).toBe(true);
  });

  test('without a fabric the largest message is smaller', async () => {
    const cluster = trainer(two, SOCKET);
    const made: NewObject[] = [];
    const create = cluster.create;
    cluster.create = (object) => {
      made.push(object);
      return create(object);
    };
    await resultOf('nccl-all-reduce-bw', 'performance', { on: cluster, active: true, recipe });
    expect(JSON.stringify(made[0])).toContain('-b 1K -e 4G');
  });

  test('only nodes of the recipe’s accelerator and with its labels are used', async () => {
    const a100 = (name: string): NewObject => gpuNode(name, { metadata: { name, labels: product('NVIDIA-A100-SXM4-80GB') } });
    expect(
      await verdictOf('nccl-all-reduce-bw', 'performance', { on: trainer([a100('a'), a100('b'), a100('c')], EFA), active: true, recipe }),
    ).toContain('skipped: fewer than 2');
    const pool = (value: string): Recipe => ({
      ...recipe,
      validation: { performance: { ...recipe.validation?.performance, nodeSelection: { selector: { pool: value } } } },
    });
    const pooled = ['node-a', 'node-b'].map((name) =>
      gpuNode(name, { metadata: { name, labels: { ...product('NVIDIA-H100-80GB-HBM3'), pool: 'x' } } }),
    );
    expect(await verdictOf('nccl-all-reduce-bw', 'performance', { on: trainer(pooled, EFA), active: true, recipe: pool('x') })).toContain(
      'passed',
    );
    expect(await verdictOf('nccl-all-reduce-bw', 'performance', { on: trainer(pooled, EFA), active: true, recipe: pool('y') })).toContain(
      'skipped: fewer than 2',
    );
  });

  test.each([
    ['eks', 'h100', 'roce', 'passed'],
    ['eks', 'h100', undefined, 'skipped: nccl-all-reduce-bw-net says nothing about h100 on eks'],
    ['aks', 'h100', 'roce', 'skipped: nccl-all-reduce-bw-net says nothing about h100 on aks'],
  ] as const)('over the network on %s with %s and %s', async (service, accelerator, fabric, message) => {
    const net = asking('nccl-all-reduce-bw-net', '>= 40', { service, accelerator });
    const trial = { on: trainer(two, EFA), active: true, recipe: net, ...(fabric === undefined ? {} : { fabric }) };
    expect((await verdictOf('nccl-all-reduce-bw-net', 'performance', trial)).startsWith(message)).toBe(true);
  });

  test('the recipe’s choice of nodes is kept', async () => {
    const chosen = {
      ...recipe,
      validation: { performance: { ...recipe.validation?.performance, nodeSelection: { excludeNodes: ['node-b'] } } },
    };
    expect(
      await verdictOf('nccl-all-reduce-bw', 'performance', { on: trainer([...two, h100('node-c')], EFA), active: true, recipe: chosen }),
    ).toContain('passed');
    const few = { ...recipe, validation: { performance: { ...recipe.validation?.performance, nodeSelection: { maxNodes: 1 } } } };
    expect(await verdictOf('nccl-all-reduce-bw', 'performance', { on: trainer(two, EFA), active: true, recipe: few })).toContain(
      'skipped: fewer than 2',
    );
  });

  test('over NVLink a compute domain comes first, and the log must prove it', async () => {
    const gb200 = (name: string): NewObject => gpuNode(name, { metadata: { name, labels: product('NVIDIA-GB200') } });
    const nvls = asking('nccl-all-reduce-bw-nvls', '>= 500', { service: 'eks', accelerator: 'gb200' });
    const cluster = trainer([gb200('a'), gb200('b')], NVLS);
    expect(await verdictOf('nccl-all-reduce-bw-nvls', 'performance', { on: cluster, active: true, recipe: nvls })).toContain('passed');
    expect(cluster.calls.filter(({ verb }) => verb === 'create').map(({ what }) => what.split(' ')[0])).toEqual([
      'resource.nvidia.com/v1beta1/ComputeDomain',
      'trainer.kubeflow.org/v1alpha1/TrainingRuntime',
      'trainer.kubeflow.org/v1alpha1/TrainJob',
    ]);
    expect(
      await verdictOf('nccl-all-reduce-bw-nvls', 'performance', { on: trainer([gb200('a'), gb200('b')], EFA), active: true, recipe: nvls }),
    ).toContain('failed: the log does not show NVLS');
  });
});

/** A controller and a kubelet that need no time. */
function jobs(objects: readonly NewObject[], text: string, phase: 'Succeeded' | 'Failed' = 'Succeeded'): MemoryCluster {
  const logs: Record<string, string> = {};
  const cluster = new MemoryCluster({ objects, logs, paths: SERVED });
  const create = cluster.create;
  cluster.create = async (made: NewObject): Promise<ClusterObject> => {
    const stored = await create(made);
    const { name, uid = '', labels = {} } = stored.metadata;
    if (made.kind === 'Job') {
      logs[`assay-checks/${name}-x/check`] = text;
      const ownerReferences = [{ apiVersion: 'batch/v1', kind: 'Job', name, uid }];
      cluster.put({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name: `${name}-x`,
          namespace: 'assay-checks',
          labels: { ...labels, 'batch.kubernetes.io/job-name': name },
          ownerReferences,
        },
        status: { phase },
      });
    }
    return stored;
  };
  return cluster;
}

describe('benchmarks on one node', () => {
  const asked = recipeOf([], { performance: { checks: ['rccl-all-reduce-bw'] } });
  const amd = (name: string): NewObject =>
    gpuNode(name, {
      metadata: { name, labels: { 'feature.node.kubernetes.io/amd-gpu': 'true' } },
      status: {
        capacity: { 'amd.com/gpu': '8', 'nvidia.com/gpu': undefined },
        allocatable: { 'amd.com/gpu': '8', 'nvidia.com/gpu': undefined },
      },
    });

  test('every idle NVIDIA node computes, and the slowest number is told', async () => {
    const { status, message, extra } = await resultOf('node-all-reduce-bw', 'performance', {
      on: jobs(two, EFA),
      active: true,
      recipe: asked,
    });
    expect([status, message]).toEqual(['passed', 'all values are right on 2 idle nodes; the slowest has 487.1 GB/s']);
    expect(extra?.['origin']).toBe('cluster');
    expect(JSON.stringify(extra)).not.toContain('node-a');
  });

  test.each<[string, string, 'Succeeded' | 'Failed', string]>([
    ['wrong values', EFA.replace(/^(\s+17179869184.*)0\s*$/m, '$1 5'), 'Succeeded', 'failed: node node-a: the collective computed'],
    ['a failed Job', 'this image has no all_reduce_perf', 'Failed', 'failed: node node-a: the benchmark failed'],
    ['no result', 'hello', 'Succeeded', 'other: node node-a: the log of the benchmark has no result'],
  ])('%s', async (_what, text, phase, message) => {
    expect(
      (await verdictOf('node-all-reduce-bw', 'performance', { on: jobs(two, text, phase), active: true, recipe: asked })).startsWith(
        message,
      ),
    ).toBe(true);
  });

  test.each<[string, Parameters<typeof verdictOf>[2], string]>([
    ['nothing may be made', { on: two, recipe: asked }, 'skipped: a benchmark makes a Job on each of 2 idle GPU nodes'],
    [
      'no node has two GPUs',
      { on: [gpuNode('a', { status: { allocatable: { 'nvidia.com/gpu': '1' } } })], active: true, recipe: asked },
      'skipped: no GPU node is idle and has 2 GPUs or more',
    ],
    ['there is no node', { active: true, recipe: asked }, 'skipped: no node has GPUs of nvidia'],
  ])('when %s', async (_what, trial, message) => {
    expect((await verdictOf('node-all-reduce-bw', 'performance', trial)).startsWith(message)).toBe(true);
  });

  test('RCCL needs an image that somebody names, and then the recipe’s number', async () => {
    const trial = { active: true, recipe: asking('rccl-all-reduce-bw', '>= 300') };
    expect(await verdictOf('rccl-all-reduce-bw', 'performance', { ...trial, on: jobs([amd('a')], RCCL) })).toBe(
      'skipped: no image with rccl-tests is known: name one with ASSAY_CHECK_IMAGE=rccl=IMAGE',
    );
    const images = { rccl: 'registry.example/rccl:1' };
    expect(await verdictOf('rccl-all-reduce-bw', 'performance', { ...trial, images, on: jobs([amd('a')], RCCL) })).toContain(
      'passed: all values are right on 1 idle nodes',
    );
    const high = { ...trial, recipe: asking('rccl-all-reduce-bw', '>= 400'), images };
    expect(await verdictOf('rccl-all-reduce-bw', 'performance', { ...high, on: jobs([amd('a')], RCCL) })).toContain(
      'failed: node a: 305.23 GB/s',
    );
  });
});

describe('inference-perf', () => {
  const constraints = (...list: readonly Constraint[]): Recipe =>
    recipeOf([component('dynamo-platform')], { performance: { constraints: list } });
  const throughput = { name: 'inference-throughput', value: '>= 50000' };
  const ttft = { name: 'inference-ttft-p99', value: '<= 2000' };
  const rule = inferenceRule(constraints(throughput, ttft));
  if (rule === undefined || typeof rule === 'string') throw new Error('no rule');

  test.each([
    ['nothing', [], undefined],
    ['a floor with the wrong sign', [{ ...throughput, value: '<= 1' }], 'inference-throughput must be ">= NUMBER", not "<= 1"'],
    ['a floor without a number', [{ ...throughput, value: '>= fast' }], 'inference-throughput must be ">= NUMBER", not ">= fast"'],
    ['a limit with the wrong sign', [{ ...ttft, value: '>= 1' }], 'inference-ttft-p99 must be "<= NUMBER", not ">= 1"'],
    [
      'no concurrency',
      [{ name: 'inference-concurrency-per-gpu', value: '0' }],
      'inference-concurrency-per-gpu must be a whole number above 0',
    ],
  ])('a recipe that asks for %s', (_what, list, found) => {
    expect(inferenceRule(constraints(...list))).toBe(found);
  });

  test('upstream’s values where the recipe is silent', () => {
    expect(rule).toEqual({ model: 'Qwen/Qwen3-8B', concurrencyPerGpu: 256, routing: 'dynamo-router', throughput: 50_000, ttftMs: 2000 });
  });

  test.each([
    ['within', 50_000, 2000, 'pass'],
    ['a tenth less', 45_000, 2200, 'pass'],
    ['more than a tenth less', 44_999, 2000, 'fail'],
    ['too slow', 60_000, 2201, 'fail'],
  ])('%s', (_what, tokens, p99, outcome) => {
    expect(judgeInference({ throughput: tokens, ttftP99Ms: p99 }, rule, {}).outcome).toBe(outcome);
  });

  test.each([
    [
      'a result',
      'x\n===AIPERF-RESULT===\n{"output_token_throughput":{"avg":1.5},"time_to_first_token":{"p99":7}}\n',
      { throughput: 1.5, ttftP99Ms: 7 },
    ],
    ['no mark', '{"output_token_throughput":{"avg":1.5},"time_to_first_token":{"p99":7}}', undefined],
    ['half a result', '===AIPERF-RESULT===\n{"output_token_throughput":{"avg":1.5}}', undefined],
    ['a cut result', '===AIPERF-RESULT===\n{"output_token', undefined],
    ['a word for a number', '===AIPERF-RESULT===\n{"output_token_throughput":{"avg":"1"},"time_to_first_token":{"p99":7}}', undefined],
  ])('a log with %s', (_what, text, found) => {
    expect(readInferenceLog(text)).toEqual(found);
    expect(judgeInference(found, rule, {}).outcome).toBe(found === undefined ? 'unknown' : 'fail');
  });

  test.each<[string, Parameters<typeof verdictOf>[2], string]>([
    [
      'no constraint',
      { recipe: recipeOf([component('dynamo-platform')]) },
      "skipped: the recipe's performance phase has no constraint inference-*",
    ],
    ['a constraint that makes no sense', { recipe: constraints({ ...throughput, value: '1' }) }, 'other: the recipe cannot be judged'],
    ['no platform', { recipe: recipeOf([], { performance: { constraints: [throughput] } }) }, 'skipped: the recipe has no dynamo-platform'],
    ['no API', { recipe: constraints(throughput), on: two }, 'skipped: the cluster does not know DynamoGraphDeployment'],
    ['no idle node', { recipe: constraints(throughput), on: { paths: SERVED } }, 'skipped: no GPU node is idle'],
    [
      'no right to try',
      { recipe: constraints(throughput), on: { objects: two, paths: SERVED } },
      'skipped: serving a model and loading it makes deployments',
    ],
  ])('with %s', async (_what, trial, message) => {
    expect((await verdictOf('inference-perf', 'performance', trial)).startsWith(message)).toBe(true);
  });

  /** A platform that serves at once when it is in this state, and a load generator with this log. */
  function platform(status: object, text: string): MemoryCluster {
    const cluster = jobs([h100('node-a'), gpuNode('small', { status: { allocatable: { 'nvidia.com/gpu': '2' } } })], text);
    const create = cluster.create;
    cluster.create = async (made: NewObject) => {
      const stored = await create(made);
      return made.kind === 'DynamoGraphDeployment' ? cluster.put({ ...stored, status }) : stored;
    };
    return cluster;
  }
  const loaded = (tokens: number): string =>
    `===AIPERF-RESULT===\n{"output_token_throughput":{"avg":${tokens}},"time_to_first_token":{"p99":900}}\n`;

  test.each([
    ['enough tokens', platform({ state: 'successful' }, loaded(60_000)), 'passed: 60000 tokens/s, first token after 900 ms (p99)'],
    [
      'a platform that says it by a condition',
      platform({ conditions: [{ type: 'Ready', status: 'True' }] }, loaded(60_000)),
      'passed: 60000 tokens/s',
    ],
    [
      'too few tokens',
      platform({ state: 'successful' }, loaded(1000)),
      'failed: 1000 tokens/s, first token after 900 ms (p99): less than 50000 tokens/s',
    ],
    ['a load generator without a result', platform({ state: 'successful' }, 'Killed'), 'other: the load generator gave no result'],
    ['a model that is not served', platform({ state: 'pending' }, loaded(60_000)), 'other: the model was not served: pending'],
    ['a platform that says nothing', platform({}, loaded(60_000)), 'other: the model was not served: nothing is known of it'],
  ])('with %s', async (_what, cluster, message) => {
    expect(
      (await verdictOf('inference-perf', 'performance', { on: cluster, active: true, recipe: constraints(throughput, ttft) })).startsWith(
        message,
      ),
    ).toBe(true);
  });

  test('the node with most GPUs serves, one worker per GPU, and the load is counted from them', async () => {
    const cluster = platform({ state: 'successful' }, loaded(60_000));
    const made: NewObject[] = [];
    const create = cluster.create;
    cluster.create = (each) => {
      made.push(each);
      return create(each);
    };
    const { extra } = await resultOf('inference-perf', 'performance', { on: cluster, active: true, recipe: constraints(throughput) });
    expect(extra?.['observed']).toMatchObject({ gpus: 8, concurrency: 2048, throughput: 60_000, model: 'Qwen/Qwen3-8B' });
    expect(made.map(({ kind }) => kind)).toEqual(['DynamoGraphDeployment', 'Job']);
    const [graph, load] = made.map((each) => JSON.stringify(each));
    for (const part of ['"replicas":8', '"values":["node-a"]', '"nvidia.com/gpu":"1"', '"--model","Qwen/Qwen3-8B"'])
      expect(graph).toContain(part);
    for (const part of ['--concurrency 2048', '--request-count 16384', `assay-serve-${RUN}-frontend.assay-checks.svc:8000`])
      expect(load).toContain(part);
  });
});
