import { describe, expect, it } from 'vitest';
import type { RunEvent } from '#core/wire/run-event.ts';
import { estimateMs, phaseProgress, slowestNodes } from '../../../cli/cluster/run-progress.ts';
import { RunTrace } from '../../../cli/cluster/run-trace.ts';

function traceOf(events: readonly (readonly [number | undefined, RunEvent])[]): RunTrace {
  const trace = new RunTrace();
  for (const [atMs, event] of events) trace.add(event, atMs);
  return trace;
}

const connected = (node: string): RunEvent => ({ event: 'node-connected', node, attempt: 1, agentVersion: '0.1.0' });
const check = (node: string, name: string, status: 'passed' | 'failed' = 'passed'): RunEvent => ({
  event: 'check',
  node,
  phase: 'deployment',
  check: name,
  status,
});

const STORY: readonly (readonly [number, RunEvent])[] = [
  [0, { event: 'listening', url: 'wss://x', key: 'sha256:00', runId: 'run-1' }],
  [1_000, connected('a')],
  [2_000, connected('b')],
  [2_000, { event: 'phase-started', node: 'a', phase: 'deployment' }],
  [3_000, check('a', 'one')],
  [3_500, check('a', 'two', 'failed')],
  [4_000, { event: 'phase-ended', node: 'a', phase: 'deployment' }],
  [5_000, { event: 'phase-started', node: 'b', phase: 'deployment' }],
  [6_000, { event: 'node-finished', node: 'a' }],
  [6_500, { event: 'cluster-check', phase: 'conformance', check: 'dra-support', status: 'skipped', message: 'no driver' }],
  [7_000, { event: 'waiting', node: 'c', reason: 'tainted', detail: 'team=ml' }],
  [7_500, { event: 'incident', code: 'WIRE_SIGNATURE', node: 'b', detail: 'x' }],
  [7_600, { event: 'incident', code: 'WIRE_SIGNATURE', detail: 'y' }],
];

describe('the story that a log tells', () => {
  it('is what each node did, with times', () => {
    expect(traceOf(STORY).nodes).toEqual([
      {
        node: 'a',
        connectedAtMs: 1_000,
        finishedAtMs: 6_000,
        done: ['deployment'],
        checks: [
          { phase: 'deployment', check: 'one', status: 'passed' },
          { phase: 'deployment', check: 'two', status: 'failed' },
        ],
      },
      { node: 'b', connectedAtMs: 2_000, phase: 'deployment', phaseSinceMs: 5_000, done: [], checks: [] },
      { node: 'c', done: [], checks: [], waiting: { reason: 'tainted', detail: 'team=ml' } },
    ]);
  });

  it('counts phases over all nodes, cluster checks with them', () => {
    expect(phaseProgress(traceOf(STORY))).toEqual([
      { phase: 'deployment', nodesDone: 1, nodesRunning: 1, passed: 1, failed: 1, skipped: 0, other: 0 },
      { phase: 'conformance', nodesDone: 0, nodesRunning: 0, passed: 0, failed: 0, skipped: 1, other: 0 },
    ]);
  });

  it('counts incidents by code, with or without a node', () => {
    expect([...traceOf(STORY).incidents]).toEqual([['WIRE_SIGNATURE', 2]]);
  });

  it('told twice, as after a restart of the collector, is the same story', () => {
    const withoutIncidents = STORY.filter(([, { event }]) => event !== 'incident');

    expect(traceOf([...withoutIncidents, ...withoutIncidents]).nodes).toEqual(traceOf(withoutIncidents).nodes);
  });

  it('forgets what stood in the way when the node comes, and that it was missing when it reports after all', () => {
    const [late] = traceOf([
      [0, { event: 'waiting', node: 'a', reason: 'image-pull', detail: 'x' }],
      [1, connected('a')],
      [2, { event: 'absent', node: 'a', reason: 'lost', detail: 'x' }],
      [3, { event: 'node-finished', node: 'a' }],
    ]).nodes;

    expect([late?.waiting, late?.absent]).toEqual([undefined, undefined]);
  });

  it('does not stumble over events that it does not know, or that are named like parts of an object', () => {
    const trace = traceOf([
      [0, { event: 'constructor', node: 'a' } as unknown as RunEvent],
      [1, { event: '__proto__' } as unknown as RunEvent],
      [2, connected('__proto__')],
    ]);

    expect(trace.nodes.map(({ node }) => node)).toEqual(['__proto__']);
  });

  it('says that a run failed until another pod goes on with it', () => {
    const failed: RunEvent = { event: 'failed', code: 'CLUSTER_UNREACHABLE', message: 'x' };
    const listening: RunEvent = { event: 'listening', url: 'wss://x', key: 'sha256:00', runId: 'run-1' };

    expect([
      traceOf([[0, failed]]).failed,
      traceOf([
        [0, failed],
        [1, listening],
      ]).failed,
    ]).toEqual([failed, undefined]);
  });
});

describe('what is left of a run', () => {
  it('names the nodes that take longest, in order, and none that is done or missing', () => {
    const nodes = traceOf([
      ...['a', 'b', 'c', 'd', 'e'].map((node, index) => [index * 1_000, connected(node)] as const),
      [9_000, { event: 'node-finished', node: 'a' }],
      [9_500, { event: 'absent', node: 'b', reason: 'lost', detail: 'x' }],
    ]).nodes;

    expect(slowestNodes(nodes, 10_000)).toEqual([
      { node: 'c', connectedForMs: 8_000 },
      { node: 'd', connectedForMs: 7_000 },
      { node: 'e', connectedForMs: 6_000 },
    ]);
  });

  it.each<[string, { open: number; nowMs: number; events: readonly (readonly [number, RunEvent])[] }, number | undefined]>([
    ['nobody is done', { open: 2, nowMs: 9, events: [[0, connected('a')]] }, undefined],
    [
      'all are done',
      {
        open: 0,
        nowMs: 9_000,
        events: [
          [0, connected('a')],
          [5_000, { event: 'node-finished', node: 'a' }],
        ],
      },
      undefined,
    ],
    [
      'one runs as long as the slowest took',
      {
        open: 1,
        nowMs: 6_000,
        events: [
          [0, connected('a')],
          [5_000, { event: 'node-finished', node: 'a' }],
          [4_000, connected('b')],
        ],
      },
      3_000,
    ],
    [
      'one runs longer than all before it',
      {
        open: 1,
        nowMs: 60_000,
        events: [
          [0, connected('a')],
          [5_000, { event: 'node-finished', node: 'a' }],
          [4_000, connected('b')],
        ],
      },
      0,
    ],
    [
      'one has not begun',
      {
        open: 1,
        nowMs: 9_000,
        events: [
          [0, connected('a')],
          [5_000, { event: 'node-finished', node: 'a' }],
        ],
      },
      5_000,
    ],
  ])('estimates the rest where %s', (_, { open, nowMs, events }, expected) => {
    expect(estimateMs(traceOf(events).nodes, { nowMs, open })).toBe(expected);
  });
});
