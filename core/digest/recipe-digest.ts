import type { Recipe } from '../recipe/document.ts';
import { canonicalRecipe } from '../recipe/canonical-recipe.ts';
import type { Digest } from './sha256.ts';

/** Major version of the recipe-evidence predicate whose digest rule is wanted. */
export type PredicateMajor = 1 | 2 | 3;

/**
 * Digest of a recipe as the predicate of that version names it. From version 3 on it leaves out `metadata.version`, and
 * `metadata` altogether when nothing else is in it.
 * @source recipe-evidence v1 to v3, recipe digest
 */
export function recipeDigest(recipe: Recipe, predicate: PredicateMajor): Digest {
  return canonicalRecipe(recipe, { omitVersion: predicate >= 3 }).digest;
}
