import { isAssayError, type ErrorCode } from '#core/error.ts';
import type { Log } from '#core/log.ts';
import type { Waiting } from './uplink/open-uplink.ts';

/** How to go into the next run. */
export interface Turn {
  readonly waiting: Waiting;
  /** A run that this agent cannot finish: it waits until there is another one. */
  readonly failedRunId: string | undefined;
}

/** Takes part in one run; tells the run's identifier once it is admitted. */
export type RunOnce = (turn: Turn, onAdmitted: (runId: string) => void) => Promise<void>;

/** What ends a run for this agent and says nothing about the next one. */
const ENDS_THE_RUN: ReadonlySet<ErrorCode> = new Set([
  'RUN_SEALED',
  'RUN_CHANGED',
  'NODE_REJECTED',
  'POD_SUPERSEDED',
  'JOURNAL_FULL',
  'WIRE_MALFORMED',
  'WIRE_LIMIT',
  'WIRE_ORDER',
  'WIRE_GAP',
  'WIRE_SIGNATURE',
  'WIRE_EQUIVOCATION',
  'WIRE_CREDIT',
  'WIRE_VERSION',
] satisfies ErrorCode[]);

/** Takes part in one run after the other, for ever. @throws what no next run can heal, and what the caller's signal causes */
export async function stayThroughRuns(runOnce: RunOnce, log: Log): Promise<never> {
  let turn: Turn = { waiting: 'starting', failedRunId: undefined };
  for (;;) {
    let runId: string | undefined;
    try {
      await runOnce(turn, (admitted) => (runId = admitted));
      turn = { waiting: 'idle', failedRunId: undefined };
    } catch (error) {
      if (!isAssayError(error) || !ENDS_THE_RUN.has(error.code)) throw error;
      log.warn({ runId, code: error.code, reason: error.message }, 'this run is over for this node');
      turn = turnAfter(error.code, runId ?? turn.failedRunId);
    }
  }
}

function turnAfter(code: ErrorCode, runId: string | undefined): Turn {
  // The collector of another run is there already.
  if (code === 'RUN_CHANGED') return { waiting: 'starting', failedRunId: undefined };
  return { waiting: 'idle', failedRunId: code === 'RUN_SEALED' ? undefined : runId };
}
