import { AssayError } from '../error.ts';
import type { CanonicalValue } from '../digest/yaml-value.ts';

/** What a recipe is for. Absent = not said; the text `any` = said to be any; both match everything. */
export interface Criteria {
  readonly service?: string;
  readonly accelerator?: string;
  readonly intent?: string;
  readonly os?: string;
  readonly platform?: string;
  /** Nodes of the cluster, control plane included; absent or 0 = any. */
  readonly nodes?: number;
}

/** A condition on a measured value, or on a number that one check reads. */
export interface Constraint {
  readonly name: string;
  readonly value: string;
  readonly severity?: string;
  readonly remediation?: string;
  readonly unit?: string;
}

/** An object that must exist and be ready once a component is installed. */
export interface ExpectedResource {
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

/** Free-form Helm values. */
export type ValueMap = Readonly<Record<string, CanonicalValue>>;

/** One component of a recipe. */
export interface ComponentRef {
  readonly name: string;
  readonly namespace?: string;
  readonly chart?: string;
  readonly type: string;
  readonly source: string;
  readonly version?: string;
  readonly tag?: string;
  readonly valuesFile?: string;
  readonly overrides?: ValueMap;
  readonly patches?: readonly string[];
  readonly dependencyRefs?: readonly string[];
  readonly manifestFiles?: readonly string[];
  readonly preManifestFiles?: readonly string[];
  readonly path?: string;
  readonly cleanup?: boolean;
  readonly expectedResources?: readonly ExpectedResource[];
  readonly healthCheckAsserts?: string;
  readonly healthCheckSkip?: boolean;
}

/** Which nodes a phase may use. */
export interface NodeSelection {
  readonly selector?: Readonly<Record<string, string>>;
  readonly maxNodes?: number;
  readonly excludeNodes?: readonly string[];
}

/** What one phase checks. In an overlay an empty list clears what was inherited and an absent one keeps it. */
export interface ValidationPhase {
  readonly timeout?: string;
  readonly constraints?: readonly Constraint[];
  readonly checks?: readonly string[];
  readonly nodeSelection?: NodeSelection;
  readonly infrastructure?: string;
}

/** Phases that a recipe can describe; `readiness` has no runner. */
export const RECIPE_PHASES = ['readiness', 'deployment', 'performance', 'conformance'] as const;

/** One of {@link RECIPE_PHASES}. */
export type RecipePhase = (typeof RECIPE_PHASES)[number];

/** What each phase checks. */
export type Validation = Readonly<Partial<Record<RecipePhase, ValidationPhase>>>;

/** An overlay that a snapshot's facts ruled out. */
export interface ExcludedOverlay {
  readonly name: string;
  readonly reason?: string;
}

/** Why an overlay was ruled out; `actual` is absent when the value could not be looked up. */
export interface ConstraintWarning {
  readonly overlay: string;
  readonly constraint: string;
  readonly expected: string;
  readonly actual?: string;
  readonly reason: string;
}

/** Where a resolved recipe comes from. */
export interface RecipeMetadata {
  readonly version?: string;
  readonly appliedOverlays?: readonly string[];
  readonly excludedOverlays?: readonly ExcludedOverlay[];
  readonly constraintWarnings?: readonly ConstraintWarning[];
}

/** A resolved recipe (`RecipeResult` of `aicr.run/v1alpha2`): exactly the fields that its digest covers. */
export interface Recipe {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: RecipeMetadata;
  /** Null when the document has no criteria at all. */
  readonly criteria: Criteria | null;
  readonly constraints?: readonly Constraint[];
  readonly componentRefs: readonly ComponentRef[];
  readonly deploymentOrder: readonly string[];
  readonly validation?: Validation;
}

/** The literal that stands for every value of a dimension. */
export const ANY = 'any';

/**
 * Name of a recipe, as statements and pointers carry it: the concrete criteria joined by `-`.
 * @returns `recipe` when nothing is concrete
 * @throws RECIPE_INVALID when the recipe has no criteria block
 */
export function recipeName(criteria: Criteria | null): string {
  if (criteria === null) {
    throw new AssayError('RECIPE_INVALID', 'the recipe has no criteria, so it has no name', { hint: 'Resolve it again with criteria.' });
  }
  const values = [criteria.accelerator, criteria.service, criteria.os, criteria.intent, criteria.platform];
  const concrete = values.filter((value) => value !== undefined && value !== '' && value !== ANY);
  return concrete.length === 0 ? 'recipe' : concrete.join('-');
}
