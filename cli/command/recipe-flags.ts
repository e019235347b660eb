import type { Command } from 'commander';
import { readBoundedFile } from '#core/catalog/bounded-file.ts';
import { loadCatalog, type CatalogSource } from '#core/catalog/load-catalog.ts';
import { defaultRecipeVersion } from '#core/catalog/read-recipe.ts';
import { AssayError } from '#core/error.ts';
import type { Catalog } from '#core/recipe/catalog.ts';
import { parseCriteria, TEXT_DIMENSIONS, type CriteriaInput } from '#core/recipe/criteria.ts';
import type { Recipe } from '#core/recipe/document.ts';
import { resolveRecipe } from '#core/recipe/resolve.ts';
import { parseSnapshot, type Snapshot } from '#core/snapshot/document.ts';

/** Options of {@link withCatalog} as commander hands them over. */
export interface CatalogFlags {
  readonly catalog?: string;
  readonly data?: string;
  readonly catalogVersion?: string;
}

/** Options of {@link withCriteria} as commander hands them over. */
export interface CriteriaFlags extends CatalogFlags {
  readonly service?: string;
  readonly accelerator?: string;
  readonly gpu?: string;
  readonly intent?: string;
  readonly os?: string;
  readonly platform?: string;
  readonly nodes?: string;
  readonly snapshot?: string;
  readonly criteriaStrict?: boolean;
}

const MAX_SNAPSHOT_BYTES = 16 * 1024 * 1024;

/** Adds the options that say which catalog is meant. */
export function withCatalog(command: Command): Command {
  return command
    .option('--catalog <dir>', 'recipe catalog to use instead of the embedded one')
    .option('--data <dir>', 'directory with a registry.yaml, laid over the catalog')
    .option('--catalog-version <version>', "text for metadata.version, which the digest covers (default: this tool's version)");
}

/** Adds the options that say which recipe is meant. */
export function withCriteria(command: Command): Command {
  return withCatalog(command)
    .option('--service <name>', 'Kubernetes service: eks, gke, aks, oke, kind, …')
    .option('--accelerator <name>', 'accelerator: h100, h200, gb200, b200, mi300, …')
    .option('--gpu <name>', 'same as --accelerator')
    .option('--intent <name>', 'training or inference')
    .option('--os <name>', 'node operating system: ubuntu, cos, ol, …')
    .option('--platform <name>', 'workload platform: kubeflow, dynamo, slurm, …')
    .option('--nodes <count>', 'number of nodes, control plane included')
    .option('--criteria-strict', 'accept only values of the catalog itself, not those of --data');
}

/** Adds the option that takes criteria, and the facts that rule out overlays, from a snapshot. */
export function withSnapshot(command: Command): Command {
  return command.option(
    '-s, --snapshot <file>',
    'snapshot: gives service, accelerator, OS and nodes, and rules out overlays it contradicts',
  );
}

/** Where the flags say the catalog is. */
export function catalogSource({ catalog, data }: CatalogFlags): CatalogSource {
  return { ...(catalog === undefined ? {} : { catalogDir: catalog }), ...(data === undefined ? {} : { dataDir: data }) };
}

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
