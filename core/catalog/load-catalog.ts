import { AssayError } from '../error.ts';
import { Field } from '../digest/document-field.ts';
import { parseYamlNode } from '../digest/read-yaml.ts';
import type { Catalog, CatalogFiles } from '../recipe/catalog.ts';
import { checkDependencies } from '../recipe/deployment-order.ts';
import { BASE_NAME, decodeMixin, decodeOverlay, type Mixin, type Overlay } from '../recipe/overlay.ts';
import { decodeRegistry, mergeRegistries, type Registry } from '../recipe/registry.ts';
import { embeddedCatalogDir } from './embedded.ts';
import { listTree, readTreeFile, type Tree } from './tree.ts';

/** Which directories make the catalog. */
export interface CatalogSource {
  /** Replaces the embedded catalog. */
  readonly catalogDir?: string;
  /** Laid over it: its files hide files of the same path, registries merge by component. */
  readonly dataDir?: string;
}

interface Located {
  readonly tree: Tree;
  readonly path: string;
}

const REGISTRY = 'registry.yaml';
const BASE_PATH = 'overlays/base.yaml';

/** Folders and files below a catalog that hold no overlays. `evidence` and `schema` are Assay's. */
const NO_OVERLAY = /(?:^|\/)(?:checks|components)\/|^(?:mixins|evidence|schema|validators)\/|(?:^|\/)(?:registry|data-v1)\.yaml$/;

/**
 * Reads a recipe catalog: the embedded one or `catalogDir`, with `dataDir` laid over it.
 * @throws CATALOG_INVALID, RECIPE_INVALID, RECIPE_NOT_FOUND, YAML_INVALID, FILE_NOT_FOUND, FILE_TOO_LARGE
 * @source recipe catalog layering
 */
export async function loadCatalog(source: CatalogSource = {}): Promise<Catalog> {
  const below = listTree(source.catalogDir ?? embeddedCatalogDir(), 'embedded');
  const above = source.dataDir === undefined ? undefined : listTree(source.dataDir, 'external');
  const registry = readRegistry(below);
  const files = layer(below, above);
  const documents = readDocuments(files);
  checkDependencies(documents.base.componentRefs);
  return {
    ...documents,
    registry: above === undefined ? registry : mergeRegistries(registry, readRegistry(above)),
    files: catalogFiles(new Map(files.map((file) => [file.path, file]))),
  };
}

/** Files in upstream's order of precedence: external ones first, then those below that are not hidden. */
function layer(below: Tree, above: Tree | undefined): Located[] {
  const hidden = new Set(above?.paths);
  const top = above === undefined ? [] : above.paths.map((path) => ({ tree: above, path }));
  return [...top, ...below.paths.filter((path) => !hidden.has(path)).map((path) => ({ tree: below, path }))];
}

function readRegistry(tree: Tree): Registry {
  if (!tree.paths.includes(REGISTRY)) {
    throw new AssayError('CATALOG_INVALID', `${tree.dir} has no ${REGISTRY}`, {
      hint: 'A catalog directory, also one given with --data, needs a registry.yaml; it may list no components.',
      details: { dir: tree.dir },
    });
  }
  return decodeRegistry(rootField({ tree, path: REGISTRY }, 'CATALOG_INVALID'));
}

function readDocuments(files: readonly Located[]): Pick<Catalog, 'base' | 'overlays' | 'mixins' | 'warnings'> {
  const overlays = new Map<string, Overlay>();
  const mixins = new Map<string, Mixin>();
  const warnings: string[] = [];
  let base: Overlay | undefined;
  for (const file of files.filter(({ path }) => path.endsWith('.yaml'))) {
    if (file.path.startsWith('mixins/')) addMixin(mixins, decodeMixin(rootField(file, 'RECIPE_INVALID'), file.path));
    if (NO_OVERLAY.test(file.path)) continue;
    const overlay = decodeOverlay(rootField(file, 'RECIPE_INVALID'), file.path, file.tree.origin);
    if (overlay === undefined) continue;
    if (file.path.endsWith('/base.yaml') || file.path === 'base.yaml') base = overlay;
    else addOverlay(overlays, overlay, warnings);
  }
  if (base === undefined)
    throw new AssayError('CATALOG_INVALID', `the catalog has no ${BASE_PATH}`, { hint: 'Every recipe starts from it.' });
  return { base, overlays, mixins, warnings };
}

/** Of two overlays with one name the one read later counts, as upstream has it; silently there, with a warning here. */
function addOverlay(overlays: Map<string, Overlay>, overlay: Overlay, warnings: string[]): void {
  const earlier = overlays.get(overlay.name);
  if (earlier !== undefined) {
    warnings.push(`overlay "${overlay.name}" of ${earlier.origin} ${earlier.path} is replaced by ${overlay.origin} ${overlay.path}`);
  }
  if (overlay.name === BASE_NAME) warnings.push(`overlay ${overlay.path} is named "${BASE_NAME}", so no overlay can build on it`);
  overlays.set(overlay.name, overlay);
}

function addMixin(mixins: Map<string, Mixin>, mixin: Mixin): void {
  const earlier = mixins.get(mixin.name);
  if (earlier !== undefined) {
    throw new AssayError('CATALOG_INVALID', `mixin "${mixin.name}" is in ${earlier.path} and in ${mixin.path}`, {
      hint: 'Rename one of them.',
    });
  }
  mixins.set(mixin.name, mixin);
}

function rootField(file: Located, code: 'CATALOG_INVALID' | 'RECIPE_INVALID'): Field {
  return new Field(parseYamlNode(readTreeFile(file.tree, file.path), { name: file.path }), { name: file.path, code });
}

function catalogFiles(files: ReadonlyMap<string, Located>): CatalogFiles {
  const texts = new Map<string, string>();
  return {
    text(path) {
      const file = files.get(path);
      if (file === undefined) return undefined;
      const text = texts.get(path) ?? readTreeFile(file.tree, path);
      texts.set(path, text);
      return text;
    },
  };
}
