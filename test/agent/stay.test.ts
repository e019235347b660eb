import { expect, it } from 'vitest';
import { AssayError, type ErrorCode } from '#core/error.ts';
import { createLog } from '#core/log.ts';
import { stayThroughRuns, type Turn } from '../../agent/stay.ts';
import { codeOfPromise } from '../fixture/uplink/code-of.ts';

const LOG = createLog({ program: 'test', level: 'silent' });
const STARTING: Turn = { waiting: 'starting', failedRunId: undefined };
const IDLE: Turn = { waiting: 'idle', failedRunId: undefined };

/** What becomes of one run: sealed, or an error, after the agent was admitted to a run or before. */
type Fate = { readonly runId?: string; readonly code?: ErrorCode };

/** Stays through runs of these fates, then through one that no next run heals. @returns how it went into each, and what ended it */
async function stay(fates: readonly Fate[]): Promise<readonly [turns: readonly Turn[], end: string]> {
  const left = [...fates, { code: 'STORAGE_FAILED' } as const];
  const turns: Turn[] = [];
  const end = await codeOfPromise(
    stayThroughRuns(async (turn, onAdmitted) => {
      turns.push(turn);
      const { runId, code }: Fate = left.shift() ?? {};
      if (runId !== undefined) onAdmitted(runId);
      if (code !== undefined) throw new AssayError(code, 'fate');
    }, LOG),
  );
  return [turns.slice(1), end];
}

it('begins as an agent that was just started', async () => {
  const turns: Turn[] = [];
  await codeOfPromise(stayThroughRuns((turn) => (turns.push(turn), Promise.reject(new AssayError('UPLINK_PIN', 'x'))), LOG));

  expect(turns).toEqual([STARTING]);
});

it.each<[string, Fate, Turn]>([
  ['waits idly for the next run after a seal', { runId: 'run-1' }, IDLE],
  ['waits idly when it came too late', { code: 'RUN_SEALED' }, IDLE],
  ['may join the same run again when it learned of the seal afterwards: its journal is gone', { runId: 'run-1', code: 'RUN_SEALED' }, IDLE],
  ['goes into another run at once', { runId: 'run-1', code: 'RUN_CHANGED' }, STARTING],
  ['waits for another run when it is not wanted in this one', { code: 'NODE_REJECTED' }, IDLE],
  ['waits for another run when a newer pod reports', { code: 'POD_SUPERSEDED' }, IDLE],
  [
    'does not go back into a run whose journal is full',
    { runId: 'run-1', code: 'JOURNAL_FULL' },
    { waiting: 'idle', failedRunId: 'run-1' },
  ],
  [
    'does not go back into a run that excluded it',
    { runId: 'run-1', code: 'WIRE_EQUIVOCATION' },
    { waiting: 'idle', failedRunId: 'run-1' },
  ],
  [
    'does not go back into a run that it broke a limit of',
    { runId: 'run-1', code: 'WIRE_LIMIT' },
    { waiting: 'idle', failedRunId: 'run-1' },
  ],
  ['waits for a collector of its own version', { code: 'WIRE_VERSION' }, IDLE],
])('%s', async (_, fate, turn) => {
  expect(await stay([fate])).toEqual([[turn], 'STORAGE_FAILED']);
});

it('remembers the run in which it failed until another one is over', async () => {
  const failed = { waiting: 'idle', failedRunId: 'run-1' };

  expect(await stay([{ runId: 'run-1', code: 'JOURNAL_FULL' }, { code: 'NODE_REJECTED' }, { runId: 'run-2' }])).toEqual([
    [failed, failed, IDLE],
    'STORAGE_FAILED',
  ]);
});

it.each<ErrorCode>(['UPLINK_PIN', 'UPLINK_LOST', 'CREDENTIAL_NODE', 'JOURNAL_CORRUPT', 'OUTPUT_UNWRITABLE', 'CONFIG_INVALID', 'BUG'])(
  'ends with %s: no next run heals that',
  async (code) => {
    expect(await stay([{ code }, {}])).toEqual([[], code]);
  },
);

it('ends with an error that is none of ours', async () => {
  expect(await codeOfPromise(stayThroughRuns(() => Promise.reject(new TypeError('x')), LOG))).toBe('TypeError: x');
});
