import { AssayError } from '../error.ts';
import { Field } from '../digest/document-field.ts';
import { parseJsonNode } from '../digest/read-json.ts';
import { parseYamlNode, type ReadLimits } from '../digest/read-yaml.ts';
import { API_VERSION } from '../snapshot/document.ts';
import { canonicalType } from './coherence.ts';
import { compact } from './compact.ts';
import { decodeComponents, decodeConstraints, decodeCriteria, decodeValidation } from './decode.ts';
import { isEnabled } from './deployment-order.ts';
import type { ComponentRef, ConstraintWarning, ExcludedOverlay, Recipe, RecipeMetadata } from './document.ts';
import type { Registry } from './registry.ts';
import { typeOf } from './registry-defaults.ts';

/** A component name that deployers use for an option of their own. */
const RESERVED_NAME = 'deployer';

/**
 * Reads a resolved recipe. Unknown fields are dropped: they are no part of the digest.
 * @param text JSON when the name ends in `.json`, else YAML; at most 10 MiB
 * @param name what messages call it
 * @throws RECIPE_INVALID, YAML_INVALID, JSON_INVALID, FILE_TOO_LARGE
 * @source recipe canonical form
 */
export function parseRecipe(text: string | Uint8Array, name: string): Recipe {
  return decodeRecipe(recipeField(text, { name }));
}

/** The document behind {@link parseRecipe}, before its kind is known. */
export function recipeField(text: string | Uint8Array, limits: ReadLimits): Field {
  const node = limits.name.endsWith('.json') ? parseJsonNode(text, limits) : parseYamlNode(text, limits);
  const root = new Field(node, { name: limits.name, code: 'RECIPE_INVALID' });
  const apiVersion = root.member('apiVersion').text() ?? '';
  if (apiVersion !== '' && apiVersion !== API_VERSION) throw root.member('apiVersion').error(`"${apiVersion}" is not ${API_VERSION}`);
  return root;
}

/** True when some component leaves its type to the registry. */
export function needsRegistry(root: Field): boolean {
  return (root.member('componentRefs').items() ?? []).some((item) => (item.member('type').text() ?? '') === '');
}

/**
 * A recipe from its document.
 * @param registry where types that the document does not name come from
 * @throws RECIPE_INVALID
 */
export function decodeRecipe(root: Field, registry: Registry = new Map()): Recipe {
  const kind = root.member('kind').text() ?? '';
  if (kind !== '' && kind !== 'RecipeResult') throw root.member('kind').error(`"${kind}" is not RecipeResult`);
  const validation = decodeValidation(root.member('validation'));
  return {
    kind,
    apiVersion: root.member('apiVersion').text() ?? '',
    metadata: decodeMetadata(root.member('metadata')),
    criteria: decodeCriteria(root.member('criteria')) ?? null,
    ...compact<Pick<Recipe, 'constraints'>>({ constraints: decodeConstraints(root.member('constraints')) }),
    componentRefs: decodeTyped(root.member('componentRefs'), registry),
    deploymentOrder: root.member('deploymentOrder').texts() ?? [],
    ...(validation === undefined ? {} : { validation }),
  };
}

function decodeTyped(field: Field, registry: Registry): ComponentRef[] {
  const components = decodeComponents(field).map((component) => ({ ...component, type: typeOf(component, registry) }));
  const names = new Set<string>();
  for (const component of components) {
    const problem = names.has(component.name) ? 'appears twice' : componentProblem(component);
    if (problem !== undefined) throw field.error(`component "${component.name}" ${problem}`);
    names.add(component.name);
  }
  return components;
}

function componentProblem(component: ComponentRef): string | undefined {
  const { name, type, source, chart, version } = component;
  if (name === RESERVED_NAME) return 'has a name that is reserved for deployer options';
  if (!['Helm', 'Kustomize'].includes(canonicalType(type))) return `has type "${type}"; Helm and Kustomize exist`;
  const needsVersion = type === 'Helm' && isEnabled(component) && (source !== '' || chart !== undefined);
  return needsVersion && version === undefined ? 'is a Helm chart without version' : undefined;
}

function decodeMetadata(field: Field): RecipeMetadata {
  return compact<RecipeMetadata>({
    version: field.member('version').text(),
    appliedOverlays: field.member('appliedOverlays').texts(),
    excludedOverlays: field.member('excludedOverlays').items()?.map(decodeExcluded),
    constraintWarnings: field.member('constraintWarnings').items()?.map(decodeWarning),
  });
}

/** Older recipes list excluded overlays as plain names. */
function decodeExcluded(field: Field): ExcludedOverlay {
  if (typeof field.node === 'string') return { name: field.node };
  return {
    name: field.member('name').text() ?? '',
    ...compact<Pick<ExcludedOverlay, 'reason'>>({ reason: field.member('reason').text() }),
  };
}

function decodeWarning(field: Field): ConstraintWarning {
  const text = (key: string): string => field.member(key).text() ?? '';
  return {
    overlay: text('overlay'),
    constraint: text('constraint'),
    expected: text('expected'),
    ...compact<Pick<ConstraintWarning, 'actual'>>({ actual: field.member('actual').text() }),
    reason: text('reason'),
  };
}

/** The error for a document that is an overlay where only a resolved recipe will do. */
export function noCriteria(name: string): AssayError {
  return new AssayError('RECIPE_INVALID', `${name} has no criteria, so it is no recipe of its own`, {
    hint: 'Use an overlay with spec.criteria, or resolve one: assay recipe resolve --help',
  });
}
