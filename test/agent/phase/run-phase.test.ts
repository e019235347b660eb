import { expect, test } from 'vitest';
import type { RecordBody } from '#core/wire/record.ts';
import type { Check, CheckContext } from '../../../agent/check/check.ts';
import { pass, warn, type Verdict } from '../../../agent/check/verdict.ts';
import { runPhase } from '../../../agent/phase/run-phase.ts';

// A clock that moves only when a check moves it.
function stepClock() {
  let now = 0;
  return { nowMs: () => 1_800_000_000_000 + now, monotonicMs: () => now, advance: (ms: number) => void (now += ms) };
}

function check(name: string, run: (context: CheckContext) => Promise<Verdict>, deadlineMs = 1000): Check {
  return { name, phase: 'deployment', summary: '', reads: ['/x'], tier: 0, severity: 'major', thresholds: {}, deadlineMs, run };
}

interface Settings {
  readonly checks: readonly Check[];
  readonly wanted?: readonly string[];
  readonly deadlineMs?: number;
  readonly stop?: AbortSignal;
}

async function runRecorded(
  { checks, wanted = [], deadlineMs = 60_000, stop }: Settings,
  clock = stepClock(),
): Promise<readonly RecordBody[]> {
  const records: RecordBody[] = [];
  const context = { clock } as unknown as CheckContext;
  const plan = { phase: 'deployment', checks: wanted, deadlineMs } as const;
  await runPhase({ plan, checks, context, ...(stop === undefined ? {} : { stop }) }, async (body) => void records.push(body));
  return records;
}

function results(records: readonly RecordBody[]) {
  return records.flatMap((body) => (body.kind === 'check' ? [[body.result.check, body.result.status, body.result.message]] : []));
}

const fine = check('fine', async () => pass('all well', { value: 1 }));

test('a phase is a start, one record per check in catalog order, and an end', async () => {
  const records = await runRecorded({
    checks: [fine, check('hot', async () => warn('warm', { celsius: 80 })), { ...fine, name: 'other-phase', phase: 'performance' }],
  });
  const extra = { origin: 'node', severity: 'major', tier: 0, reads: ['/x'] };
  const time = { startedAtMs: 1_800_000_000_000, durationMs: 0 };
  expect(records).toEqual([
    { kind: 'phase-started', phase: 'deployment', atMs: 1_800_000_000_000 },
    {
      kind: 'check',
      result: {
        phase: 'deployment',
        check: 'fine',
        status: 'passed',
        ...time,
        message: 'all well',
        extra: { ...extra, outcome: 'pass', observed: { value: 1 } },
      },
    },
    {
      kind: 'check',
      result: {
        phase: 'deployment',
        check: 'hot',
        status: 'passed',
        ...time,
        message: 'warning: warm',
        extra: { ...extra, outcome: 'warn', observed: { celsius: 80 } },
      },
    },
    { kind: 'phase-ended', phase: 'deployment', atMs: 1_800_000_000_000 },
  ]);
});

test('a check that throws is other, with the error, and the next one runs', async () => {
  const records = await runRecorded({ checks: [check('broken', async () => Promise.reject(new Error('no such register'))), fine] });
  expect(results(records)).toEqual([
    ['broken', 'other', 'the check failed: no such register'],
    ['fine', 'passed', 'all well'],
  ]);
});

test('a check that throws before it returns a promise is other as well', async () => {
  const sudden = check('sudden', () => {
    throw new TypeError('too early');
  });
  expect(results(await runRecorded({ checks: [sudden] }))).toEqual([['sudden', 'other', 'the check failed: too early']]);
});

test('a check that hangs is other at its deadline, and the next one runs', async () => {
  const records = await runRecorded({ checks: [check('hangs', () => new Promise(() => undefined), 50), fine] });
  expect(results(records)).toEqual([
    ['hangs', 'other', 'no verdict within 50 ms'],
    ['fine', 'passed', 'all well'],
  ]);
});

test('after the deadline of the phase every other check is recorded as not run', async () => {
  const clock = stepClock();
  const slow = check('slow', async () => {
    clock.advance(5000);
    return pass('done', {});
  });
  const reason = 'the phase reached its deadline of 4000 ms before this check';
  expect(results(await runRecorded({ checks: [slow, fine, { ...fine, name: 'last' }], deadlineMs: 4000 }, clock))).toEqual([
    ['slow', 'passed', 'done'],
    ['fine', 'other', reason],
    ['last', 'other', reason],
  ]);
});

test('a stopped run records what it did not run', async () => {
  const stop = new AbortController();
  const stopper = check('stopper', async () => {
    stop.abort();
    return pass('last one', {});
  });
  expect(results(await runRecorded({ checks: [stopper, fine], stop: stop.signal }))).toEqual([
    ['stopper', 'passed', 'last one'],
    ['fine', 'other', 'the run was stopped before this check'],
  ]);
});

test('a plan chooses checks by name; a name without a node check is skipped and says so', async () => {
  expect(
    results(await runRecorded({ checks: [fine, check('unwanted', async () => pass('', {}))], wanted: ['operator-health', 'fine'] })),
  ).toEqual([
    ['fine', 'passed', 'all well'],
    ['operator-health', 'skipped', 'no node check has that name; checks of the whole cluster run in the collector'],
  ]);
});

test('an endless message is cut', async () => {
  const [, , message] = results(await runRecorded({ checks: [check('chatty', async () => pass('x'.repeat(100_000), {}))] }))[0] ?? [];
  expect(message).toHaveLength(2000);
});
