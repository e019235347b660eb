import type { CtrfStatus } from '#core/ctrf/report.ts';

/**
 * `skip`: not applicable here, or not possible without a grant, with the reason. `unknown`: should be readable and is not; never a pass.
 */
export type Outcome = 'pass' | 'warn' | 'fail' | 'skip' | 'unknown';

/**
 * What a cluster check may need beyond reading the kinds of its row: the right to make test objects (`checks.active`), a
 * permission that the collector's role lacks, or running a command inside somebody else's pod, which Assay never asks for.
 */
export type ClusterGrant = 'active-checks' | 'permission' | 'exec';

/** A number that a verdict depends on, with the document or the recipe it comes from. */
export interface Threshold {
  readonly value: string | number | boolean;
  readonly unit?: string;
  readonly source: string;
}

/**
 * What a check found. `observed` holds raw numbers and names of software, so that the verdict can be recomputed; never the name of
 * a node or a pod, which stand in the message only.
 */
export interface ClusterVerdict {
  readonly outcome: Outcome;
  readonly message: string;
  readonly observed: Readonly<Record<string, unknown>>;
  readonly thresholds?: Readonly<Record<string, Threshold>>;
  /** Why there is no verdict, without names of nodes and pods; only with `skip`. Default: the message. */
  readonly reason?: string;
  /** The grant whose absence is the reason of a skip. */
  readonly missing?: ClusterGrant;
  /** Output worth keeping, such as the log of a benchmark. */
  readonly stdout?: readonly string[];
}

/** Raw values by name. */
export type Observed = ClusterVerdict['observed'];

/** Everything is as it should be. */
export function pass(message: string, observed: Observed): ClusterVerdict {
  return { outcome: 'pass', message, observed };
}

/** Passed, but somebody should look. */
export function warn(message: string, observed: Observed): ClusterVerdict {
  return { outcome: 'warn', message, observed };
}

/** Not as it should be. The message ends with what would fix it. */
export function fail(message: string, observed: Observed): ClusterVerdict {
  return { outcome: 'fail', message, observed };
}

/** Not applicable here. */
export function skip(reason: string, observed: Observed = {}): ClusterVerdict {
  return { outcome: 'skip', message: reason, observed };
}

/** Not possible without a grant that the collector does not have. */
export function skipFor(missing: ClusterGrant, reason: string, observed: Observed = {}): ClusterVerdict {
  return { ...skip(reason, observed), missing };
}

/** Should be readable and is not. */
export function unknown(reason: string, observed: Observed = {}): ClusterVerdict {
  return { outcome: 'unknown', message: reason, observed };
}

const STATUS: Readonly<Record<Outcome, CtrfStatus>> = { pass: 'passed', warn: 'passed', fail: 'failed', skip: 'skipped', unknown: 'other' };

/** The CTRF state of an outcome: a warning is a pass with a message. */
export function statusOf(outcome: Outcome): CtrfStatus {
  return STATUS[outcome];
}
