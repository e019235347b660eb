import { AssayError } from '../error.ts';
import type { Field } from '../digest/document-field.ts';
import type { CanonicalValue } from '../digest/yaml-value.ts';
import { decodeComponents, decodeConstraints, decodeCriteria, decodeName, decodeValidation } from './decode.ts';
import type { ComponentRef, Constraint, Criteria, Validation } from './document.ts';

/** Which layer of a catalog a file comes from: the catalog itself, or the directory laid over it. */
export type Origin = 'embedded' | 'external';

/** One overlay (`RecipeMetadata`): what it adds to its parent, and for which criteria it applies. */
export interface Overlay {
  readonly name: string;
  /** Name of the parent; undefined for the root. */
  readonly parent?: string;
  /** Without criteria an overlay can only be a parent. */
  readonly criteria?: Criteria;
  readonly mixins: readonly string[];
  readonly constraints: readonly Constraint[];
  readonly componentRefs: readonly ComponentRef[];
  readonly validation?: Validation;
  /** Whom to ask about this recipe: routing only, never part of a digest that upstream makes. */
  readonly maintainers?: CanonicalValue;
  readonly path: string;
  readonly origin: Origin;
}

/** A named part that overlays pull in after all inheritance (`RecipeMixin`). */
export interface Mixin {
  readonly name: string;
  readonly constraints: readonly Constraint[];
  readonly componentRefs: readonly ComponentRef[];
  readonly path: string;
}

/** Name of the overlay that everything starts from. */
export const BASE_NAME = 'base';

const MIXIN_KEYS = {
  document: keys('apiVersion kind metadata spec'),
  metadata: keys('name'),
  spec: keys('constraints componentRefs'),
  constraint: keys('name value severity remediation unit'),
  component: keys(
    'name namespace chart type source version tag valuesFile overrides patches dependencyRefs manifestFiles ' +
      'preManifestFiles path cleanup expectedResources healthCheckAsserts healthCheckSkip',
  ),
  resource: keys('kind name namespace'),
};

/**
 * Reads an overlay; keys it does not know are ignored, as upstream does.
 * @returns undefined for a document of another kind
 */
export function decodeOverlay(root: Field, path: string, origin: Origin): Overlay | undefined {
  const kind = root.member('kind').text() ?? '';
  if (kind !== '' && kind !== 'RecipeMetadata') return undefined;
  const spec = root.member('spec');
  const parent = spec.member('base').text() ?? '';
  const criteria = decodeCriteria(spec.member('criteria'));
  const validation = decodeValidation(spec.member('validation'));
  const maintainers = spec.member('maintainers');
  return {
    name: decodeName(root.member('metadata').member('name')),
    ...(parent === '' || parent === BASE_NAME ? {} : { parent }),
    ...(criteria === undefined ? {} : { criteria }),
    mixins: spec.member('mixins').texts() ?? [],
    constraints: decodeConstraints(spec.member('constraints')) ?? [],
    componentRefs: decodeComponents(spec.member('componentRefs')),
    ...(validation === undefined ? {} : { validation }),
    ...(maintainers.present ? { maintainers: maintainers.value() } : {}),
    path,
    origin,
  };
}

/**
 * Reads a mixin; an unknown key is an error.
 * @throws the field's code
 */
export function decodeMixin(root: Field, path: string): Mixin {
  const kind = root.member('kind').text() ?? '';
  if (kind !== 'RecipeMixin') throw root.member('kind').error(`"${kind}" is not RecipeMixin`);
  const spec = root.member('spec');
  onlyKeys(root, MIXIN_KEYS.document);
  onlyKeys(root.member('metadata'), MIXIN_KEYS.metadata);
  onlyKeys(spec, MIXIN_KEYS.spec);
  for (const constraint of spec.member('constraints').items() ?? []) onlyKeys(constraint, MIXIN_KEYS.constraint);
  for (const component of spec.member('componentRefs').items() ?? []) {
    onlyKeys(component, MIXIN_KEYS.component);
    for (const resource of component.member('expectedResources').items() ?? []) onlyKeys(resource, MIXIN_KEYS.resource);
  }
  return {
    name: decodeName(root.member('metadata').member('name')),
    constraints: decodeConstraints(spec.member('constraints')) ?? [],
    componentRefs: decodeComponents(spec.member('componentRefs')),
    path,
  };
}

/**
 * An overlay's ancestors from its parent up to the root, both ends included.
 * @throws RECIPE_CYCLE, RECIPE_NOT_FOUND
 */
export function ancestors(overlays: ReadonlyMap<string, Overlay>, overlay: Overlay): Overlay[] {
  const seen = [overlay.name];
  const result: Overlay[] = [];
  for (let parent = overlay.parent; parent !== undefined;) {
    if (seen.includes(parent)) throw baseCycle([...seen, parent]);
    const found = overlays.get(parent);
    if (found === undefined) throw missingBase(overlay, parent);
    seen.push(parent);
    result.push(found);
    parent = found.parent;
  }
  return result;
}

function keys(words: string): readonly string[] {
  return words.split(' ');
}

function onlyKeys(field: Field, allowed: readonly string[]): void {
  for (const [key, member] of field.members() ?? []) {
    if (!allowed.includes(key)) throw member.error(`unknown key; allowed here: ${allowed.join(', ')}`);
  }
}

function baseCycle(names: readonly string[]): AssayError {
  return new AssayError('RECIPE_CYCLE', `overlays inherit in a circle: ${names.join(' -> ')}`, {
    hint: 'Correct spec.base of one of them.',
    details: { cycle: names },
  });
}

function missingBase(overlay: Overlay, parent: string): AssayError {
  return new AssayError('RECIPE_NOT_FOUND', `recipe "${parent}" not found (named in the inheritance chain of "${overlay.name}")`, {
    hint: `Add an overlay with metadata.name "${parent}", or correct spec.base (${overlay.path}).`,
    details: { overlay: overlay.name, base: parent },
  });
}
