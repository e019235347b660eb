import { PHASES } from '#core/ctrf/report.ts';
import { evaluateConstraint, type ConstraintResult } from '#core/recipe/constraint.ts';
import type { Constraint, Recipe } from '#core/recipe/document.ts';
import type { Snapshot } from '#core/snapshot/document.ts';
import { finding, type Finding } from '../finding.ts';
import { shown } from '../foreign-text.ts';
import type { StepOutcome } from '../step-outcome.ts';
import type { Compared } from '../verdict.ts';

/** Facts that say the same as another one which redaction removes: the kubelet reports the kernel release of its node. */
const EQUIVALENT_FACT: Readonly<Record<string, string>> = { 'OS.sysctl./proc/sys/kernel/osrelease': 'K8s.node.kernel-version' };

interface Replayed {
  readonly row: Compared;
  readonly findings: readonly Finding[];
  readonly isReplayable: boolean;
}

/**
 * Evaluates every inline constraint of the bundled recipe on the bundled snapshot. A constraint whose fact is not there is
 * not replayable, which is neither a pass nor a failure.
 * @param snapshot absent when it could not be read; recipe likewise
 * @source recipe-evidence v1, constraint semantics
 */
export function checkReplay(snapshot: Snapshot | undefined, recipe: Recipe | undefined): StepOutcome {
  if (snapshot === undefined || recipe === undefined)
    return { detail: `${recipe === undefined ? 'the recipe' : 'the snapshot'} could not be read`, status: 'skipped' };
  const evaluate = (constraint: Constraint): ConstraintResult => evaluateConstraint(snapshot, constraint);
  const general = (recipe.constraints ?? []).map((constraint) => replay(constraint, evaluate));
  const ofPhases = ['readiness' as const, ...PHASES].flatMap((phase) =>
    (recipe.validation?.[phase]?.constraints ?? []).map((constraint) => replay(constraint, evaluate, phase)),
  );
  const all = [...general, ...ofPhases];
  const findings = all.flatMap((one) => one.findings);
  const first = findings.find(({ severity }) => severity !== 'info');
  return {
    detail: first?.detail ?? summary(all),
    compared: all.map(({ row }) => row),
    findings,
    ...(findings.some(({ code }) => code === 'CONSTRAINT_NOT_REPLAYABLE') ? { status: 'not-replayable' } : {}),
  };
}

function summary(all: readonly Replayed[]): string {
  if (all.length === 0) return 'the recipe has no inline constraint';
  const done = all.filter(({ isReplayable }) => isReplayable).length;
  return `${done} constraint(s) replayed, all of them hold${done < all.length ? `; ${all.length - done} are measured by phases` : ''}`;
}

function replay(constraint: Constraint, evaluate: (constraint: Constraint) => ConstraintResult, phase?: string): Replayed {
  const direct = evaluate(constraint);
  const other = direct.problem === 'absent' ? EQUIVALENT_FACT[constraint.name] : undefined;
  const result = other === undefined ? direct : evaluate({ ...constraint, name: other });
  const key = `${phase === undefined ? '' : `${phase}: `}${shown(constraint.name, 100)} ${shown(constraint.value, 60)}`;
  const via = other === undefined || result.problem === 'absent' ? '' : `, from ${other}`;
  if (result.problem === undefined) {
    const value = `${result.passed ? 'holds' : 'does not hold'}: the snapshot has ${shown(result.actual ?? '', 80)}${via}`;
    return { row: { key, value }, findings: result.passed ? [] : [finding('CONSTRAINT_FAILED', `${key} ${value}`)], isReplayable: true };
  }
  return unreplayed(key, result, phase);
}

function unreplayed(key: string, { problem, error = '' }: ConstraintResult, phase: string | undefined): Replayed {
  if (problem === 'absent') return outcome(key, 'CONSTRAINT_NOT_REPLAYABLE', 'not replayable: the bundled snapshot does not have the fact');
  if (problem === 'invalid-path' && phase !== undefined)
    return outcome(key, 'CONSTRAINT_OF_PHASE', 'measured by the phase, not part of the snapshot');
  return outcome(key, 'CONSTRAINT_UNREADABLE', `cannot be evaluated: ${shown(error)}`);
}

function outcome(
  key: string,
  code: 'CONSTRAINT_NOT_REPLAYABLE' | 'CONSTRAINT_OF_PHASE' | 'CONSTRAINT_UNREADABLE',
  value: string,
): Replayed {
  const hint = code === 'CONSTRAINT_OF_PHASE' ? 'Read its test in the phase report.' : 'Ask for a full bundle if the fact matters.';
  return { row: { key, value }, findings: [finding(code, `${key}: ${value}`, { hint })], isReplayable: false };
}
