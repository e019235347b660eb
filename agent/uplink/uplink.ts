import type { Phase } from '#core/ctrf/report.ts';
import type { RecordBody } from '#core/wire/record.ts';
import type { Plan, RunId } from '#core/wire/run.ts';

/** The agent's line to its collector, for one run. */
export interface Uplink {
  readonly runId: RunId;
  readonly plan: Plan;
  /** What this agent said before it was restarted, in order; empty for a fresh one. Nothing of it is said again. */
  readonly recovered: readonly RecordBody[];
  /** The phases to start, once the collector says so. Rejects with what ends the uplink. */
  readonly start: Promise<readonly Phase[]>;
  /** Aborted when the collector asks to end early (reason: `deadline` or `cancelled`), or when the uplink ends by an error. */
  readonly stop: AbortSignal;
  /**
   * Says something. Resolves when it is in the journal on stable storage; from there it reaches the collector, over
   * reconnects and restarts.
   * @throws WIRE_MALFORMED, WIRE_LIMIT when the body breaks a limit of the protocol: nothing was said
   * @throws JOURNAL_FULL, STORAGE_FAILED, and what ended the uplink
   */
  readonly send: (body: RecordBody) => Promise<void>;
  /** Resolves when the run is sealed and the journal deleted. Rejects with what ends the uplink. */
  readonly sealed: Promise<void>;
  /** Hangs up and keeps the journal. */
  readonly close: () => Promise<void>;
}
