import { compact } from './compact.ts';
import { RECIPE_PHASES, type Constraint, type Validation, type ValidationPhase } from './document.ts';

/** Lays validation over validation, phase by phase. Absent = inherit. */
export function mergeValidation(below: Validation | undefined, above: Validation | undefined): Validation | undefined {
  if (above === undefined || below === undefined) return above ?? below;
  const phases = RECIPE_PHASES.flatMap((phase) => {
    const merged = mergePhase(below[phase], above[phase]);
    return merged === undefined ? [] : [[phase, merged] as const];
  });
  return Object.fromEntries(phases);
}

/**
 * Lays one phase over another: an empty list clears, an absent one inherits, node selection is replaced as a whole.
 * @source recipe merge rules for validation phases
 */
function mergePhase(below: ValidationPhase | undefined, above: ValidationPhase | undefined): ValidationPhase | undefined {
  if (above === undefined || below === undefined) return above ?? below;
  const checks = mergeList(below.checks, above.checks, (lower, upper) => [...new Set([...lower, ...upper])]);
  const constraints = mergeList(below.constraints, above.constraints, mergeConstraints);
  const nodeSelection = above.nodeSelection ?? below.nodeSelection;
  return {
    ...compact<Pick<ValidationPhase, 'timeout' | 'infrastructure'>>({
      timeout: above.timeout ?? below.timeout,
      infrastructure: above.infrastructure ?? below.infrastructure,
    }),
    ...(checks === undefined ? {} : { checks }),
    ...(constraints === undefined ? {} : { constraints }),
    ...(nodeSelection === undefined ? {} : { nodeSelection }),
  };
}

/** Constraints of a phase keep their order: first the inherited names, then the new ones. */
function mergeConstraints(below: readonly Constraint[], above: readonly Constraint[]): Constraint[] {
  const upper = new Map(above.map((constraint) => [constraint.name, constraint]));
  const lower = new Map<string, Constraint>();
  for (const constraint of below) if (!lower.has(constraint.name)) lower.set(constraint.name, upper.get(constraint.name) ?? constraint);
  const added = above.filter(({ name }) => !lower.has(name));
  return [...lower.values(), ...added];
}

function mergeList<Item>(
  below: readonly Item[] | undefined,
  above: readonly Item[] | undefined,
  merge: (lower: readonly Item[], upper: readonly Item[]) => readonly Item[],
): readonly Item[] | undefined {
  if (above === undefined) return below;
  return above.length === 0 ? [] : merge(below ?? [], above);
}
