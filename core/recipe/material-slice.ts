import { canonicalJson } from '../digest/canonical-json.ts';
import { compareText } from '../digest/compare-text.ts';
import { sha256, type Digest } from '../digest/sha256.ts';
import { isValueMap, type CanonicalValue } from '../digest/yaml-value.ts';
import { AssayError } from '../error.ts';
import type { Catalog } from './catalog.ts';
import { compact } from './compact.ts';
import { isAny, TEXT_DIMENSIONS } from './criteria.ts';
import { isEnabled } from './deployment-order.ts';
import { RECIPE_PHASES, type ComponentRef, type Constraint, type Criteria, type Recipe, type ValidationPhase } from './document.ts';
import { componentFile, componentValues } from './hydrate.ts';
import { jsonValue, materialText, type JsonValue } from './material-part.ts';
import { BASE_NAME, type Overlay } from './overlay.ts';

/** Version of the slice's layout; a change of layout is a new version. */
export const MATERIAL_SLICE_VERSION = 1;

/** What a third party needs beside a recipe: the texts behind its paths, and where its parts come from. */
export type MaterialCatalog = Pick<Catalog, 'base' | 'overlays' | 'mixins' | 'registry' | 'files'>;

/** Keys of a registry entry that people read and no deployment uses, and the one that has its own place in the slice. */
const NOT_MATERIAL: ReadonlySet<string> = new Set(['displayName', 'description', 'nodeScheduling']);

/**
 * Everything of a recipe that reaches a cluster, with the contents of its files instead of their paths, and nothing that
 * does not: no comments, descriptions, key order, tool version or overlay names. Its digest says "the same deployment".
 * @param catalog the one that the recipe was resolved from
 * @throws RECIPE_NOT_FOUND when the catalog lacks an overlay, mixin or file that the recipe names
 */
export function materialSlice(recipe: Recipe, catalog: MaterialCatalog): JsonValue {
  const overlays = appliedOverlays(recipe, catalog);
  const names = recipe.componentRefs.map(({ name }) => name).sort(compareText);
  return {
    materialSliceVersion: MATERIAL_SLICE_VERSION,
    criteria: criteriaPart(recipe.criteria ?? {}),
    components: sortedByName(recipe.componentRefs).map((component) => componentPart(component, catalog)),
    constraints: constraintsPart(recipe.constraints ?? []),
    validation: validationPart(recipe),
    nodeScheduling: registryPart(names, catalog, (entry) => entry.nodeScheduling),
    mixins: mixinsPart(overlays, catalog),
    registry: registryPart(names, catalog, materialEntry),
    maintainers: maintainersPart(overlays),
  };
}

/** SHA-256 over the RFC 8785 form of {@link materialSlice}. */
export function materialSliceDigest(recipe: Recipe, catalog: MaterialCatalog): Digest {
  return sha256(canonicalJson(materialSlice(recipe, catalog)));
}

function criteriaPart(criteria: Criteria): JsonValue {
  const concrete = TEXT_DIMENSIONS.filter((dimension) => !isAny(criteria[dimension]));
  return plain({
    ...Object.fromEntries(concrete.map((dimension) => [dimension, criteria[dimension]])),
    ...compact({ nodes: criteria.nodes }),
  });
}

function componentPart(component: ComponentRef, catalog: MaterialCatalog): JsonValue {
  const { name, namespace, type, source, chart, version, tag, path, patches, expectedResources, cleanup } = component;
  const contents = (paths: readonly string[] = []): JsonValue[] =>
    paths.map((file) => materialText(componentFile(file, component, catalog.files), file));
  return {
    ...(plain(compact({ name, namespace, type, source, chart, version, tag, path, patches, expectedResources, cleanup })) as object),
    enabled: isEnabled(component),
    dependencies: [...(component.dependencyRefs ?? [])].sort(compareText),
    values: jsonValue(componentValues(component, catalog.files)),
    preManifests: contents(component.preManifestFiles),
    manifests: contents(component.manifestFiles),
    healthCheck: component.healthCheckAsserts === undefined ? null : materialText(component.healthCheckAsserts, `health check of ${name}`),
  };
}

/** `remediation` is advice to people. */
function constraintsPart(constraints: readonly Constraint[]): JsonValue {
  return sortedByName(constraints).map(({ name, value, severity, unit }) => plain({ name, value, ...compact({ severity, unit }) }));
}

function validationPart({ validation = {} }: Recipe): JsonValue {
  return Object.fromEntries(
    RECIPE_PHASES.flatMap((phase) => {
      const part = validation[phase];
      return part === undefined ? [] : [[phase, phasePart(part)] as const];
    }),
  );
}

function phasePart({ timeout, infrastructure, checks = [], constraints = [], nodeSelection }: ValidationPhase): JsonValue {
  return {
    ...(plain(compact({ timeout, infrastructure, nodeSelection })) as object),
    checks: [...checks].sort(compareText),
    constraints: constraintsPart(constraints),
  };
}

function mixinsPart(overlays: readonly Overlay[], { mixins }: MaterialCatalog): JsonValue {
  const names = new Set(overlays.flatMap((overlay) => overlay.mixins));
  return [...names].sort(compareText).map((name) => {
    const mixin = mixins.get(name);
    if (mixin === undefined) throw notInCatalog('mixin', name);
    return plain({ name, constraints: constraintsPart(mixin.constraints), componentRefs: sortedByName(mixin.componentRefs) });
  });
}

function registryPart(
  names: readonly string[],
  { registry }: MaterialCatalog,
  part: (entry: { readonly [key: string]: CanonicalValue | undefined }) => CanonicalValue | undefined,
): JsonValue {
  const entries = names.flatMap((name) => {
    const entry = registry.get(name)?.entry;
    const value = isValueMap(entry) ? part(entry) : undefined;
    return value === undefined ? [] : [[name, jsonValue(value)] as const];
  });
  return Object.fromEntries(entries);
}

function materialEntry(entry: { readonly [key: string]: CanonicalValue | undefined }): CanonicalValue {
  return Object.fromEntries(Object.entries(entry).filter(([key]) => !NOT_MATERIAL.has(key)));
}

/** Every maintainer of an applied overlay, once. */
function maintainersPart(overlays: readonly Overlay[]): JsonValue {
  const listed = overlays.flatMap(({ maintainers }) => (Array.isArray(maintainers) ? (maintainers as readonly CanonicalValue[]) : []));
  const byText = new Map(listed.map((maintainer) => [canonicalJson(jsonValue(maintainer)), jsonValue(maintainer)]));
  return [...byText].sort(([left], [right]) => compareText(left, right)).map(([, maintainer]) => maintainer);
}

function appliedOverlays({ metadata }: Recipe, { base, overlays }: MaterialCatalog): Overlay[] {
  return (metadata.appliedOverlays ?? []).map((name) => {
    const overlay = name === BASE_NAME ? base : overlays.get(name);
    if (overlay === undefined) throw notInCatalog('overlay', name);
    return overlay;
  });
}

function sortedByName<Named extends { readonly name: string }>(items: readonly Named[]): Named[] {
  return [...items].sort((left, right) => compareText(left.name, right.name));
}

/** Interfaces of the recipe hold document values only. */
function plain(value: object): JsonValue {
  return jsonValue(value as CanonicalValue);
}

function notInCatalog(kind: string, name: string): AssayError {
  return new AssayError('RECIPE_NOT_FOUND', `${kind} "${name}", which the recipe was made from, is not in the catalog`, {
    hint: 'Use the catalog that the recipe was resolved from (--catalog, --data).',
    details: { kind, name },
  });
}
