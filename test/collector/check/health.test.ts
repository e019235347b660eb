import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '#core/clock.ts';
import type { NewObject } from '#core/cluster/cluster.ts';
import { AssayError } from '#core/error.ts';
import { parseHealthChecks } from '../../../collector/check/health/health-check.ts';
import { RecentLists } from '../../../collector/check/health/recent-lists.ts';
import { runHealthCheck, type HealthOutcome } from '../../../collector/check/health/run-health-check.ts';
import { FAST } from '../../fixture/cluster/check-run.ts';
import { MemoryCluster, type MemoryClusterOptions } from '../../fixture/cluster/memory-cluster.ts';
import { definition, deployment, pod } from '../../fixture/cluster/workload-objects.ts';

const UPSTREAM = '../shared/data/aicr-catalog/checks';

function check(operations: string, timeouts = ''): string {
  return `apiVersion: chainsaw.kyverno.io/v1alpha1
kind: Test
metadata: {name: made-up}
spec:
  ${timeouts}
  steps:
    - name: step
      try:
${operations.replaceAll(/^/gm, '        ')}`;
}

const assertUp = check(`- assert:
    resource:
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: up, namespace: space}
      status:
        (availableReplicas > \`0\`): true`);

async function run(text: string, options: readonly NewObject[] | MemoryClusterOptions = []): Promise<HealthOutcome> {
  const cluster = new MemoryCluster(Array.isArray(options) ? { objects: options } : (options as MemoryClusterOptions));
  const lists = new RecentLists(cluster, systemClock, 0);
  const [first] = parseHealthChecks(text, 'made-up');
  if (first === undefined) throw new Error('no check');
  return runHealthCheck(first, { lists, clock: systemClock, signal: new AbortController().signal, timing: FAST, budgetMs: 30 });
}

describe('what is read', () => {
  const catalogs = ['recipes/checks', UPSTREAM].filter((path) => existsSync(path));
  const files = catalogs.flatMap((path) => readdirSync(path).map((name) => join(path, name, 'health-check.yaml')));

  test.each(files)('%s is within the subset and can be run', async (path) => {
    const checks = parseHealthChecks(readFileSync(path, 'utf8'), path);
    expect(checks).toHaveLength(1);
    for (const { operations } of checks) for (const operation of operations) expect(operation.selection.apiVersion).not.toBe('');
    // On an empty cluster whatever must be there is missed, and what must not be there is not.
    const outcome = await run(readFileSync(path, 'utf8'));
    const asserts = checks[0]?.operations.some(({ operation }) => operation === 'assert') === true;
    expect(outcome.outcome).toBe(asserts ? 'fail' : 'pass');
  });

  test.skipIf(existsSync(UPSTREAM))(
    'the upstream catalog is not beside this checkout: its health checks are not read here',
    () => undefined,
  );

  test('of several documents all are read', () => {
    const two = parseHealthChecks(`${assertUp}\n---\n${assertUp}\n---\n`, 'two');
    expect(two.map(({ name, operations }) => [name, operations.length])).toEqual([
      ['made-up', 1],
      ['made-up', 1],
    ]);
  });

  test.each([
    ['timeouts: {assert: 5m}', 300_000],
    ['timeouts: {assert: 1m30s}', 90_000],
    ['', 30_000],
  ])('%s gives a budget of %d ms', (timeouts, budgetMs) => {
    expect(parseHealthChecks(check('- {assert: {resource: {apiVersion: v1, kind: Pod}}}', timeouts), 'made-up')[0]?.budgetMs).toBe(
      budgetMs,
    );
  });
});

describe('what is refused, with its place', () => {
  const resource = (body: string): string => check(`- assert:\n    resource:\n      apiVersion: v1\n      kind: Pod\n${body}`);
  test.each([
    ['an operation that changes things', check('- apply: {resource: {apiVersion: v1, kind: Pod}}'), 'spec.steps[0].try[0].apply: "apply"'],
    ['a script', check('- script: {content: "rm -rf /"}'), 'spec.steps[0].try[0].script'],
    ['two operations in one', check('- {assert: {resource: {}}, error: {resource: {}}}'), 'exactly one of'],
    ['no operation', check('- {description: nothing}'), 'exactly one of'],
    [
      'a step with cleanup',
      check('- {assert: {resource: {apiVersion: v1, kind: Pod}}}').replace('- name: step', '- name: step\n      cleanup: []'),
      '"cleanup"',
    ],
    ['a file in place of a resource', check('- assert: {file: pod.yaml}'), '"file"'],
    ['no kind', check('- assert: {resource: {apiVersion: v1}}'), 'kind is missing'],
    ['another format', 'apiVersion: chainsaw.kyverno.io/v2\nkind: Test\n', 'apiVersion: not chainsaw'],
    ['another kind', 'apiVersion: chainsaw.kyverno.io/v1alpha1\nkind: Configuration\n', 'kind: not Test'],
    ['bindings', `${assertUp}\n  bindings: []\n`, '"bindings"'],
    [
      'a budget that is no duration',
      check('- {assert: {resource: {apiVersion: v1, kind: Pod}}}', 'timeouts: {assert: soon}'),
      'not a duration',
    ],
    ['a budget of nothing', check('- {assert: {resource: {apiVersion: v1, kind: Pod}}}', 'timeouts: {assert: 0s}'), 'not a duration'],
    ['an expression that does not parse', resource('      status: {(a >): true}'), 'status.(a >): not an expression'],
    ['an unknown function', resource('      status: {(foo(@)): true}'), 'there is no function foo()'],
    ['a nested unknown function', resource('      status: {"(items[?bar(@) == \'x\'])": []}'), 'there is no function bar()'],
    ['an expression that is too deep', resource(`      status: {"(${'('.repeat(80)}a${')'.repeat(80)})": 1}`), 'nests deeper'],
    ['an expression that is too long', resource(`      status: {"(${'a'.repeat(5000)})": 1}`), 'more than 4096 characters'],
    ['a binding in a key', resource('      status: {(a)->b: 1}'), 'is not supported'],
    ['an element modifier', resource('      status: {~.items: {a: 1}}'), 'is not supported'],
    ['an expression as a value', resource('      status: {phase: ($wanted)}'), 'an expression as a value'],
  ])('%s', (_what, text, place) => {
    const failure = catching(() => parseHealthChecks(text, 'made-up'));
    expect(failure).toMatchObject({ code: 'CATALOG_INVALID' });
    expect(failure.message).toContain(place);
    expect(failure.message).toContain('made-up');
  });

  test('what is no YAML has its own code', () => {
    expect(catching(() => parseHealthChecks('a: [', 'made-up'))).toMatchObject({ code: 'YAML_INVALID' });
  });
});

describe('assert', () => {
  test('one matching object is enough', async () => {
    expect(await run(assertUp, [deployment('space/up', 1)])).toEqual({ outcome: 'pass' });
  });

  test.each([
    ['no such object', [], 'there is no such object'],
    ['an object that does not match', [deployment('space/up', 0)], 'status(availableReplicas > `0`) is false, expected true'],
    [
      'an object without the member',
      [deployment('space/up', 0, 1, { status: {} })],
      'status(availableReplicas > `0`) is null, expected true',
    ],
    ['an object without the mapping', [deployment('space/up', 0, 1, { status: undefined })], 'status is absent, expected a mapping'],
    ['an object elsewhere', [deployment('other/up', 1)], 'there is no such object'],
  ])('%s fails, with the difference', async (_what, objects, text) => {
    expect(await run(assertUp, objects)).toEqual({ outcome: 'fail', text: `step, expected Deployment space/up: ${text}` });
  });

  test('a list is matched by position and length', async () => {
    const conditions = check(`- assert:
    resource:
      apiVersion: apiextensions.k8s.io/v1
      kind: CustomResourceDefinition
      metadata: {name: crd}
      status:
        (conditions[?type == 'Established']):
          - status: "True"`);
    expect(await run(conditions, [definition('crd')])).toEqual({ outcome: 'pass' });
    expect(await run(conditions, [definition('crd', 'False')])).toMatchObject({ outcome: 'fail' });
    const twice = {
      ...definition('crd'),
      status: {
        conditions: [
          { type: 'Established', status: 'True' },
          { type: 'Established', status: 'True' },
        ],
      },
    };
    expect(await run(conditions, [twice])).toMatchObject({ outcome: 'fail' });
    expect(await run(conditions, [{ ...definition('crd'), status: {} }])).toMatchObject({ outcome: 'fail' });
  });

  test('without a name any object with the labels counts', async () => {
    const labelled = check(`- assert:
    resource:
      apiVersion: v1
      kind: Pod
      metadata: {namespace: space, labels: {app: a}}
      status: {phase: Running}`);
    const others = [pod('space/one', { labels: { app: 'b' } }), pod('space/two', { labels: { app: 'a' }, phase: 'Pending' })];
    expect(await run(labelled, others)).toMatchObject({ outcome: 'fail' });
    expect(await run(labelled, [...others, pod('space/three', { labels: { app: 'a' } })])).toEqual({ outcome: 'pass' });
  });

  test('it is tried again until it holds', async () => {
    const cluster = new MemoryCluster({ objects: [deployment('space/up', 0)] });
    const lists = new RecentLists(
      {
        list: cluster.list,
        watch: cluster.watch,
        read: async (name) => {
          if (cluster.calls.length === 3) cluster.put(deployment('space/up', 1));
          return cluster.read(name);
        },
      },
      systemClock,
      0,
    );
    const [first] = parseHealthChecks(assertUp, 'made-up');
    if (first === undefined) throw new Error('no check');
    const signal = new AbortController().signal;
    const timing = { retryMs: 1, unseenMs: 10_000 };
    expect(await runHealthCheck(first, { lists, clock: systemClock, signal, timing, budgetMs: 10_000 })).toEqual({ outcome: 'pass' });
    expect(cluster.calls).toHaveLength(4);
  });

  test('an unknown kind fails early, long before the budget', async () => {
    const custom = check('- assert: {resource: {apiVersion: made.up/v1, kind: Thing}}');
    const started = performance.now();
    expect(await run(custom, { unknownKinds: ['made.up/v1/Thing'] })).toMatchObject({ outcome: 'fail' });
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test.each([
    ['CLUSTER_FORBIDDEN', 'forbidden'],
    ['CLUSTER_UNREACHABLE', 'unknown'],
    ['CLUSTER_REFUSED', 'unknown'],
  ] as const)('%s is %s, never a pass and never a failure of the component', async (code, outcome) => {
    expect(await run(assertUp, { fault: () => new AssayError(code, 'made up') })).toMatchObject({ outcome });
  });
});

describe('pods of a list', () => {
  const labelled = (metadata: string, body = ''): string =>
    check(`- assert:\n    resource:\n      apiVersion: v1\n      kind: Pod\n      metadata: ${metadata}\n${body}`);
  const annotated = {
    ...pod('space/a', { labels: { app: 'a' }, spec: { nodeName: 'node' } }),
    metadata: { name: 'a', namespace: 'space', labels: { app: 'a' }, annotations: { checked: 'yes' } },
  };

  test.each([
    ['labels', labelled('{namespace: space, labels: {app: a}}'), 'pass'],
    ['other labels', labelled('{namespace: space, labels: {app: b}}'), 'fail'],
    ['annotations', labelled('{namespace: space, annotations: {checked: "yes"}}'), 'pass'],
    ['other annotations', labelled('{namespace: space, annotations: {checked: "no"}}'), 'fail'],
    ['an expression over metadata', labelled("{namespace: space, (annotations.checked == 'yes'): true}"), 'pass'],
    ['the specification', labelled('{namespace: space}', '      spec: {nodeName: node}'), 'pass'],
    ['another specification', labelled('{namespace: space}', '      spec: {nodeName: other}'), 'fail'],
    [
      'an expression over all of it',
      labelled('{namespace: space}', "      (spec.nodeName == 'node' && status.phase == 'Running'): true"),
      'pass',
    ],
  ])('are kept with what is looked at: %s', async (_what, text, outcome) => {
    expect((await run(text, [annotated])).outcome).toBe(outcome);
  });
});

describe('error', () => {
  const noneBad = (status: string): string =>
    check(`- error:\n    resource:\n      apiVersion: v1\n      kind: Pod\n      metadata: {namespace: space}\n      status: ${status}`);
  const noPending = noneBad('{phase: Pending}');
  const waiting = '{"((containerStatuses || `[]`)[?state.waiting.reason == \'CrashLoopBackOff\'] | length(@) > `0`)": true}';

  test.each([
    ['no object at all', []],
    ['only others', [pod('space/a')]],
    ['one elsewhere', [pod('other/a', { phase: 'Pending' })]],
    [
      'one on its way out',
      [{ ...pod('space/a', { phase: 'Pending' }), metadata: { name: 'a', namespace: 'space', deletionTimestamp: '2026-01-01T00:00:00Z' } }],
    ],
    ['one of a lost node', [pod('space/a', { phase: 'Pending', status: { reason: 'NodeLost' } })]],
  ])('passes with %s', async (_what, objects) => {
    expect(await run(noPending, objects)).toEqual({ outcome: 'pass' });
  });

  test('fails while an object matches', async () => {
    expect(await run(noPending, [pod('space/a'), pod('space/b', { phase: 'Pending' })])).toEqual({
      outcome: 'fail',
      text: 'step, must not be Pod space: Pod b matches',
    });
  });

  test('sees a container behind another one', async () => {
    const statuses = [
      { name: 'a', state: { running: {} } },
      { name: 'b', state: { waiting: { reason: 'CrashLoopBackOff' } } },
    ];
    expect(await run(noneBad(waiting), [pod('space/a', { status: { containerStatuses: statuses } })])).toMatchObject({ outcome: 'fail' });
    expect(await run(noneBad(waiting), [pod('space/a', { status: { containerStatuses: statuses.slice(0, 1) } })])).toEqual({
      outcome: 'pass',
    });
    expect(await run(noneBad(waiting), [pod('space/a')])).toEqual({ outcome: 'pass' });
  });

  test('passes when the kind is unknown', async () => {
    expect(await run(check('- error: {resource: {apiVersion: made.up/v1, kind: Thing}}'), { unknownKinds: ['made.up/v1/Thing'] })).toEqual({
      outcome: 'pass',
    });
  });

  test('an expression that cannot be evaluated is unknown, not a pass', async () => {
    expect(await run(noneBad('{(length(phase) > `0` && length(nothing) > `0`): true}'), [pod('space/a')])).toMatchObject({
      outcome: 'unknown',
    });
  });

  test('is forbidden where the list is', async () => {
    expect(await run(noPending, { fault: () => new AssayError('CLUSTER_FORBIDDEN', 'made up') })).toMatchObject({ outcome: 'forbidden' });
  });
});

test('an abort ends the wait', async () => {
  const controller = new AbortController();
  const lists = new RecentLists(new MemoryCluster(), systemClock, 0);
  const [first] = parseHealthChecks(assertUp, 'made-up');
  if (first === undefined) throw new Error('no check');
  const timing = { retryMs: 60_000, unseenMs: 60_000 };
  const running = runHealthCheck(first, { lists, clock: systemClock, signal: controller.signal, timing, budgetMs: 60_000 });
  controller.abort();
  await expect(running).rejects.toMatchObject({ name: 'AbortError' });
});

test('five looks at the pods of one namespace are one request', async () => {
  const cluster = new MemoryCluster({ objects: [pod('space/a')] });
  const lists = new RecentLists(cluster, systemClock, 60_000);
  const one = '- error: {resource: {apiVersion: v1, kind: Pod, metadata: {namespace: space}, status: {phase: Failed}}}';
  const [first] = parseHealthChecks(check([one, one, one, one, one].join('\n')), 'made-up');
  if (first === undefined) throw new Error('no check');
  expect(
    await runHealthCheck(first, { lists, clock: systemClock, signal: new AbortController().signal, timing: FAST, budgetMs: 1000 }),
  ).toEqual({ outcome: 'pass' });
  expect(cluster.calls).toEqual([{ verb: 'watch', what: 'v1/Pod space' }]);
});

function catching(act: () => unknown): Error {
  try {
    act();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('nothing was thrown');
}
