import type { Command } from 'commander';
import { loadCatalog } from '#core/catalog/load-catalog.ts';
import { readRecipeFile } from '#core/catalog/read-recipe.ts';
import type { Catalog } from '#core/recipe/catalog.ts';
import type { Recipe } from '#core/recipe/document.ts';
import { queryJson, queryRecipe, queryYaml } from '#core/recipe/query.ts';
import { resolveFromFlags } from './recipe-input.ts';
import { catalogSource, type CriteriaFlags } from './recipe-option.ts';
import type { Conclude } from './verb.ts';

interface QueryFlags extends CriteriaFlags {
  readonly recipe?: string;
  readonly selector: string;
}

/** Prints one value of a recipe's hydrated view. */
export async function query(command: Command, flags: QueryFlags, conclude: Conclude): Promise<void> {
  const { recipe, catalog } = flags.recipe === undefined ? await resolveFromFlags(flags) : await fromFile(flags.recipe, flags);
  const value = queryRecipe(recipe, flags.selector, catalog);
  await conclude(command, { exit: 0, json: value, document: () => queryJson(value), render: { yaml: () => queryYaml(value) } });
}

async function fromFile(path: string, flags: QueryFlags): Promise<{ readonly recipe: Recipe; readonly catalog: Catalog }> {
  const source = catalogSource(flags);
  const recipe = await readRecipeFile(path, source);
  return { recipe, catalog: await loadCatalog(source) };
}
