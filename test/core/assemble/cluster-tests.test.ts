import { describe, expect, it } from 'vitest';
import { clusterTests } from '#core/assemble/cluster-tests.ts';
import type { CheckResult } from '#core/wire/record.ts';
import type { ClusterFindings, SealedFrame } from '#core/wire/run.ts';

const FRAME: SealedFrame = { runId: 'run' as never, nonce: '', openedAtMs: 0, sealedAtMs: 1, expected: [], absences: [] };
const NONE: ClusterFindings = { checks: [], measurements: [], incidents: [], incidentCounts: {}, refilled: false, startedOver: 0 };
const check = (change: Partial<CheckResult>): CheckResult => ({
  phase: 'deployment',
  check: 'c',
  status: 'passed',
  durationMs: 1.6,
  startedAtMs: 0,
  ...change,
});

describe('tests of a whole cluster', () => {
  it('are none outside a cluster', () => {
    expect(clusterTests(FRAME, [check({})])).toEqual({});
  });

  it('stand in their phase, after the one of sessions, in the order that is given', () => {
    const checks = [
      check({ check: 'b', message: 'm', stdout: ['o'], extra: { observed: { x: 1 } } }),
      check({ check: 'a' }),
      check({ phase: 'performance', status: 'skipped' }),
    ];

    expect(clusterTests({ ...FRAME, cluster: NONE }, checks)).toEqual({
      deployment: [
        {
          name: 'agent-sessions',
          status: 'passed',
          duration: 0,
          suite: ['deployment'],
          extra: { origin: 'collector', observed: { rejected: 0, startedOver: 0, collectorRestarts: 0, refilled: false } },
        },
        {
          name: 'b',
          status: 'passed',
          duration: 2,
          suite: ['deployment'],
          message: 'm',
          stdout: ['o'],
          extra: { origin: 'cluster', observed: { x: 1 } },
        },
        { name: 'a', status: 'passed', duration: 2, suite: ['deployment'], extra: { origin: 'cluster' } },
      ],
      performance: [{ name: 'c', status: 'skipped', duration: 2, suite: ['performance'], extra: { origin: 'cluster' } }],
    });
  });

  it('count every incident, quote the first, and pass as long as no node was rejected', () => {
    const incidents = Array.from({ length: 30 }, (_, index) => ({ code: 'CREDENTIAL_UNKNOWN', detail: `from ${String(index)}`, atMs: 1 }));
    const cluster = { ...NONE, incidents, incidentCounts: { CREDENTIAL_UNKNOWN: 4000, NODE_BUSY: 2 } };
    const [test] = clusterTests({ ...FRAME, cluster }, []).deployment ?? [];

    expect(test).toMatchObject({ status: 'passed', extra: { observed: { rejected: 0, CREDENTIAL_UNKNOWN: 4000, NODE_BUSY: 2 } } });
    expect(test?.message).toMatch(/^nodes rejected: 0, connections refused or suspicious: 4002; CREDENTIAL_UNKNOWN: from 0; /);
    expect(test?.message?.split('; ')).toHaveLength(21);
  });

  it('tell what the run survived', () => {
    const cluster = { ...NONE, refilled: true, startedOver: 3 };
    const [test] = clusterTests({ ...FRAME, collectorRestarts: 2, cluster }, []).deployment ?? [];

    expect([test?.status, test?.message]).toEqual(['passed', undefined]);
    expect(test?.extra?.['observed']).toEqual({ rejected: 0, startedOver: 3, collectorRestarts: 2, refilled: true });
  });

  it('fail when a node was rejected', () => {
    const absences = [{ node: 'a' as never, reason: 'rejected', detail: 'x' }] as const;
    const incidents = [{ code: 'WIRE_EQUIVOCATION', node: 'a', detail: 'two histories', atMs: 1 }];
    const [test] =
      clusterTests({ ...FRAME, absences, cluster: { ...NONE, incidents, incidentCounts: { WIRE_EQUIVOCATION: 1 } } }, []).deployment ?? [];

    expect([test?.status, test?.message]).toEqual([
      'failed',
      'nodes rejected: 1, connections refused or suspicious: 1; WIRE_EQUIVOCATION (a): two histories',
    ]);
  });
});
