import type { CtrfStatus } from '#core/ctrf/report.ts';

/**
 * `skip`: not applicable here, or not readable without a grant, with the reason. `unknown`: should be readable and is not; never a pass.
 */
export type Outcome = 'pass' | 'warn' | 'fail' | 'skip' | 'unknown';

/** What a check found. `observed` holds raw numbers, so that the verdict can be recomputed; never an identity (serial, UUID, address, host name). */
export interface Verdict {
  readonly outcome: Outcome;
  readonly message: string;
  readonly observed: Observed;
}

/** JSON-able raw values by name. */
export type Observed = Readonly<Record<string, unknown>>;

/** Everything is as it should be. */
export function pass(message: string, observed: Observed): Verdict {
  return { outcome: 'pass', message, observed };
}

/** Passed, but somebody should look. */
export function warn(message: string, observed: Observed): Verdict {
  return { outcome: 'warn', message, observed };
}

/** Not as it should be. */
export function fail(message: string, observed: Observed): Verdict {
  return { outcome: 'fail', message, observed };
}

/** Not applicable here, or a grant is missing. */
export function skip(reason: string, observed: Observed = {}): Verdict {
  return { outcome: 'skip', message: reason, observed };
}

/** Should be readable and is not. */
export function unknown(reason: string, observed: Observed = {}): Verdict {
  return { outcome: 'unknown', message: reason, observed };
}

const STATUS: Readonly<Record<Outcome, CtrfStatus>> = { pass: 'passed', warn: 'passed', fail: 'failed', skip: 'skipped', unknown: 'other' };

/** The CTRF state of an outcome: a warning is a pass with a message. */
export function statusOf(outcome: Outcome): CtrfStatus {
  return STATUS[outcome];
}
