import type { CheckResult, RecordBody } from '#core/wire/record.ts';
import type { PhasePlan } from '#core/wire/run.ts';
import type { Check, CheckContext } from '../check/check.ts';
import { notRun, runCheck } from '../check/run-check.ts';

/** What a phase runs with. */
export interface PhaseInput {
  readonly plan: PhasePlan;
  /** The catalog. */
  readonly checks: readonly Check[];
  readonly context: CheckContext;
  /** Ends the phase early: what has not run is recorded as such. */
  readonly stop?: AbortSignal;
  /** What was recorded of this phase before a restart; it is not recorded again. */
  readonly said?: { readonly started: boolean; readonly checks: ReadonlySet<string> };
}

/** Takes one record; the next one is made when the promise has resolved. */
export type Emit = (body: RecordBody) => Promise<void>;

const NO_SUCH_CHECK = 'no node check has that name; checks of the whole cluster run in the collector';

/**
 * Runs the checks of one phase in catalog order and hands on one record per check, between a start and an end record.
 * Every check that was asked for gives a record, whatever happens.
 */
export async function runPhase(input: PhaseInput, emit: Emit): Promise<void> {
  const { plan, context } = input;
  const { clock } = context;
  const { phase } = plan;
  const endsAt = clock.monotonicMs() + plan.deadlineMs;
  if (input.said?.started !== true) await emit({ kind: 'phase-started', phase, atMs: clock.nowMs() });
  for (const check of selected(input)) await emit({ kind: 'check', result: await next(check, input, endsAt - clock.monotonicMs()) });
  for (const name of unknownNames(input))
    await emit({ kind: 'check', result: notRun({ name, phase }, { outcome: 'skip', reason: NO_SUCH_CHECK, atMs: clock.nowMs() }) });
  await emit({ kind: 'phase-ended', phase, atMs: clock.nowMs() });
}

function selected({ plan, checks, said }: PhaseInput): readonly Check[] {
  const isWanted = (name: string): boolean => (plan.checks.length === 0 || plan.checks.includes(name)) && said?.checks.has(name) !== true;
  return checks.filter(({ name, phase }) => phase === plan.phase && isWanted(name));
}

function unknownNames({ plan, checks, said }: PhaseInput): readonly string[] {
  const isKnown = (name: string): boolean =>
    checks.some((check) => check.name === name && check.phase === plan.phase) || said?.checks.has(name) === true;
  return plan.checks.filter((name) => !isKnown(name));
}

async function next(check: Check, { plan, context, stop }: PhaseInput, remainingMs: number): Promise<CheckResult> {
  const missed = { outcome: 'unknown', atMs: context.clock.nowMs() } as const;
  if (stop?.aborted === true) return notRun(check, { ...missed, reason: 'the run was stopped before this check' });
  if (remainingMs <= 0)
    return notRun(check, { ...missed, reason: `the phase reached its deadline of ${plan.deadlineMs} ms before this check` });
  return runCheck(check, context, remainingMs);
}
