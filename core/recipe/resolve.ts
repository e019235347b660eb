import { API_VERSION, type Snapshot } from '../snapshot/document.ts';
import type { Catalog } from './catalog.ts';
import { checkCoherence } from './coherence.ts';
import { compact } from './compact.ts';
import { evaluateConstraint, type ConstraintResult } from './constraint.ts';
import { checkDependencies, deploymentOrder } from './deployment-order.ts';
import type { Constraint, ConstraintWarning, Criteria, ExcludedOverlay, Recipe, RecipeMetadata } from './document.ts';
import { baseDraft, mergeMixins, mergeOverlay, type Draft } from './merge-overlay.ts';
import { BASE_NAME, type Overlay } from './overlay.ts';
import { applyDefaults } from './registry-defaults.ts';
import { mergeOrder, selectLeaves } from './select.ts';

/** How a recipe is resolved. */
export interface ResolveOptions {
  /** Written as `metadata.version`; part of the digest. */
  readonly version: string;
  /** Facts that rule out overlays whose constraints they break. */
  readonly snapshot?: Snapshot;
}

interface Selection {
  readonly leaves: readonly Overlay[];
  readonly excluded: readonly ExcludedOverlay[];
  readonly warnings: readonly ConstraintWarning[];
}

/**
 * Resolves criteria to a recipe: selects overlays, merges them and their mixins, fills defaults, orders the deployment.
 * Same catalog, criteria, version and snapshot give the same recipe, byte for byte.
 * @param criteria as {@link parseCriteria} or an overlay gives them; they stand in the recipe as they are
 * @throws CRITERIA_INVALID, RECIPE_INVALID, RECIPE_NOT_FOUND, RECIPE_CONFLICT, RECIPE_CYCLE
 * @source recipe resolution
 */
export function resolveRecipe(catalog: Catalog, criteria: Criteria, options: ResolveOptions): Recipe {
  const selected = filterLeaves(selectLeaves(catalog.overlays, criteria), options.snapshot);
  const { selection, draft } = compose(catalog, selected, options.snapshot);
  checkDependencies(draft.componentRefs);
  const components = draft.componentRefs.map((component) => applyDefaults(component, catalog));
  checkCoherence(components);
  return {
    kind: 'RecipeResult',
    apiVersion: API_VERSION,
    metadata: compact<RecipeMetadata>({
      version: options.version,
      appliedOverlays: appliedOverlays(catalog, selection),
      excludedOverlays: selection.excluded,
      constraintWarnings: selection.warnings,
    }),
    criteria,
    ...compact<Pick<Recipe, 'constraints'>>({ constraints: draft.constraints }),
    componentRefs: components,
    deploymentOrder: deploymentOrder(draft.componentRefs),
    ...(draft.validation === undefined ? {} : { validation: draft.validation }),
  };
}

/** Names of the overlays a selection merges, base first. */
function appliedOverlays(catalog: Catalog, { leaves }: Selection): string[] {
  return [BASE_NAME, ...mergeOrder(catalog.overlays, leaves).map(({ name }) => name)];
}

/** A leaf's own constraints decide; its ancestors' are the business of the readiness check. */
function filterLeaves(leaves: readonly Overlay[], snapshot: Snapshot | undefined): Selection {
  if (snapshot === undefined) return { leaves, excluded: [], warnings: [] };
  const verdicts = leaves.map((leaf) => ({
    leaf,
    warnings: failures(leaf.constraints, snapshot).map((result) => warning(leaf, result, '')),
  }));
  return {
    leaves: verdicts.filter(({ warnings }) => warnings.length === 0).map(({ leaf }) => leaf),
    excluded: verdicts.filter(({ warnings }) => warnings.length > 0).map(({ leaf }) => ({ name: leaf.name, reason: 'constraint-failed' })),
    warnings: verdicts.flatMap(({ warnings }) => warnings),
  };
}

/** Merges the leaves; leaves whose mixins the snapshot contradicts are dropped and the rest is merged again, once. */
function compose(catalog: Catalog, selection: Selection, snapshot: Snapshot | undefined): { selection: Selection; draft: Draft } {
  const draft = build(catalog, selection.leaves);
  const narrowed = snapshot === undefined ? selection : dropByMixins(catalog, selection, { draft, snapshot });
  if (narrowed === selection) return { selection, draft };
  return { selection: narrowed, draft: build(catalog, narrowed.leaves) };
}

function build(catalog: Catalog, leaves: readonly Overlay[]): Draft {
  const merged = mergeOrder(catalog.overlays, leaves).reduce(mergeOverlay, baseDraft(catalog.base));
  return mergeMixins(merged, catalog.mixins);
}

function dropByMixins(catalog: Catalog, selection: Selection, { draft, snapshot }: { draft: Draft; snapshot: Snapshot }): Selection {
  const failing = draft.mixins.flatMap((name) => {
    const results = failures(catalog.mixins.get(name)?.constraints ?? [], snapshot);
    return results.length === 0 ? [] : [{ name, results }];
  });
  if (failing.length === 0) return selection;
  const dropped = selection.leaves.flatMap((leaf) => {
    const names = new Set(mergeOrder(catalog.overlays, [leaf]).flatMap(({ mixins }) => mixins));
    const results = failing.filter(({ name }) => names.has(name)).flatMap((one) => one.results);
    return results.length === 0 ? [] : [{ leaf, results }];
  });
  return {
    leaves: selection.leaves.filter((leaf) => !dropped.some((one) => one.leaf === leaf)),
    excluded: [...selection.excluded, ...dropped.map(({ leaf }) => ({ name: leaf.name, reason: 'mixin-constraint-failed' }))],
    warnings: [
      ...selection.warnings,
      ...dropped.flatMap(({ leaf, results }) => results.map((result) => warning(leaf, result, 'mixin-constraint-failed: '))),
    ],
  };
}

function failures(constraints: readonly Constraint[], snapshot: Snapshot): ConstraintResult[] {
  return constraints.map((constraint) => evaluateConstraint(snapshot, constraint)).filter(({ passed }) => !passed);
}

function warning(overlay: Overlay, result: ConstraintResult, prefix: string): ConstraintWarning {
  const { name, expected, actual, error } = result;
  return {
    overlay: overlay.name,
    constraint: name,
    expected,
    ...compact<Pick<ConstraintWarning, 'actual'>>({ actual }),
    reason: `${prefix}${error ?? `expected ${expected}, got ${actual}`}`,
  };
}
