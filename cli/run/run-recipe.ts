import { join } from 'node:path';
import { AssayError } from '#core/error.ts';
import { embeddedCatalogDir } from '#core/catalog/embedded.ts';
import { readRecipeFile } from '#core/catalog/read-recipe.ts';
import { canonicalRecipe } from '#core/recipe/canonical-recipe.ts';
import type { Recipe } from '#core/recipe/document.ts';
import { resolveFromFlags, typedCriteria } from '../command/recipe-input.ts';
import { catalogSource, type CriteriaFlags } from '../command/recipe-option.ts';

/** Recipe of a host without Kubernetes, used when neither a recipe nor criteria are given. */
const HOST_RECIPE = join('host', 'linux.yaml');

/** How the recipe of a run is chosen. */
export interface RecipeChoice extends CriteriaFlags {
  readonly recipe?: string;
}

/** A recipe ready to be bound to evidence: its canonical bytes and the accelerator that selects thresholds. */
export interface ChosenRecipe {
  readonly bytes: Uint8Array;
  readonly accelerator: string;
}

/**
 * The recipe of a run: a file, or what the criteria resolve to, or the one that fits any Linux host.
 * @throws USAGE when a file and criteria are given; what reading and resolving throw
 */
export async function chooseRecipe(choice: RecipeChoice): Promise<ChosenRecipe> {
  const recipe = await readChoice(choice);
  return { bytes: canonicalRecipe(recipe).bytes, accelerator: recipe.criteria?.accelerator ?? 'any' };
}

async function readChoice(choice: RecipeChoice): Promise<Recipe> {
  const asked = Object.keys(typedCriteria(choice));
  if (choice.recipe === undefined)
    return asked.length === 0 ? readRecipeFile(join(embeddedCatalogDir(), HOST_RECIPE)) : (await resolveFromFlags(choice)).recipe;
  if (asked.length > 0)
    throw new AssayError('USAGE', `--recipe and --${asked.join(', --')} exclude each other`, {
      hint: 'A recipe file already has its criteria.',
    });
  return readRecipeFile(choice.recipe, catalogSource(choice));
}
