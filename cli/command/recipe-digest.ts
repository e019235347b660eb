import type { Command } from 'commander';
import { readRecipeFile } from '#core/catalog/read-recipe.ts';
import { bareHex, type Digest } from '#core/digest/sha256.ts';
import { canonicalRecipe } from '#core/recipe/canonical-recipe.ts';
import type { Recipe } from '#core/recipe/document.ts';
import { noCriteria } from '#core/recipe/parse-recipe.ts';
import { catalogSource, type CatalogFlags } from './recipe-option.ts';
import type { Conclude } from './verb.ts';

interface DigestFlags extends CatalogFlags {
  readonly recipe: string;
  readonly material?: boolean;
  readonly slice?: boolean;
}

/** Prints a recipe's digest as bare hex, the canonical YAML's or the material slice's. */
export async function digest(command: Command, flags: DigestFlags, conclude: Conclude): Promise<void> {
  const source = catalogSource(flags);
  const recipe = await readRecipeFile(flags.recipe, source);
  if (recipe.criteria === null) throw noCriteria(flags.recipe);
  if (flags.material === true) return material(command, { recipe, source, slice: flags.slice === true }, conclude);
  await conclude(command, answer(canonicalRecipe(recipe).digest, 'canonical'));
}

async function material(
  command: Command,
  { recipe, source, slice }: { readonly recipe: Recipe; readonly source: object; readonly slice: boolean },
  conclude: Conclude,
): Promise<void> {
  const { loadCatalog } = await import('#core/catalog/load-catalog.ts');
  const { materialSlice, materialSliceDigest } = await import('#core/recipe/material-slice.ts');
  const catalog = await loadCatalog(source);
  if (!slice) return conclude(command, answer(materialSliceDigest(recipe, catalog), 'material'));
  const { canonicalJson } = await import('#core/digest/canonical-json.ts');
  const text = canonicalJson(materialSlice(recipe, catalog));
  await conclude(command, { exit: 0, json: JSON.parse(text), document: () => text, render: { text: () => text } });
}

function answer(value: Digest, kind: 'canonical' | 'material'): Parameters<Conclude>[1] {
  return { exit: 0, json: { digest: bareHex(value), kind }, render: { text: () => `${bareHex(value)}\n` } };
}
