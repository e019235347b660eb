import type { Digest } from '../digest/sha256.ts';
import { isAssayError } from '../error.ts';
import { canonicalRecipe } from '../recipe/canonical-recipe.ts';
import type { Catalog } from '../recipe/catalog.ts';
import type { Recipe } from '../recipe/document.ts';
import type { MaterialCatalog } from '../recipe/material-slice.ts';
import type { CatalogSource } from './load-catalog.ts';

/** For a recipe that names nothing in a catalog, so that nothing is looked up. */
const NO_CATALOG: Omit<MaterialCatalog, 'base'> = {
  overlays: new Map(),
  mixins: new Map(),
  registry: new Map(),
  files: { text: () => undefined },
};

/**
 * Digest of a recipe's material slice, when the catalog that it was made from is at hand: the one that is named, or the
 * embedded one if the recipe's criteria resolve to the very same recipe there. A slice from another catalog would be a lie.
 * @param source a named catalog must have everything that the recipe names
 * @returns undefined when only the embedded catalog is known, and the recipe is not one of its own
 * @throws RECIPE_NOT_FOUND, and what loading a named catalog throws
 */
export async function materialSliceAtHand(recipe: Recipe, source: CatalogSource = {}): Promise<Digest | undefined> {
  const isNamed = source.catalogDir !== undefined || source.dataDir !== undefined;
  const { appliedOverlays = [] } = recipe.metadata;
  const { materialSliceDigest } = await import('../recipe/material-slice.ts');
  if (recipe.componentRefs.length === 0 && appliedOverlays.length === 0) return materialSliceDigest(recipe, NO_CATALOG as MaterialCatalog);
  if (!isNamed && appliedOverlays.length === 0) return undefined;
  const { loadCatalog } = await import('./load-catalog.ts');
  const catalog = await loadCatalog(source);
  return isNamed || (await comesFrom(recipe, catalog)) ? materialSliceDigest(recipe, catalog) : undefined;
}

async function comesFrom(recipe: Recipe, catalog: Catalog): Promise<boolean> {
  if (recipe.criteria === null) return false;
  const { resolveRecipe } = await import('../recipe/resolve.ts');
  try {
    const own = resolveRecipe(catalog, recipe.criteria, { version: recipe.metadata.version ?? '' });
    return canonicalRecipe(own, { omitVersion: true }).digest === canonicalRecipe(recipe, { omitVersion: true }).digest;
  } catch (error) {
    if (isAssayError(error)) return false;
    throw error;
  }
}
