import type { Phase } from '#core/ctrf/report.ts';
import type { RecordBody } from '#core/wire/record.ts';
import type { Plan } from '#core/wire/run.ts';
import type { Check, CheckContext } from '../check/check.ts';
import { runPhase, type Emit } from './run-phase.ts';

/** What the phases of a plan run with. */
export interface PlanInput {
  readonly plan: Plan;
  /** Phases to start, in this order; empty means all of the plan in its order. */
  readonly phases: readonly Phase[];
  readonly checks: readonly Check[];
  readonly context: CheckContext;
  readonly stop: AbortSignal;
  /** What was said before a restart. */
  readonly recovered: readonly RecordBody[];
}

/** Runs the phases of a plan one after the other and goes on where the recovered records end. */
export async function runPlan(input: PlanInput, emit: Emit): Promise<void> {
  const { plan, phases, checks, context, stop, recovered } = input;
  const wanted = phases.length === 0 ? plan.phases.map(({ phase }) => phase) : phases;
  for (const phase of wanted) {
    const phasePlan = plan.phases.find((each) => each.phase === phase);
    if (phasePlan === undefined || recovered.some((body) => body.kind === 'phase-ended' && body.phase === phase)) continue;
    await runPhase({ plan: phasePlan, checks, context, stop, said: saidOf(recovered, phase) }, emit);
  }
}

function saidOf(recovered: readonly RecordBody[], phase: Phase): { readonly started: boolean; readonly checks: ReadonlySet<string> } {
  const results = recovered.flatMap((body) => (body.kind === 'check' && body.result.phase === phase ? [body.result.check] : []));
  return { started: recovered.some((body) => body.kind === 'phase-started' && body.phase === phase), checks: new Set(results) };
}
