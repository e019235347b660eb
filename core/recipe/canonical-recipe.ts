import { canonicalYaml } from '../digest/canonical-yaml.ts';
import { sha256, type Digest } from '../digest/sha256.ts';
import { isValueMap, type CanonicalValue } from '../digest/yaml-value.ts';
import { compact } from './compact.ts';
import {
  RECIPE_PHASES,
  type ComponentRef,
  type Constraint,
  type Criteria,
  type ExpectedResource,
  type NodeSelection,
  type Recipe,
  type Validation,
  type ValidationPhase,
} from './document.ts';

/** Which parts of a recipe its canonical form has. */
export interface CanonicalForm {
  /** Leave out `metadata.version`, and `metadata` when that empties it, so that the tool's version does not matter. */
  readonly omitVersion?: boolean;
}

/**
 * The bytes that evidence is bound to: the recipe as canonical YAML, indent 4, and their SHA-256. The same bytes are a
 * bundle's `recipe.yaml`.
 * @throws YAML_UNWRITABLE for a text that upstream cannot write so that it reads back
 */
export function canonicalRecipe(recipe: Recipe, form: CanonicalForm = {}): { readonly bytes: Uint8Array; readonly digest: Digest } {
  const value = form.omitVersion === true ? versionless(recipe) : recipeValue(recipe);
  const bytes = new TextEncoder().encode(canonicalYaml(value, 4));
  return { bytes, digest: sha256(bytes) };
}

function versionless(recipe: Recipe): CanonicalValue {
  if (recipe.metadata.version === undefined) return recipeValue(recipe);
  const { version: _version, ...metadata } = recipe.metadata;
  const value = recipeValue({ ...recipe, metadata });
  return Object.keys(metadata).length > 0 || !isValueMap(value) ? value : { ...value, metadata: undefined };
}

/** A recipe as people get it in a file: the canonical form with indent 2. */
export function recipeYaml(recipe: Recipe): string {
  return canonicalYaml(recipeValue(recipe), 2);
}

/**
 * A recipe as a plain value with upstream's presence rules: required fields always, the rest only when they say
 * something. Keys stand in upstream's struct order, for JSON.
 */
export function recipeValue(recipe: Recipe): CanonicalValue {
  const { criteria, metadata, validation, constraints = [] } = recipe;
  const { version, appliedOverlays, excludedOverlays, constraintWarnings } = metadata;
  return asValue({
    kind: recipe.kind,
    apiVersion: recipe.apiVersion,
    metadata: compact({ version, appliedOverlays, excludedOverlays, constraintWarnings }),
    criteria: criteria === null ? null : criteriaValue(criteria),
    ...(constraints.length === 0 ? {} : { constraints: constraints.map(constraintValue) }),
    componentRefs: recipe.componentRefs.map(componentValue),
    deploymentOrder: recipe.deploymentOrder,
    ...(validation === undefined ? {} : { validation: validationValue(validation) }),
  });
}

function criteriaValue({ service, accelerator, intent, os, platform, nodes }: Criteria): object {
  return compact({ service, accelerator, intent, os, platform, nodes });
}

function constraintValue({ name, value, severity, remediation, unit }: Constraint): object {
  return { name, value, ...compact({ severity, remediation, unit }) };
}

function componentValue({ name, namespace, chart, type, source, ...rest }: ComponentRef): object {
  const { version, tag, valuesFile, overrides, patches, dependencyRefs, manifestFiles, preManifestFiles, ...more } = rest;
  const { path, cleanup, expectedResources = [], healthCheckAsserts, healthCheckSkip } = more;
  return {
    name,
    ...compact({ namespace, chart }),
    type,
    source,
    ...compact({ version, tag, valuesFile, overrides, patches, dependencyRefs, manifestFiles, preManifestFiles, path, cleanup }),
    ...(expectedResources.length === 0 ? {} : { expectedResources: expectedResources.map(resourceValue) }),
    ...compact({ healthCheckAsserts, healthCheckSkip }),
  };
}

function resourceValue({ kind, name, namespace }: ExpectedResource): object {
  return { kind, name, ...compact({ namespace }) };
}

function validationValue(validation: Validation): object {
  return Object.fromEntries(
    RECIPE_PHASES.flatMap((phase) => {
      const value = validation[phase];
      return value === undefined ? [] : [[phase, phaseValue(value)] as const];
    }),
  );
}

function phaseValue({ timeout, constraints = [], checks, nodeSelection, infrastructure }: ValidationPhase): object {
  return {
    ...compact({ timeout }),
    ...(constraints.length === 0 ? {} : { constraints: constraints.map(constraintValue) }),
    ...compact({ checks }),
    ...(nodeSelection === undefined ? {} : { nodeSelection: selectionValue(nodeSelection) }),
    ...compact({ infrastructure }),
  };
}

function selectionValue({ selector, maxNodes, excludeNodes }: NodeSelection): object {
  return compact({ selector, maxNodes, excludeNodes });
}

/** Interfaces have no index signature; every value built here is made of texts, numbers, flags, lists and maps. */
function asValue(value: object): CanonicalValue {
  return value as unknown as CanonicalValue;
}
