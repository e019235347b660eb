import type { Field } from '../digest/document-field.ts';
import { decodeCriteria } from '../recipe/decode.ts';
import type { Recipe } from '../recipe/document.ts';
import { decodeRecipe, needsRegistry, noCriteria, recipeField } from '../recipe/parse-recipe.ts';
import { packageVersion } from '../version.ts';
import { readBoundedFile } from './bounded-file.ts';
import type { CatalogSource } from './load-catalog.ts';

/** How a recipe file is read; the catalog is only loaded when the file needs one. */
export interface ReadRecipeOptions extends CatalogSource {
  /** Written as `metadata.version` when an overlay is resolved; default this tool's version with a leading `v`. */
  readonly version?: string;
}

/**
 * Reads a recipe file: a resolved recipe as it is, an overlay resolved through its criteria.
 * @param path `.yaml`, `.yml` or `.json`; any other suffix is read as JSON, as upstream does
 * @throws FILE_NOT_FOUND, FILE_UNREADABLE, FILE_TOO_LARGE, RECIPE_INVALID and what loading and resolving throw
 */
export async function readRecipeFile(path: string, options: ReadRecipeOptions = {}): Promise<Recipe> {
  const name = /\.(?:ya?ml|json)$/.test(path) ? path : `${path}.json`;
  return readRecipeText(readBoundedFile(path), name, options);
}

/**
 * As {@link readRecipeFile}, for text that is no file.
 * @param name how messages call it; its suffix says whether it is YAML or JSON
 */
export async function readRecipeText(text: Uint8Array, name: string, options: ReadRecipeOptions = {}): Promise<Recipe> {
  const root = recipeField(text, { name });
  if (root.member('kind').text() === 'RecipeMetadata') return resolveOverlay(root, name, options);
  if (!needsRegistry(root)) return decodeRecipe(root);
  const { loadCatalog } = await import('./load-catalog.ts');
  return decodeRecipe(root, (await loadCatalog(options)).registry);
}

/** Version that a recipe carries when nothing else is asked for. */
export function defaultRecipeVersion(): string {
  return `v${packageVersion()}`;
}

async function resolveOverlay(root: Field, path: string, options: ReadRecipeOptions): Promise<Recipe> {
  const criteria = decodeCriteria(root.member('spec').member('criteria'));
  if (criteria === undefined) throw noCriteria(path);
  const [{ loadCatalog }, { resolveRecipe }] = [await import('./load-catalog.ts'), await import('../recipe/resolve.ts')];
  return resolveRecipe(await loadCatalog(options), criteria, { version: options.version ?? defaultRecipeVersion() });
}
