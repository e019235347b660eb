import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { NewObject } from '#core/cluster/cluster.ts';
import { AssayError } from '#core/error.ts';
import { parseYaml } from '#core/digest/read-yaml.ts';
import type { CheckResult } from '#core/wire/record.ts';
import { CLUSTER_CHECKS, TEARDOWN_CHECK } from '../../../collector/check/catalog.ts';
import { inEvidenceOrder, runClusterChecks } from '../../../collector/check/run-cluster-checks.ts';
import { component, inputOf, recipeOf, type CheckTrial } from '../../fixture/cluster/check-run.ts';
import { MemoryCluster } from '../../fixture/cluster/memory-cluster.ts';
import { gpuNode } from '../../fixture/cluster/objects.ts';
import { instantKubelet, pod } from '../../fixture/cluster/workload-objects.ts';

const OWN = ['gpu-capacity', 'image-digests', 'node-all-reduce-bw', 'test-objects-removed'];

async function run(trial: CheckTrial = {}): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  for await (const result of runClusterChecks(inputOf(trial))) results.push(result);
  return results;
}

function namesOf(results: readonly CheckResult[]): readonly string[] {
  return results.map(({ check }) => check);
}

describe('which checks run', () => {
  test('without a wish of the recipe only our own', async () => {
    const results = await run();
    expect([...namesOf(results)].sort()).toEqual(OWN);
    expect(results.map(({ extra }) => extra?.['origin'])).toEqual(results.map(() => 'cluster'));
  });

  test('what the recipe names in the phase in which the catalog has it', async () => {
    const recipe = recipeOf([], {
      deployment: { checks: ['operator-health', 'gpu-operator-health', 'no-such-check'] },
      conformance: { checks: ['platform-health'] },
    });
    const results = await run({ recipe });
    expect([...namesOf(results)].sort()).toEqual([...OWN, 'operator-health', 'platform-health'].sort());
    expect(results.find(({ check }) => check === 'operator-health')?.extra?.['origin']).toBe('recipe');
  });

  test('only in the phases of the run', async () => {
    const recipe = recipeOf([], { conformance: { checks: ['platform-health'] } });
    expect([...namesOf(await run({ recipe, phases: ['conformance'] }))].sort()).toEqual(['platform-health', 'test-objects-removed']);
  });

  test('not again what was recorded before a restart', async () => {
    expect(namesOf(await run({ recorded: new Set(['gpu-capacity', 'test-objects-removed']), phases: ['deployment'] }))).toEqual([
      'image-digests',
    ]);
  });

  test('every check of the validator catalog is there, in its phase, with its time', () => {
    const { validators } = parseYaml(readFileSync('recipes/validators/catalog.yaml'), { name: 'catalog' }) as {
      validators: { name: string; phase: string; timeout: string }[];
    };
    const named = validators.map(({ name, phase, timeout }) => `${name} ${phase} ${timeout}`).sort();
    const ours = CLUSTER_CHECKS.filter(({ origin }) => origin === 'recipe').map(
      ({ name, phase, deadlineMs }) => `${name} ${phase} ${deadlineMs / 60_000}m`,
    );
    expect(ours.sort()).toEqual(named);
  });

  test('no name stands twice', () => {
    const names = [...CLUSTER_CHECKS, TEARDOWN_CHECK].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('how they run', () => {
  test('every check that could be asked for gives one result on an empty cluster, and none passes', async () => {
    const checks = (phase: string): readonly string[] => CLUSTER_CHECKS.filter((check) => check.phase === phase).map(({ name }) => name);
    const recipe = recipeOf([], {
      deployment: { checks: checks('deployment') },
      conformance: { checks: checks('conformance') },
      performance: { checks: checks('performance') },
    });
    for (const active of [false, true]) {
      const results = await run({ recipe, active });
      expect([...namesOf(results)].sort()).toEqual([...CLUSTER_CHECKS.map(({ name }) => name), 'test-objects-removed'].sort());
      expect(results.filter(({ status }) => status === 'passed')).toEqual([]);
    }
  });

  test.each(['CLUSTER_FORBIDDEN', 'CLUSTER_UNREACHABLE', 'CLUSTER_REFUSED'] as const)(
    'with %s for every question none passes',
    async (code) => {
      const all = CLUSTER_CHECKS.map(({ name }) => name);
      const recipe = recipeOf([], { deployment: { checks: all }, conformance: { checks: all }, performance: { checks: all } });
      const results = await run({ recipe, active: true, on: { fault: () => new AssayError(code, 'made up') } });
      expect(results).toHaveLength(CLUSTER_CHECKS.length + 1);
      expect(results.filter(({ status }) => status === 'passed')).toEqual([]);
    },
  );

  test('no name of a node or a pod stands in what a minimal bundle keeps', async () => {
    const all = CLUSTER_CHECKS.map(({ name }) => name);
    const labels = { 'nvidia.com/gpu.count': '8', 'nvidia.com/gpu.product': 'NVIDIA-H100-80GB-HBM3' };
    const node = (name: string, gpus: string): NewObject =>
      gpuNode(name, {
        metadata: { name, labels },
        status: { capacity: { 'nvidia.com/gpu': gpus }, allocatable: { 'nvidia.com/gpu': gpus } },
      });
    const pods = ['gpu-operator', 'nvidia-dcgm-exporter'].map((app) =>
      pod(`gpu-operator/secret-pod-${app}`, { labels: { app }, ready: app === 'gpu-operator' }),
    );
    const busy = pod('user/secret-pod-busy', {
      spec: { nodeName: 'secret-node-b', containers: [{ resources: { limits: { 'nvidia.com/gpu': '1' } } }] },
    });
    const recipe = recipeOf([component('gpu-operator')], {
      deployment: { checks: all },
      conformance: { checks: all },
      performance: { checks: all, constraints: [{ name: 'nccl-all-reduce-bw', value: '>= 300' }] },
    });
    const objects = [node('secret-node-a', '7'), node('secret-node-b', '8'), node('secret-node-c', '8'), ...pods, busy];
    for (const active of [false, true]) {
      const results = await run({ recipe, active, on: { objects, onCreate: instantKubelet({ phase: 'Failed' }) } });
      expect(JSON.stringify(results.map(({ message }) => message))).toContain('secret-node-a');
      expect(results.filter(({ extra }) => JSON.stringify(extra).includes('secret-'))).toEqual([]);
    }
  });

  test('in a run that is over nothing is asked, and every check says so', async () => {
    const cluster = new MemoryCluster();
    const results = await run({ on: cluster, signal: AbortSignal.abort() });
    expect(results.filter(({ check }) => check !== 'test-objects-removed').map(({ status }) => status)).toEqual([
      'other',
      'other',
      'other',
    ]);
    expect(cluster.calls).toEqual([]);
  });

  test('the report shows them in the order of the catalog, whichever was first', async () => {
    const results = await run();
    expect(namesOf(inEvidenceOrder(results.toReversed()))).toEqual([
      'gpu-capacity',
      'image-digests',
      'node-all-reduce-bw',
      'test-objects-removed',
    ]);
  });
});

describe('checks that make objects', () => {
  const recipe = recipeOf([], { deployment: { checks: ['check-nvidia-smi'] } });
  const idle = [gpuNode('node-a', { metadata: { name: 'node-a', labels: { 'nvidia.com/gpu.count': '8' } } })];
  const kinds = (cluster: MemoryCluster): readonly string[] =>
    cluster.calls.filter(({ verb }) => verb === 'create').map(({ what }) => what.replace(/-[\da-f]{8}$/, ''));

  test('make none unless the run may', async () => {
    const cluster = new MemoryCluster({ objects: idle, onCreate: instantKubelet() });
    const results = await run({ on: cluster, recipe, phases: ['deployment'] });
    expect(results.find(({ check }) => check === 'check-nvidia-smi')).toMatchObject({
      status: 'skipped',
      extra: { missing: 'active-checks' },
    });
    expect(kinds(cluster)).toEqual([]);
  });

  test('make them where they may, and the record says that they are gone', async () => {
    const cluster = new MemoryCluster({ objects: idle, onCreate: instantKubelet() });
    const results = await run({ on: cluster, recipe, phases: ['deployment'], active: true });
    expect(kinds(cluster)).toEqual(['v1/Pod assay-checks/assay-nvidia-smi-0']);
    expect(results.at(-1)).toMatchObject({ check: 'test-objects-removed', status: 'passed', message: 'all 1 test objects are gone' });
    expect(await cluster.list({ apiVersion: 'v1', kind: 'Pod' })).toEqual([]);
  });

  test('leave nothing when the run ends in the middle', async () => {
    const controller = new AbortController();
    const cluster = new MemoryCluster({
      objects: idle,
      onCreate: (made) => {
        if (made.kind === 'Pod') controller.abort();
        return undefined;
      },
    });
    const results = await run({ on: cluster, recipe, phases: ['deployment'], active: true, signal: controller.signal });
    expect(results.find(({ check }) => check === 'check-nvidia-smi')).toMatchObject({ status: 'other' });
    expect(results.at(-1)).toMatchObject({ check: 'test-objects-removed', status: 'passed' });
    expect(await cluster.list({ apiVersion: 'v1', kind: 'Pod' })).toEqual([]);
  });

  test('leave nothing when nobody reads on', async () => {
    const cluster = new MemoryCluster({ objects: idle });
    for await (const result of runClusterChecks(inputOf({ on: cluster, recipe, phases: ['deployment'], active: true }))) {
      expect(result.check).not.toBe('check-nvidia-smi');
      break;
    }
    expect(await cluster.list({ apiVersion: 'v1', kind: 'Pod' })).toEqual([]);
  });

  test('what cannot be removed fails the run’s record', async () => {
    const fault = ({ verb }: { readonly verb: string }): AssayError | undefined =>
      verb === 'remove' ? new AssayError('CLUSTER_FORBIDDEN', 'no') : undefined;
    const results = await run({ on: { objects: idle, onCreate: instantKubelet(), fault }, recipe, phases: ['deployment'], active: true });
    expect(results.at(-1)).toMatchObject({ check: 'test-objects-removed', status: 'failed', extra: { observed: { created: 1, left: 1 } } });
  });
});
