import { AssayError } from '../error.ts';
import { canonicalYaml } from '../digest/canonical-yaml.ts';
import { compareText } from '../digest/compare-text.ts';
import { valueJson } from '../digest/value-json.ts';
import { isValueMap, YamlTimestamp, type CanonicalValue } from '../digest/yaml-value.ts';
import type { Catalog } from './catalog.ts';
import { compact } from './compact.ts';
import { recipeValue } from './canonical-recipe.ts';
import { TEXT_DIMENSIONS } from './criteria.ts';
import { ANY, type ComponentRef, type Recipe } from './document.ts';
import { componentValues } from './hydrate.ts';

/**
 * One value of a recipe's hydrated view: the recipe with components by name and their final Helm values.
 * @param selector dotted path; a leading dot and the empty path (everything) are fine
 * @throws SELECTOR_NOT_FOUND, RECIPE_NOT_FOUND
 * @source recipe query
 */
export function queryRecipe(recipe: Recipe, selector: string, catalog: Pick<Catalog, 'files'>): CanonicalValue {
  const path = selector.replace(/^\./, '');
  const keys = path === '' ? [] : path.split('.');
  return keys.reduce((value, key) => descend(value, key, selector), hydratedView(recipe, keys, catalog));
}

/** A query result as text: scalars bare, the rest as canonical YAML with indent 2. */
export function queryYaml(value: CanonicalValue): string {
  if (typeof value === 'string') return `${value}\n`;
  if (value instanceof YamlTimestamp) return `${value.text}\n`;
  return canonicalYaml(value, 2);
}

/** A query result as indented JSON with sorted keys. */
export function queryJson(value: CanonicalValue): string {
  return valueJson(value, { sorted: true });
}

/** Values are only read for the components that the path can reach. */
function hydratedView(recipe: Recipe, keys: readonly string[], catalog: Pick<Catalog, 'files'>): CanonicalValue {
  const { kind, apiVersion, metadata, deploymentOrder, constraints } = recipeValue(recipe) as Record<string, CanonicalValue>;
  const wantsValues = (name: string): boolean => keys[0] === undefined || (keys[0] === 'components' && (keys[1] ?? name) === name);
  const components = recipe.componentRefs.map((component) => {
    return [
      component.name,
      componentView(component, wantsValues(component.name) ? componentValues(component, catalog.files) : {}),
    ] as const;
  });
  return {
    kind: kind ?? null,
    apiVersion: apiVersion ?? null,
    metadata: metadata ?? null,
    deploymentOrder: deploymentOrder ?? null,
    criteria: {
      ...Object.fromEntries(TEXT_DIMENSIONS.map((dimension) => [dimension, recipe.criteria?.[dimension] ?? ANY])),
      nodes: recipe.criteria?.nodes ?? 0,
    },
    constraints: constraints ?? [],
    components: Object.fromEntries(components),
  };
}

function componentView(component: ComponentRef, values: CanonicalValue): CanonicalValue {
  const { name, type, source, namespace, chart, version, tag, path, dependencyRefs } = component;
  const fields = { name, type, source, namespace, chart: chart ?? (source === '' ? undefined : name), version, tag, path, dependencyRefs };
  return { ...compact<{ name: string }>(fields), values };
}

function descend(value: CanonicalValue, key: string, selector: string): CanonicalValue {
  if (!isValueMap(value)) {
    throw new AssayError('SELECTOR_NOT_FOUND', `selector "${selector}": cannot descend into non-map value at "${key}"`, {
      hint: 'Lists are printed whole: end the selector one step earlier.',
      details: { selector, key },
    });
  }
  const member = Object.hasOwn(value, key) ? value[key] : undefined;
  if (member !== undefined) return member;
  const available = Object.keys(value).sort(compareText);
  throw new AssayError('SELECTOR_NOT_FOUND', `selector "${selector}": key "${key}" not found, available keys: ${available.join(', ')}`, {
    hint: 'Choose one of the available keys.',
    details: { selector, key, available },
  });
}
