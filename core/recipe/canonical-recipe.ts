import { canonicalYaml } from '../digest/canonical-yaml.ts';
import { sha256, type Digest } from '../digest/sha256.ts';
import type { CanonicalValue } from '../digest/yaml-value.ts';
import { RECIPE_PHASES, type Recipe, type Validation, type ValidationPhase } from './document.ts';

/**
 * The bytes that evidence is bound to: the recipe as canonical YAML, indent 4, and their SHA-256. The same bytes are a
 * bundle's `recipe.yaml`.
 * @throws YAML_UNWRITABLE for a text that upstream cannot write so that it reads back
 */
export function canonicalRecipe(recipe: Recipe): { readonly bytes: Uint8Array; readonly digest: Digest } {
  const bytes = new TextEncoder().encode(canonicalYaml(recipeValue(recipe), 4));
  return { bytes, digest: sha256(bytes) };
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
  const { validation, constraints } = recipe;
  return {
    kind: recipe.kind,
    apiVersion: recipe.apiVersion,
    metadata: recipe.metadata as CanonicalValue,
    criteria: recipe.criteria as CanonicalValue,
    ...(constraints === undefined || constraints.length === 0 ? {} : { constraints: constraints as readonly CanonicalValue[] }),
    componentRefs: recipe.componentRefs as unknown as readonly CanonicalValue[],
    deploymentOrder: recipe.deploymentOrder,
    ...(validation === undefined ? {} : { validation: validationValue(validation) }),
  };
}

function validationValue(validation: Validation): CanonicalValue {
  return Object.fromEntries(
    RECIPE_PHASES.flatMap((phase) => {
      const value = validation[phase];
      return value === undefined ? [] : [[phase, phaseValue(value)] as const];
    }),
  );
}

function phaseValue(phase: ValidationPhase): CanonicalValue {
  const { timeout, constraints = [], checks = [], nodeSelection, infrastructure } = phase;
  return {
    ...(timeout === undefined ? {} : { timeout }),
    ...(constraints.length === 0 ? {} : { constraints: constraints as readonly CanonicalValue[] }),
    ...(checks.length === 0 ? {} : { checks }),
    ...(nodeSelection === undefined ? {} : { nodeSelection: nodeSelection as CanonicalValue }),
    ...(infrastructure === undefined ? {} : { infrastructure }),
  };
}
