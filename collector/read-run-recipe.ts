import { materialSliceAtHand } from '#core/catalog/material-slice-at-hand.ts';
import { defaultRecipeVersion, readRecipeFile } from '#core/catalog/read-recipe.ts';
import type { CatalogFiles } from '#core/recipe/catalog.ts';
import type { Recipe } from '#core/recipe/document.ts';
import type { CollectorConfig } from './config.ts';

/** Where a recipe comes from. */
export type RecipeChoice = Pick<CollectorConfig, 'recipe' | 'criteria' | 'catalog' | 'data'>;

/**
 * The recipe of a run: of a file, or resolved from criteria.
 * @throws what reading and resolving a recipe throws: FILE_NOT_FOUND, RECIPE_INVALID, CRITERIA_INVALID, …
 */
export async function readRunRecipe(choice: RecipeChoice): Promise<Recipe> {
  if (choice.criteria === undefined) return readRecipeFile(choice.recipe ?? '', catalogOf(choice));
  const [{ loadCatalog }, { resolveRecipe }, { parseCriteria }] = await Promise.all([
    import('#core/catalog/load-catalog.ts'),
    import('#core/recipe/resolve.ts'),
    import('#core/recipe/criteria.ts'),
  ]);
  const catalog = await loadCatalog(catalogOf(choice));
  const criteria = parseCriteria(choice.criteria, { overlays: [...catalog.overlays.values()] });
  return resolveRecipe(catalog, criteria, { version: defaultRecipeVersion() });
}

/** The directories that were named for the recipe's catalog. */
export function catalogOf({ catalog, data }: RecipeChoice): { readonly catalogDir?: string; readonly dataDir?: string } {
  return { ...(catalog === undefined ? {} : { catalogDir: catalog }), ...(data === undefined ? {} : { dataDir: data }) };
}

/** Files of the catalog that the recipe really comes from; undefined when that is not at hand. @throws what loading it throws */
export async function filesOf(recipe: Recipe, choice: RecipeChoice): Promise<CatalogFiles | undefined> {
  const isNamed = choice.criteria !== undefined || choice.catalog !== undefined || choice.data !== undefined;
  if (!isNamed && (await materialSliceAtHand(recipe)) === undefined) return undefined;
  const { loadCatalog } = await import('#core/catalog/load-catalog.ts');
  return (await loadCatalog(catalogOf(choice))).files;
}
