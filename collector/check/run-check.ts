import { errorText, isAssayError } from '#core/error.ts';
import type { CheckResult } from '#core/wire/record.ts';
import type { ClusterCheck, ClusterCheckContext } from './cluster-check.ts';
import type { TestObjectKeeper } from './workload/test-objects.ts';
import {
  skipFor,
  statusOf,
  unknown,
  type ClusterGrant,
  type ClusterVerdict,
  type Observed,
  type Outcome,
  type Threshold,
} from './verdict.ts';

/** Longest message that is recorded. */
const MAX_MESSAGE = 2000;
/** Lines of output that are recorded, and their length. @source upstream validator framework, log lines of a check */
const MAX_LINES = 1000;
const MAX_LINE = 512;

/** What stands in a cluster check's `extra`: enough to recompute the verdict without the cluster. A type, so that it is a plain JSON object. */
export type ClusterCheckExtra = {
  /** `recipe`: the recipe asks for the check. `cluster`: Assay adds it. */
  readonly origin: 'recipe' | 'cluster';
  readonly outcome: Outcome;
  readonly source: string;
  /** Left out of a skip, which rests on nothing. */
  readonly reads?: readonly string[];
  readonly observed?: Observed;
  readonly thresholds?: Readonly<Record<string, Threshold>>;
  readonly missing?: ClusterGrant;
  /** Why the check was skipped, without names of nodes and pods. */
  readonly reason?: string;
};

/** How one check runs. */
export interface CheckRun {
  /** What all checks of the run share. */
  readonly context: Omit<ClusterCheckContext, 'signal' | 'objects'>;
  /** Aborts with the run. */
  readonly signal: AbortSignal;
  /** Makes test objects for this check; absent where the check may not. */
  readonly keeper?: TestObjectKeeper;
}

/**
 * Runs one check within its deadline. A check that throws or hangs is `other` with what happened, one that lacks a permission is skipped with it:
 * never a pass, never an exception. What a check has begun when its time is over is left behind, with its signal aborted.
 */
export async function runCheck(check: ClusterCheck, run: CheckRun): Promise<CheckResult> {
  const { clock } = run.context;
  const startedAtMs = clock.nowMs();
  const startedAt = clock.monotonicMs();
  const verdict = run.signal.aborted ? notReached() : await verdictOf(check, run);
  return checkResult(check, verdict, { startedAtMs, durationMs: Math.round(clock.monotonicMs() - startedAt) });
}

/** A verdict as it is recorded. */
export function checkResult(
  check: Pick<ClusterCheck, 'name' | 'phase' | 'origin' | 'reads' | 'source'>,
  verdict: ClusterVerdict,
  time: { readonly startedAtMs: number; readonly durationMs: number },
): CheckResult {
  const { outcome, observed, thresholds = {}, stdout } = verdict;
  const message = `${outcome === 'warn' ? 'warning: ' : ''}${verdict.message}`.slice(0, MAX_MESSAGE);
  const extra: ClusterCheckExtra = {
    origin: check.origin,
    outcome,
    source: check.source,
    ...(outcome === 'skip' ? {} : { reads: check.reads }),
    ...(Object.keys(observed).length === 0 ? {} : { observed }),
    ...(outcome === 'skip' || Object.keys(thresholds).length === 0 ? {} : { thresholds }),
    ...(verdict.missing === undefined ? {} : { missing: verdict.missing }),
    ...(outcome === 'skip' ? { reason: (verdict.reason ?? message).slice(0, MAX_MESSAGE) } : {}),
  };
  const lines = stdout?.slice(-MAX_LINES).map((line) => line.slice(0, MAX_LINE));
  return {
    phase: check.phase,
    check: check.name,
    status: statusOf(outcome),
    ...time,
    message,
    ...(lines === undefined || lines.length === 0 ? {} : { stdout: lines }),
    extra,
  };
}

async function verdictOf(check: ClusterCheck, { context, signal, keeper }: CheckRun): Promise<ClusterVerdict> {
  const deadline = startDeadline(check.deadlineMs, signal);
  try {
    const objects = keeper?.forCheck(check.name, deadline.signal);
    const work = check.run({ ...context, objects, signal: deadline.signal });
    work.catch(() => undefined);
    return (await Promise.race([work, deadline.over])) ?? late(check, signal);
  } catch (error) {
    return deadline.signal.aborted ? late(check, signal) : verdictOfError(error);
  } finally {
    deadline.end();
  }
}

interface Deadline {
  readonly signal: AbortSignal;
  /** Resolves when the time is over or the run ends. */
  readonly over: Promise<undefined>;
  /** To be called when there is a verdict; whatever the check still does is told to stop. */
  readonly end: () => void;
}

function startDeadline(timeoutMs: number, run: AbortSignal): Deadline {
  const controller = new AbortController();
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const stop = (): void => {
    controller.abort();
    resolve(undefined);
  };
  const timer = setTimeout(stop, timeoutMs);
  run.addEventListener('abort', stop, { once: true });
  const end = (): void => {
    clearTimeout(timer);
    run.removeEventListener('abort', stop);
    stop();
  };
  return { signal: controller.signal, over: promise, end };
}

function late({ deadlineMs }: ClusterCheck, run: AbortSignal): ClusterVerdict {
  return run.aborted
    ? unknown('the run ended before this check had a verdict', { cause: 'run-ended' })
    : unknown(`no verdict within ${deadlineMs} ms`, { cause: 'deadline', deadlineMs });
}

function notReached(): ClusterVerdict {
  return unknown('the run ended before this check began', { cause: 'run-ended' });
}

function verdictOfError(error: unknown): ClusterVerdict {
  const text = errorText(error);
  if (isAssayError(error) && error.code === 'CLUSTER_FORBIDDEN') return withoutPermission(text);
  return unknown(`the check failed: ${text}`, { cause: isAssayError(error) ? error.code : 'BUG' });
}

/** The verdict of a check that was refused something; the reason names the permission, and no object. @source text of the API server's RBAC authorizer */
function withoutPermission(text: string): ClusterVerdict {
  const [, verb, resource, group] = /cannot (\w+) resource "([^"]+)" in API group "([^"]*)"/.exec(text) ?? [];
  const right = verb === undefined ? 'something that it has to read' : `${verb} ${resource}${group === '' ? '' : `.${group}`}`;
  return { ...skipFor('permission', text), reason: `the collector has no permission for this: ${right}` };
}
