import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '#core/cluster/cluster.ts';
import { connectCluster } from '#core/cluster/connect.ts';
import type { Phase } from '#core/ctrf/report.ts';
import type { CheckResult } from '#core/wire/record.ts';
import { runClusterChecks } from '../../../collector/check/run-cluster-checks.ts';
import { CHECK_TIMING } from '../../../collector/check/timing.ts';
import { inputOf, recipeOf } from '../../fixture/cluster/check-run.ts';
import { openBed, skipBed, WHY_SKIPPED } from '../bed.ts';
import type { Api } from '../bed/api.ts';
import { buildCheckImage, type PushedImage } from '../bed/images.ts';
import { nodePlace } from '../bed/place.ts';
import { report } from '../bed/report.ts';
import { until } from '../bed/until.ts';

const NAMESPACE = 'real-checks';
const WITHIN = { withinMs: 60_000 };
const TIMING = { ...CHECK_TIMING, retryMs: 200, tryMs: 60_000, teardownMs: 60_000 };

describe.skipIf(skipBed)(`checks that run pods on real kubelets ${WHY_SKIPPED}`, { timeout: 180_000 }, () => {
  let api: Api;
  let cluster: Cluster;
  let nodes = 0;
  let tools: PushedImage;
  let plain: PushedImage;

  beforeAll(async () => {
    const open = openBed();
    api = open.api;
    nodes = open.bed.nodes;
    plain = open.bed.images.agent;
    cluster = await connectCluster({ kubeconfig: open.bed.kubeconfig });
    tools = await buildCheckImage(report);
    await cluster.create({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: NAMESPACE, labels: { 'pod-security.kubernetes.io/enforce': 'baseline' } },
    });
    await until(
      'service account',
      () => cluster.read({ apiVersion: 'v1', kind: 'ServiceAccount', namespace: NAMESPACE, name: 'default' }),
      WITHIN,
    );
  }, 240_000);

  afterAll(async () => {
    await cluster?.remove({ apiVersion: 'v1', kind: 'Namespace', name: NAMESPACE });
    api?.close();
  });

  const nameOf = ({ repository, digest }: PushedImage): string => `images.example/${repository}@${digest}`;

  async function run(check: string, phase: Phase, image: string): Promise<readonly CheckResult[]> {
    const images = { 'nvidia-smi': image, isolation: image, nccl: image };
    const recipe = recipeOf([], { [phase]: { checks: [check] } });
    const results: CheckResult[] = [];
    for await (const result of runClusterChecks(
      inputOf({ on: cluster, active: true, namespace: NAMESPACE, timing: TIMING, images, recipe, phases: [phase] }),
    ))
      results.push(result);
    return results;
  }

  function verdict(results: readonly CheckResult[], check: string): string {
    const found = results.find((result) => result.check === check);
    return `${found?.status ?? 'none'}: ${found?.message ?? ''}`;
  }

  const pods = async (): Promise<number> => (await api.list(`/api/v1/namespaces/${NAMESPACE}/pods`)).length;

  it('nvidia-smi sees every GPU of every node, and the pods are gone', async () => {
    const results = await run('check-nvidia-smi', 'deployment', nameOf(tools));
    expect(verdict(results, 'check-nvidia-smi')).toBe(`passed: nvidia-smi sees all ${8 * nodes} GPUs of ${nodes} nodes`);
    expect(results.find(({ check }) => check === 'check-nvidia-smi')?.extra?.['observed']).toMatchObject({ imageDigests: [tools.digest] });
    expect(verdict(results, 'test-objects-removed')).toBe(`passed: all ${nodes} test objects are gone`);
    expect(await pods()).toBe(0);
  });

  it('capacity of a real device plug-in equals the labels, until a device falls ill', async () => {
    const ask = async (): Promise<string> => verdict(await run('gpu-capacity', 'deployment', ''), 'gpu-capacity');
    expect(await ask()).toBe(`passed: ${8 * nodes} GPUs of ${nodes} nodes can be asked for, as many as the nodes have`);
    const sick = join(nodePlace(2).devices, 'sick-3');
    writeFileSync(sick, '');
    try {
      await until(
        'the device to be missed',
        async () => (await ask()).startsWith('failed: node node-2 has 1 of 8 devices that its device plug-in calls unhealthy'),
        WITHIN,
      );
    } finally {
      rmSync(sick);
    }
    await until('the device to be back', async () => (await ask()).startsWith('passed'), WITHIN);
  });

  it('an image without the tool fails, and one that cannot be pulled is other', async () => {
    expect(verdict(await run('check-nvidia-smi', 'deployment', nameOf(plain)), 'check-nvidia-smi')).toContain('failed: node ');
    const absent = `images.example/assay/check@sha256:${'0'.repeat(64)}`;
    expect(verdict(await run('check-nvidia-smi', 'deployment', absent), 'check-nvidia-smi')).toMatch(
      /^other: node .*: its pod did not run: Pending: (?:ErrImagePull|ImagePullBackOff)/,
    );
    expect(await pods()).toBe(0);
  });

  it('a node whose GPUs somebody uses is left alone', async () => {
    const [node] = await api.list('/api/v1/nodes');
    const name = node?.metadata.name ?? '';
    const training = { apiVersion: 'v1', kind: 'Pod', namespace: 'default', name: 'training' } as const;
    const container = { name: 'c', image: nameOf(tools), command: ['sleep', '600'], resources: { limits: { 'nvidia.com/gpu': '1' } } };
    await cluster.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: training.name, namespace: training.namespace },
      spec: {
        nodeSelector: { 'kubernetes.io/hostname': name },
        terminationGracePeriodSeconds: 0,
        tolerations: [{ operator: 'Exists' }],
        containers: [container],
      },
    });
    await until(
      'training runs',
      async () => (await api.get('/api/v1/namespaces/default/pods/training'))?.status?.phase === 'Running',
      WITHIN,
    );
    const results = await run('check-nvidia-smi', 'deployment', nameOf(tools));
    await cluster.remove(training);
    expect(verdict(results, 'check-nvidia-smi')).toBe(
      `passed: warning: nvidia-smi sees all ${8 * (nodes - 1)} GPUs of ${nodes - 1} nodes; 1 nodes were left alone because pods use their GPUs`,
    );
    await until('training gone', async () => (await api.get('/api/v1/namespaces/default/pods/training')) === undefined, WITHIN);
  });

  it('a container sees the GPU that it was given, and its neighbours see none', async () => {
    const results = await run('secure-accelerator-access', 'conformance', nameOf(tools));
    expect(verdict(results, 'secure-accelerator-access')).toBe(
      'passed: a container sees the one GPU that it was given; containers without a GPU see none',
    );
    expect(verdict(results, 'test-objects-removed')).toBe('passed: all 2 test objects are gone');
    expect(await pods()).toBe(0);
  });

  it('the benchmark of a node runs as a Job on each, and its log is judged', async () => {
    const results = await run('node-all-reduce-bw', 'performance', nameOf(tools));
    expect(verdict(results, 'node-all-reduce-bw')).toBe(`passed: all values are right on ${nodes} idle nodes; the slowest has 478.03 GB/s`);
    expect(results[0]?.extra?.['observed']).toMatchObject({
      passed: nodes,
      results: [{ ranks: 8, wrong: 0, channels: ['P2P/CUMEM'], imageDigest: tools.digest }, {}, {}],
    });
    expect(verdict(results, 'test-objects-removed')).toBe(`passed: all ${nodes} test objects are gone`);
    expect(await pods()).toBe(0);
  });
});
