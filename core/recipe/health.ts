import { isAssayError } from '../error.ts';
import { compareText } from '../digest/compare-text.ts';
import type { Catalog } from './catalog.ts';
import { isWellFormed } from './constraint.ts';
import { isEnabled } from './deployment-order.ts';
import { RECIPE_PHASES, type ComponentRef, type Recipe, type RecipePhase, type ValidationPhase } from './document.ts';
import type { Overlay } from './overlay.ts';
import { resolveRecipe } from './resolve.ts';

/** Verdict of one health dimension; `unknown` = could not be looked at. */
export type HealthStatus = 'pass' | 'fail' | 'unknown';

const NO_CHARTS = 'no enabled Helm components; chart-version pinning not applicable (Kustomize tag pinning is out of scope)';

/** What one phase of a recipe checks. */
export interface PhaseCoverage {
  readonly declared: boolean;
  readonly checks?: readonly string[];
  readonly constraints: number;
}

/** What can be said about a leaf without a cluster. */
export interface RecipeHealth {
  readonly status: HealthStatus;
  readonly dimensions: {
    readonly chart_pinned: HealthStatus;
    readonly constraints_wellformed: HealthStatus;
    readonly resolves: HealthStatus;
  };
  readonly coverage: Readonly<Record<RecipePhase, PhaseCoverage>>;
  /** Why a dimension says what it says, where that is not plain. */
  readonly detail?: { readonly chart_pinned: string };
}

/**
 * Resolves an overlay's recipe and looks at it: does it resolve, has every chart a version, does every constraint parse.
 * @source recipe health report
 */
export function recipeHealth(catalog: Catalog, overlay: Overlay): RecipeHealth {
  const recipe = tryResolve(catalog, overlay);
  const dimensions = {
    chart_pinned: verdict(recipe, allPinned),
    constraints_wellformed: verdict(recipe, allWellFormed),
    resolves: recipe === undefined ? ('fail' as const) : ('pass' as const),
  };
  const statuses = Object.values(dimensions);
  const status = statuses.includes('fail') ? 'fail' : statuses.includes('unknown') ? 'unknown' : 'pass';
  const coverage = RECIPE_PHASES.map((phase) => [phase, phaseCoverage(recipe?.validation?.[phase])] as const);
  return {
    status,
    dimensions,
    ...(recipe !== undefined && charts(recipe).length === 0 ? { detail: { chart_pinned: NO_CHARTS } } : {}),
    coverage: Object.fromEntries(coverage) as RecipeHealth['coverage'],
  };
}

function tryResolve(catalog: Catalog, overlay: Overlay): Recipe | undefined {
  try {
    return resolveRecipe(catalog, overlay.criteria ?? {}, { version: '' });
  } catch (error) {
    if (isAssayError(error)) return undefined;
    throw error;
  }
}

function verdict(recipe: Recipe | undefined, holds: (recipe: Recipe) => boolean): HealthStatus {
  if (recipe === undefined) return 'unknown';
  return holds(recipe) ? 'pass' : 'fail';
}

function allPinned(recipe: Recipe): boolean {
  return charts(recipe).every(({ version }) => version !== undefined);
}

/** A component that is manifests only has no chart to pin. */
function charts({ componentRefs }: Recipe): ComponentRef[] {
  return componentRefs.filter((component) => isEnabled(component) && component.type === 'Helm' && component.source !== '');
}

function allWellFormed({ constraints = [] }: Recipe): boolean {
  return constraints.every(isWellFormed);
}

function phaseCoverage(phase: ValidationPhase | undefined): PhaseCoverage {
  const { checks = [], constraints = [] } = phase ?? {};
  return {
    declared: phase !== undefined,
    ...(checks.length === 0 ? {} : { checks: [...checks].sort(compareText) }),
    constraints: constraints.length,
  };
}
