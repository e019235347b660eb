import { AssayError } from '../error.ts';
import { compareText } from '../digest/compare-text.ts';
import type { ComponentRef, Constraint, Validation } from './document.ts';
import { mergeComponents } from './merge-component.ts';
import { mergeValidation } from './merge-validation.ts';
import type { Mixin, Overlay } from './overlay.ts';

/** A recipe while it grows from the base; never changed in place. */
export interface Draft {
  readonly constraints: readonly Constraint[];
  readonly componentRefs: readonly ComponentRef[];
  readonly validation?: Validation | undefined;
  /** Names in order of first appearance. */
  readonly mixins: readonly string[];
}

/** What a mixin may say about a component that the overlays already have. */
const ADDITIVE: ReadonlySet<string> = new Set(['name', 'namespace', 'manifestFiles', 'preManifestFiles']);

/** The order in which a conflicting field is looked for. */
const IDENTITY_FIELDS = [
  ...(['chart', 'type', 'source', 'version', 'tag', 'path', 'valuesFile', 'overrides', 'patches', 'dependencyRefs'] as const),
  ...(['cleanup', 'expectedResources', 'healthCheckAsserts', 'healthCheckSkip'] as const),
];

/** The draft that every recipe starts from. */
export function baseDraft(base: Overlay): Draft {
  return { constraints: base.constraints, componentRefs: base.componentRefs, validation: base.validation, mixins: base.mixins };
}

/** Merges one overlay into a draft. */
export function mergeOverlay(draft: Draft, overlay: Overlay): Draft {
  return {
    constraints: mergeConstraints(draft.constraints, overlay.constraints),
    componentRefs: mergeComponents(draft.componentRefs, overlay.componentRefs),
    validation: mergeValidation(draft.validation, overlay.validation),
    mixins: [...new Set([...draft.mixins, ...overlay.mixins])],
  };
}

/**
 * Merges the draft's mixins, in order. A mixin only adds: constraints with new names, whole new components, manifests
 * and a namespace for components that are there.
 * @throws RECIPE_NOT_FOUND, RECIPE_CONFLICT
 */
export function mergeMixins(draft: Draft, mixins: ReadonlyMap<string, Mixin>): Draft {
  return draft.mixins.reduce((current, name) => {
    const mixin = mixins.get(name);
    if (mixin === undefined) throw unknownMixin(name, mixins);
    refuseConflicts(current, mixin);
    return {
      ...current,
      constraints: mergeConstraints(current.constraints, mixin.constraints),
      componentRefs: mergeComponents(current.componentRefs, mixin.componentRefs),
    };
  }, draft);
}

/** By name, the later whole constraint wins; sorted by name. */
function mergeConstraints(below: readonly Constraint[], above: readonly Constraint[]): Constraint[] {
  const merged = new Map([...below, ...above].map((constraint) => [constraint.name, constraint]));
  return [...merged.values()].sort((left, right) => compareText(left.name, right.name));
}

function refuseConflicts(draft: Draft, mixin: Mixin): void {
  const taken = mixin.constraints.find(({ name }) => draft.constraints.some((constraint) => constraint.name === name));
  if (taken !== undefined) throw conflict(mixin, `sets constraint "${taken.name}", which an overlay or another mixin sets already`);
  const existing = new Set(draft.componentRefs.map(({ name }) => name));
  for (const component of mixin.componentRefs) {
    const field = existing.has(component.name) ? IDENTITY_FIELDS.find((one) => isSet(component[one])) : undefined;
    if (field !== undefined) {
      throw conflict(
        mixin,
        `sets "${field}" of component "${component.name}", which the overlays have already; it may only add ${[...ADDITIVE].slice(1).join(', ')}`,
      );
    }
  }
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== '';
}

function conflict(mixin: Mixin, message: string): AssayError {
  return new AssayError('RECIPE_CONFLICT', `mixin "${mixin.name}" ${message}`, {
    hint: `Move it into an overlay, or drop it from ${mixin.path}.`,
    details: { mixin: mixin.name },
  });
}

function unknownMixin(name: string, mixins: ReadonlyMap<string, Mixin>): AssayError {
  return new AssayError('RECIPE_NOT_FOUND', `mixin "${name}" is not in the catalog`, {
    hint: `Mixins of this catalog: ${[...mixins.keys()].sort(compareText).join(', ') || 'none'}.`,
    details: { mixin: name },
  });
}
