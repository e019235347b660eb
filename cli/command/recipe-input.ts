import { readBoundedFile } from '#core/catalog/bounded-file.ts';
import { loadCatalog } from '#core/catalog/load-catalog.ts';
import { defaultRecipeVersion } from '#core/catalog/read-recipe.ts';
import { AssayError } from '#core/error.ts';
import type { Catalog } from '#core/recipe/catalog.ts';
import { parseCriteria, TEXT_DIMENSIONS, type CriteriaInput } from '#core/recipe/criteria.ts';
import type { Recipe } from '#core/recipe/document.ts';
import { resolveRecipe } from '#core/recipe/resolve.ts';
import { parseSnapshot, type Snapshot } from '#core/snapshot/document.ts';
import { catalogSource, type CriteriaFlags } from './recipe-option.ts';

const MAX_SNAPSHOT_BYTES = 16 * 1024 * 1024;

/**
 * Resolves the recipe that the flags mean.
 * @throws USAGE for a node count that is none, and what loading and resolving throw
 */
export async function resolveFromFlags(flags: CriteriaFlags): Promise<{ readonly recipe: Recipe; readonly catalog: Catalog }> {
  const typed = typedCriteria(flags);
  const snapshot = flags.snapshot === undefined ? undefined : readSnapshot(flags.snapshot);
  const catalog = await loadCatalog(catalogSource(flags));
  const scope = { overlays: [...catalog.overlays.values()], strict: flags.criteriaStrict === true };
  const seen = snapshot === undefined ? {} : (await import('#core/recipe/snapshot-criteria.ts')).snapshotCriteria(snapshot, scope);
  const criteria = parseCriteria({ ...seen, ...typed }, scope);
  const version = flags.catalogVersion ?? defaultRecipeVersion();
  const recipe = resolveRecipe(catalog, criteria, { version, ...(snapshot === undefined ? {} : { snapshot }) });
  return { recipe, catalog };
}

/** Criteria that were typed; an option that was not given is absent, so that a snapshot can answer it. */
export function typedCriteria(flags: CriteriaFlags): CriteriaInput {
  const accelerator = flags.accelerator ?? flags.gpu;
  const texts = { ...flags, ...(accelerator === undefined ? {} : { accelerator }) };
  const given = TEXT_DIMENSIONS.filter((dimension) => texts[dimension] !== undefined);
  const nodes = nodeCount(flags.nodes);
  return { ...Object.fromEntries(given.map((dimension) => [dimension, texts[dimension]])), ...(nodes === undefined ? {} : { nodes }) };
}

/**
 * Reads a snapshot file.
 * @throws FILE_NOT_FOUND, FILE_UNREADABLE, FILE_TOO_LARGE, SNAPSHOT_INVALID, YAML_INVALID
 */
export function readSnapshot(path: string): Snapshot {
  return parseSnapshot(readBoundedFile(path, { maxBytes: MAX_SNAPSHOT_BYTES }), path);
}

function nodeCount(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^-?\d{1,9}$/.test(text)) return Number(text);
  throw new AssayError('USAGE', `--nodes ${text} is not a whole number`, { hint: 'Give the number of nodes, for example --nodes 4.' });
}
