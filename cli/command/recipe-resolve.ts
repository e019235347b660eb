import type { Command } from 'commander';
import { valueJson } from '#core/digest/value-json.ts';
import { isValueMap } from '#core/digest/yaml-value.ts';
import { recipeValue, recipeYaml } from '#core/recipe/canonical-recipe.ts';
import type { Recipe } from '#core/recipe/document.ts';
import { recipeNotices } from '#core/recipe/notices.ts';
import { resolveFromFlags } from './recipe-input.ts';
import type { CriteriaFlags } from './recipe-option.ts';
import type { Conclude } from './verb.ts';

/** Members of a recipe whose keys are free, and sorted in JSON. */
const FREE_FORM: ReadonlySet<string> = new Set(['overrides', 'selector']);

/** Resolves a recipe and prints it; what is noteworthy goes to stderr. */
export async function resolve(command: Command, flags: CriteriaFlags & { readonly output?: string }, conclude: Conclude): Promise<void> {
  const { recipe, catalog } = await resolveFromFlags(flags);
  for (const notice of recipeNotices(recipe, catalog)) process.stderr.write(`warning: ${notice}\n`);
  const bySuffix = flags.output?.endsWith('.json') === true && command.getOptionValueSource('format') === 'default';
  if (bySuffix) command.setOptionValue('format', 'json');
  await conclude(command, {
    exit: 0,
    json: undefined,
    document: () => documentText(recipe, flags.output === undefined),
    render: { yaml: () => recipeYaml(recipe) },
  });
}

/** In a file the bytes are upstream's; on stdout the document carries `exit` like every other, which readers ignore. */
function documentText(recipe: Recipe, onStdout: boolean): string {
  const value = recipeValue(recipe);
  return valueJson(onStdout && isValueMap(value) ? { ...value, exit: 0 } : value, { freeForm: FREE_FORM });
}
