import { expect, test } from 'vitest';
import type { Phase } from '#core/ctrf/report.ts';
import type { CheckResult, RecordBody } from '#core/wire/record.ts';
import type { Check, CheckContext } from '../../../agent/check/check.ts';
import { pass } from '../../../agent/check/verdict.ts';
import { runPlan } from '../../../agent/phase/run-plan.ts';

const clock = { nowMs: () => 5, monotonicMs: () => 0 };

function check(name: string, phase: Phase): Check {
  return {
    name,
    phase,
    summary: '',
    reads: [],
    tier: 0,
    severity: 'info',
    thresholds: {},
    deadlineMs: 1000,
    run: async () => pass('', {}),
  };
}

const checks = [check('a', 'deployment'), check('b', 'deployment'), check('c', 'conformance')];
const plan = {
  accelerator: 'any',
  phases: (['deployment', 'conformance'] as const).map((phase) => ({ phase, checks: [], deadlineMs: 1000 })),
};

async function said(phases: readonly Phase[], recovered: readonly RecordBody[] = []): Promise<readonly string[]> {
  const words: string[] = [];
  const context = { clock } as unknown as CheckContext;
  const stop = new AbortController().signal;
  await runPlan({ plan, phases, checks, context, stop, recovered }, async (body) => void words.push(wordOf(body)));
  return words;
}

function wordOf(body: RecordBody): string {
  if (body.kind === 'check') return body.result.check;
  return body.kind === 'phase-started' ? `${body.phase} {` : '}';
}

function result(name: string): CheckResult {
  return { phase: 'deployment', check: name, status: 'passed', durationMs: 0, startedAtMs: 0 };
}

test('phases run in the order that the collector gives, all of the plan when it names none', async () => {
  expect(await said([])).toEqual(['deployment {', 'a', 'b', '}', 'conformance {', 'c', '}']);
  expect(await said(['conformance'])).toEqual(['conformance {', 'c', '}']);
});

test('a phase that is not in the plan does not run', async () => {
  expect(await said(['performance'])).toEqual([]);
});

test.each<readonly [string, readonly RecordBody[], readonly string[]]>([
  ['before the first check', [{ kind: 'phase-started', phase: 'deployment', atMs: 1 }], ['a', 'b', '}', 'conformance {', 'c', '}']],
  [
    'in the middle',
    [
      { kind: 'phase-started', phase: 'deployment', atMs: 1 },
      { kind: 'check', result: result('a') },
    ],
    ['b', '}', 'conformance {', 'c', '}'],
  ],
  [
    'after the last check',
    [
      { kind: 'phase-started', phase: 'deployment', atMs: 1 },
      { kind: 'check', result: result('a') },
      { kind: 'check', result: result('b') },
    ],
    ['}', 'conformance {', 'c', '}'],
  ],
  [
    'between phases',
    [
      { kind: 'phase-started', phase: 'deployment', atMs: 1 },
      { kind: 'phase-ended', phase: 'deployment', atMs: 2 },
    ],
    ['conformance {', 'c', '}'],
  ],
])('after a restart %s it goes on without saying anything twice', async (_, recovered, expected) => {
  expect(await said([], recovered)).toEqual(expected);
});
