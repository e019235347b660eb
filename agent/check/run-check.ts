import { errorText } from '#core/error.ts';
import type { Digest } from '#core/digest/sha256.ts';
import type { Phase } from '#core/ctrf/report.ts';
import type { CheckResult } from '#core/wire/record.ts';
import { withDeadline } from '../host/deadline.ts';
import type { Check, CheckContext, Severity, Thresholds } from './check.ts';
import { thresholdsDigest } from './thresholds-digest.ts';
import { statusOf, unknown, type Grant, type Observed, type Outcome, type Verdict } from './verdict.ts';

/** Longest message that travels. */
const MAX_MESSAGE = 2000;

/** What stands in a node check's `extra`: enough to recompute the verdict without the node. A type, so that it is a plain JSON object. */
export type CheckExtra = {
  readonly origin: 'node';
  readonly outcome: Outcome;
  readonly severity: Severity;
  readonly tier: 0 | 1;
  /** Left out of a skip, which rests on nothing. */
  readonly reads?: readonly string[];
  readonly observed?: Observed;
  /** Left out where the verdict depends on no number. */
  readonly thresholds?: Thresholds;
  /** Digest of all threshold data of this agent, so that two records can be told to have been judged alike; beside `thresholds`. */
  readonly thresholdsDigest?: Digest;
  /** The grant whose absence is the reason of a skip. */
  readonly missing?: Grant;
  /** Why the check gave no verdict. */
  readonly reason?: string;
};

/**
 * Runs one check within its deadline and the time that is left.
 * A check that throws or hangs is `other` with what happened: never a pass, never an exception.
 * @param remainingMs milliseconds left of the phase
 */
export async function runCheck(check: Check, context: CheckContext, remainingMs: number): Promise<CheckResult> {
  const { clock } = context;
  const startedAtMs = clock.nowMs();
  const startedAt = clock.monotonicMs();
  const verdict = await verdictOf(check, context, Math.min(check.deadlineMs, remainingMs));
  return checkResult(check, verdict, { startedAtMs, durationMs: Math.round(clock.monotonicMs() - startedAt) });
}

/** Why a check that was asked for did not run: `unknown` when it should have, `skip` when it cannot here. */
export interface NotRun {
  readonly outcome: 'skip' | 'unknown';
  readonly reason: string;
  readonly atMs: number;
}

/** A result for a check that was asked for and did not run. */
export function notRun(named: { readonly name: string; readonly phase: Phase }, { outcome, reason, atMs }: NotRun): CheckResult {
  const extra = { origin: 'node', outcome, reason } as const;
  return { phase: named.phase, check: named.name, status: statusOf(outcome), durationMs: 0, startedAtMs: atMs, message: reason, extra };
}

async function verdictOf(check: Check, context: CheckContext, timeoutMs: number): Promise<Verdict> {
  try {
    const result = await withDeadline(check.run(context), timeoutMs);
    return result.inTime ? result.value : unknown(`no verdict within ${Math.round(timeoutMs)} ms`);
  } catch (error) {
    return unknown(`the check failed: ${errorText(error)}`);
  }
}

function checkResult(check: Check, verdict: Verdict, time: { readonly startedAtMs: number; readonly durationMs: number }): CheckResult {
  const { outcome, observed } = verdict;
  const message = `${outcome === 'warn' ? 'warning: ' : ''}${verdict.message}`.slice(0, MAX_MESSAGE);
  const thresholds = { ...check.thresholds, ...verdict.thresholds };
  const isSilent = outcome === 'skip' || outcome === 'unknown';
  const extra: CheckExtra = {
    origin: 'node',
    outcome,
    severity: check.severity,
    tier: check.tier,
    ...(outcome === 'skip' ? {} : { reads: check.reads }),
    ...(Object.keys(observed).length === 0 ? {} : { observed }),
    ...(outcome === 'skip' || Object.keys(thresholds).length === 0 ? {} : { thresholds, thresholdsDigest: thresholdsDigest() }),
    ...(verdict.missing === undefined ? {} : { missing: verdict.missing }),
    ...(isSilent ? { reason: message } : {}),
  };
  return { phase: check.phase, check: check.name, status: statusOf(outcome), ...time, message, extra };
}
