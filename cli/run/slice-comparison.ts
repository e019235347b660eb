import { materialSliceAtHand } from '#core/catalog/material-slice-at-hand.ts';
import type { CatalogSource } from '#core/catalog/load-catalog.ts';
import { parseRecipe } from '#core/recipe/parse-recipe.ts';

/**
 * Recomputes the material slice of a bundled recipe from a catalog, for the verifier to compare.
 * @param source the named catalog, or the embedded one
 * @returns a function from the bytes of `recipe.yaml` to the digest; empty text when the recipe is not of that catalog
 */
export function sliceFrom(source: CatalogSource): (recipeYaml: Uint8Array) => Promise<string> {
  return async (recipeYaml) => (await materialSliceAtHand(parseRecipe(recipeYaml, 'recipe.yaml'), source)) ?? '';
}
