import { AssayError } from '../error.ts';
import { compareText } from '../digest/compare-text.ts';
import { criteriaMatch, isAny, specificity } from './criteria.ts';
import { ANY, type Criteria } from './document.ts';
import { ancestors, type Overlay } from './overlay.ts';

/**
 * The overlays that a query selects: every matching one that no other matching one builds on, least specific first,
 * then by name. All of them are merged; there is no single winner.
 * @throws RECIPE_CYCLE, RECIPE_NOT_FOUND for a broken inheritance chain; CRITERIA_INVALID when the service needs an OS
 * @source recipe overlay selection
 */
export function selectLeaves(overlays: ReadonlyMap<string, Overlay>, query: Criteria): Overlay[] {
  const candidates = [...overlays.values()].filter(({ criteria }) => criteria !== undefined && criteriaMatch(criteria, query));
  const parents = new Set(candidates.flatMap((overlay) => ancestors(overlays, overlay).map(({ name }) => name)));
  const leaves = candidates.filter(({ name }) => !parents.has(name)).sort(byWeight);
  requireOs(overlays, query, leaves);
  return leaves;
}

/** Overlays in merge order: each leaf's chain from the root down, every overlay once. */
export function mergeOrder(overlays: ReadonlyMap<string, Overlay>, leaves: readonly Overlay[]): Overlay[] {
  return [...new Set(leaves.flatMap((leaf) => [leaf, ...ancestors(overlays, leaf)].reverse()))];
}

function byWeight(left: Overlay, right: Overlay): number {
  return specificity(left.criteria ?? {}) - specificity(right.criteria ?? {}) || compareText(left.name, right.name);
}

/** A service whose overlays all name an OS must not fall back to a recipe without the service's parts. */
function requireOs(overlays: ReadonlyMap<string, Overlay>, query: Criteria, leaves: readonly Overlay[]): void {
  if (isAny(query.service) || !isAny(query.os)) return;
  if (leaves.some(({ criteria }) => criteria?.service === query.service && sameDimension(criteria?.accelerator, query.accelerator))) return;
  const systems = [...overlays.values()]
    .filter(
      ({ criteria }) => criteria !== undefined && !isAny(criteria.os) && criteriaMatch(criteria, { ...query, os: criteria.os ?? ANY }),
    )
    .map(({ criteria }) => criteria?.os ?? '');
  if (systems.length === 0) return;
  const valid = [...new Set(systems)].sort(compareText);
  const accelerator = isAny(query.accelerator) ? '' : query.accelerator;
  throw new AssayError(
    'CRITERIA_INVALID',
    `service '${query.service}' has no OS-agnostic recipe for accelerator '${accelerator}'; specify an OS (valid: ${valid.join(', ')})`,
    {
      hint: `Add --os ${valid[0]}.`,
      details: { service: query.service, validOs: valid },
    },
  );
}

function sameDimension(left: string | undefined, right: string | undefined): boolean {
  return isAny(left) ? isAny(right) : left === right;
}
