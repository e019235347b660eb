import { describe, expect, test } from 'vitest';
import { systemClock } from '#core/clock.ts';
import { AssayError } from '#core/error.ts';
import type { CheckResult } from '#core/wire/record.ts';
import type { ClusterCheck } from '../../../collector/check/cluster-check.ts';
import { ClusterNodes } from '../../../collector/check/read/cluster-nodes.ts';
import { runCheck, type CheckRun } from '../../../collector/check/run-check.ts';
import { fail, pass, skip, skipFor, unknown, warn, type ClusterVerdict } from '../../../collector/check/verdict.ts';
import { TestObjectKeeper } from '../../../collector/check/workload/test-objects.ts';
import { FAST, recipeOf } from '../../fixture/cluster/check-run.ts';
import { MemoryCluster } from '../../fixture/cluster/memory-cluster.ts';

const cluster = new MemoryCluster();
const context: CheckRun['context'] = {
  cluster,
  nodes: new ClusterNodes(cluster, systemClock),
  recipe: recipeOf(),
  files: undefined,
  bom: undefined,
  clock: systemClock,
  images: {},
  fabric: undefined,
  timing: FAST,
};

function checkOf(run: ClusterCheck['run'], change: Partial<ClusterCheck> = {}): ClusterCheck {
  return {
    name: 'made-up',
    phase: 'deployment',
    summary: 'made up',
    reads: ['pods'],
    writes: [],
    skipped: 'never',
    origin: 'recipe',
    source: 'this test',
    deadlineMs: 1000,
    run,
    ...change,
  };
}

async function resultOf(
  run: ClusterCheck['run'],
  change: Partial<ClusterCheck> = {},
  signal = new AbortController().signal,
): Promise<CheckResult> {
  return runCheck(checkOf(run, change), { context, signal });
}

describe('how an outcome is recorded', () => {
  test.each<[ClusterVerdict, Partial<CheckResult>]>([
    [
      pass('good', { count: 1 }),
      {
        status: 'passed',
        message: 'good',
        extra: { origin: 'recipe', outcome: 'pass', source: 'this test', reads: ['pods'], observed: { count: 1 } },
      },
    ],
    [
      warn('look', {}),
      { status: 'passed', message: 'warning: look', extra: { origin: 'recipe', outcome: 'warn', source: 'this test', reads: ['pods'] } },
    ],
    [
      fail('bad', { count: 0 }),
      {
        status: 'failed',
        message: 'bad',
        extra: { origin: 'recipe', outcome: 'fail', source: 'this test', reads: ['pods'], observed: { count: 0 } },
      },
    ],
    [
      skip('not here'),
      { status: 'skipped', message: 'not here', extra: { origin: 'recipe', outcome: 'skip', source: 'this test', reason: 'not here' } },
    ],
    [
      skipFor('active-checks', 'off'),
      {
        status: 'skipped',
        message: 'off',
        extra: { origin: 'recipe', outcome: 'skip', source: 'this test', missing: 'active-checks', reason: 'off' },
      },
    ],
    [
      unknown('who knows'),
      { status: 'other', message: 'who knows', extra: { origin: 'recipe', outcome: 'unknown', source: 'this test', reads: ['pods'] } },
    ],
    [
      { ...pass('fast', {}), thresholds: { speed: { value: 1, unit: 'GB/s', source: 'here' } } },
      {
        status: 'passed',
        message: 'fast',
        extra: {
          origin: 'recipe',
          outcome: 'pass',
          source: 'this test',
          reads: ['pods'],
          thresholds: { speed: { value: 1, unit: 'GB/s', source: 'here' } },
        },
      },
    ],
    [
      { ...skip('node-a is busy'), reason: 'a node is busy' },
      {
        status: 'skipped',
        message: 'node-a is busy',
        extra: { origin: 'recipe', outcome: 'skip', source: 'this test', reason: 'a node is busy' },
      },
    ],
  ])('%j', async (verdict, recorded) => {
    const { startedAtMs: _started, durationMs: _duration, ...rest } = await resultOf(() => Promise.resolve(verdict));
    expect(rest).toEqual({ phase: 'deployment', check: 'made-up', ...recorded });
  });

  test('long messages and output are cut', async () => {
    const stdout = Array.from({ length: 2000 }, (_, index) => `${index} ${'x'.repeat(1000)}`);
    const result = await resultOf(() => Promise.resolve({ ...fail('m'.repeat(5000), {}), stdout }));
    expect(result.message).toHaveLength(2000);
    expect(result.stdout).toHaveLength(1000);
    expect(result.stdout?.at(-1)).toHaveLength(512);
    expect(result.stdout?.at(-1)?.startsWith('1999 ')).toBe(true);
  });
});

describe('a check without a verdict', () => {
  test.each<[string, () => Promise<ClusterVerdict>, Partial<CheckResult>]>([
    [
      'that throws',
      () => Promise.reject(new TypeError('x is undefined')),
      { status: 'other', message: 'the check failed: x is undefined' },
    ],
    [
      'whose API server is away',
      () => Promise.reject(new AssayError('CLUSTER_UNREACHABLE', 'GET /api/v1/pods: no answer')),
      { status: 'other', message: 'the check failed: GET /api/v1/pods: no answer' },
    ],
    [
      'that lacks a permission',
      () =>
        Promise.reject(
          new AssayError(
            'CLUSTER_FORBIDDEN',
            'GET /api/v1/pods: 403, pods is forbidden: User "u" cannot list resource "pods" in API group "" at the cluster scope',
          ),
        ),
      { status: 'skipped' },
    ],
  ])('%s', async (_what, run, recorded) => {
    expect(await resultOf(run)).toMatchObject(recorded);
  });

  test('the reason of a missing permission names what is missing, and no object', async () => {
    const text =
      'GET /apis/apps/v1/namespaces/space/deployments/secret-name: 403, deployments.apps "secret-name" is forbidden: User "u" cannot get resource "deployments" in API group "apps" in the namespace "space"';
    const { extra } = await resultOf(() => Promise.reject(new AssayError('CLUSTER_FORBIDDEN', text)));
    expect(extra).toEqual({
      origin: 'recipe',
      outcome: 'skip',
      source: 'this test',
      missing: 'permission',
      reason: 'the collector has no permission for this: get deployments.apps',
    });
  });

  test('that hangs is over at its deadline, and is told to stop', async () => {
    let wasTold = false;
    const hang: ClusterCheck['run'] = ({ signal }) =>
      new Promise(() => {
        signal.addEventListener('abort', () => (wasTold = true));
      });
    expect(await resultOf(hang, { deadlineMs: 5 })).toMatchObject({ status: 'other', message: 'no verdict within 5 ms' });
    expect(wasTold).toBe(true);
  });

  test('that throws when it is told to stop, too', async () => {
    const stubborn: ClusterCheck['run'] = ({ signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('stopped')));
      });
    expect(await resultOf(stubborn, { deadlineMs: 5 })).toMatchObject({ status: 'other', message: 'no verdict within 5 ms' });
  });

  test('is cut short when the run ends', async () => {
    const controller = new AbortController();
    const running = resultOf(() => new Promise(() => undefined), {}, controller.signal);
    controller.abort();
    expect(await running).toMatchObject({ status: 'other', message: 'the run ended before this check had a verdict' });
  });

  test('does not begin after the end of the run', async () => {
    let begun = false;
    const run = (): Promise<ClusterVerdict> => {
      begun = true;
      return Promise.resolve(pass('good', {}));
    };
    expect(await resultOf(run, {}, AbortSignal.abort())).toMatchObject({
      status: 'other',
      message: 'the run ended before this check began',
    });
    expect(begun).toBe(false);
  });

  test('can make nothing any more', async () => {
    const keeper = new TestObjectKeeper({ cluster, runId: 'run-1', namespace: 'checks', clock: systemClock, everyMs: 1, timeoutMs: 10 });
    const late = Promise.withResolvers<unknown>();
    const slow: ClusterCheck['run'] = ({ objects, signal }) =>
      new Promise(() => {
        signal.addEventListener('abort', () => {
          objects?.create({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'late' }, spec: {} }).then(late.resolve, late.resolve);
        });
      });
    await runCheck(checkOf(slow, { deadlineMs: 5, writes: ['pods'] }), { context, signal: new AbortController().signal, keeper });
    expect(await late.promise).toMatchObject({ code: 'INTERRUPTED' });
    expect(cluster.calls.filter(({ verb }) => verb === 'create')).toEqual([]);
  });
});
