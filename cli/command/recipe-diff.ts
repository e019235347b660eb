import type { Command } from 'commander';
import { readRecipeFile } from '#core/catalog/read-recipe.ts';
import { canonicalYaml } from '#core/digest/canonical-yaml.ts';
import { bareHex } from '#core/digest/sha256.ts';
import { valueJson } from '#core/digest/value-json.ts';
import type { CanonicalValue } from '#core/digest/yaml-value.ts';
import { canonicalRecipe } from '#core/recipe/canonical-recipe.ts';
import { diffRecipes, type RecipeChange } from '#core/recipe/diff.ts';
import { catalogSource, type CatalogFlags } from './recipe-option.ts';
import type { Conclude } from './verb.ts';

interface DiffFlags extends CatalogFlags {
  readonly before: string;
  readonly after: string;
}

/** Prints what differs between two recipes; exit 1 when anything does. */
export async function diff(command: Command, flags: DiffFlags, conclude: Conclude): Promise<void> {
  const options = catalogSource(flags);
  const before = await readRecipeFile(flags.before, options);
  const after = await readRecipeFile(flags.after, options);
  const changes = diffRecipes(before, after);
  const exit = changes.length === 0 ? 0 : 1;
  const json = {
    exit,
    equal: changes.length === 0,
    before: bareHex(canonicalRecipe(before).digest),
    after: bareHex(canonicalRecipe(after).digest),
    changes: changes.map((change) => ({ ...change })),
  } satisfies CanonicalValue;
  await conclude(command, { exit, json, document: () => valueJson(json), render: { text: () => changesText(changes) } });
}

function changesText(changes: readonly RecipeChange[]): string {
  if (changes.length === 0) return 'same recipe\n';
  return changes.map(({ path, before, after }) => `${path}\n${side('-', before)}${side('+', after)}`).join('');
}

function side(mark: '-' | '+', value: CanonicalValue | undefined): string {
  if (value === undefined) return '';
  const lines = canonicalYaml(value, 2).trimEnd().split('\n');
  return lines.map((line) => `${mark} ${line}\n`).join('');
}
