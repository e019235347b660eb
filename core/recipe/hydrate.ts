import { AssayError } from '../error.ts';
import { parseYamlNode } from '../digest/read-yaml.ts';
import { canonicalValue, isValueMap } from '../digest/yaml-value.ts';
import type { CatalogFiles } from './catalog.ts';
import type { ComponentRef, ValueMap } from './document.ts';
import { hydrateValues } from './merge-values.ts';

/**
 * The Helm values a component is deployed with: its base values file, the values file that the recipe names, then the
 * recipe's overrides.
 * @throws RECIPE_NOT_FOUND when the named file is not in the catalog; RECIPE_INVALID when it holds no mapping
 * @source recipe values hydration
 */
export function componentValues(component: ComponentRef, files: CatalogFiles): ValueMap {
  const { name, valuesFile, overrides = {} } = component;
  const basePath = `components/${name}/values.yaml`;
  if (valuesFile === undefined) return hydrateValues({}, overrides);
  const base = valuesFile === basePath || files.text(basePath) === undefined ? {} : readValues(basePath, component, files);
  return hydrateValues(hydrateValues(base, readValues(valuesFile, component, files)), overrides);
}

/**
 * Text of a file that a component names.
 * @throws RECIPE_NOT_FOUND
 */
export function componentFile(path: string, component: ComponentRef, files: CatalogFiles): string {
  const text = files.text(path);
  if (text !== undefined) return text;
  throw new AssayError('RECIPE_NOT_FOUND', `${path} of component "${component.name}" is not in the catalog`, {
    hint: 'Use the catalog that the recipe was resolved from (--catalog, --data).',
    details: { component: component.name, path },
  });
}

function readValues(path: string, component: ComponentRef, files: CatalogFiles): ValueMap {
  const value = canonicalValue(parseYamlNode(componentFile(path, component, files), { name: path }));
  if (value === null) return {};
  if (!isValueMap(value)) throw new AssayError('RECIPE_INVALID', `${path}: Helm values must be a mapping`, { details: { path } });
  return value as ValueMap;
}
