import { globSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** The embedded catalog. */
export const CATALOG = 'recipes';

/** A mapping as it was parsed, before a schema has judged it. */
export type Mapping = Readonly<Record<string, unknown>>;

/** What tests read of a component reference. */
export interface ComponentRef {
  readonly name: string;
  readonly version?: string;
  readonly source?: string;
  readonly valuesFile?: string;
  readonly manifestFiles?: readonly string[];
  readonly preManifestFiles?: readonly string[];
  readonly dependencyRefs?: readonly string[];
  readonly overrides?: Mapping;
}

/** What tests read of a validation phase. */
interface Phase {
  readonly checks?: readonly string[];
  readonly constraints?: readonly { readonly name: string; readonly value: string }[];
}

/** What tests read of an overlay or a mixin. */
export interface Layer {
  readonly path: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly base?: string;
    readonly criteria?: Readonly<Record<string, string>>;
    readonly mixins?: readonly string[];
    readonly componentRefs?: readonly ComponentRef[];
    readonly validation?: Readonly<Record<string, Phase>>;
  };
}

/** What tests read of a registry entry. */
export interface RegistryEntry {
  readonly name: string;
  readonly helm?: { readonly defaultRepository?: string; readonly defaultChart?: string; readonly defaultVersion?: string };
  readonly healthCheck?: { readonly assertFile: string };
}

/** An image of images.yaml. */
export interface ListedImage {
  readonly image: string;
  readonly digest?: string;
  readonly exemption?: string;
  readonly usedIn: string;
}

/** An entry of exemptions.yaml. */
export interface Exemption {
  readonly id: string;
  readonly scope: string;
  readonly match: string;
  readonly since: string;
  readonly expires: string;
}

/** One component of images.yaml. */
export interface ComponentImages {
  readonly component: string;
  readonly chartImages?: { readonly exemption: string };
  readonly images?: readonly ListedImage[];
}

/** Paths of the catalog that match a glob, sorted, relative to the catalog. */
export function catalogPaths(pattern: string): readonly string[] {
  return globSync(pattern, { cwd: CATALOG }).sort();
}

/** Text of a catalog file. */
export function readText(path: string): string {
  return readFileSync(`${CATALOG}/${path}`, 'utf8');
}

/** A YAML file of the catalog, duplicate keys refused. */
export function readYaml<T>(path: string): T {
  return parse(readText(path), { uniqueKeys: true }) as T;
}

/** All overlays, base included, by path. */
export function overlays(): readonly Layer[] {
  return catalogPaths('overlays/*.yaml').map((path) => ({ ...readYaml<Layer>(path), path }));
}

/** All mixins, by path. */
export function mixins(): readonly Layer[] {
  return catalogPaths('mixins/*.yaml').map((path) => ({ ...readYaml<Layer>(path), path }));
}

/** Registry entries in file order. */
export function registry(): readonly RegistryEntry[] {
  return readYaml<{ components: readonly RegistryEntry[] }>('registry.yaml').components;
}

/** Exemptions in file order. */
export function exemptions(): readonly Exemption[] {
  return readYaml<{ exemptions: readonly Exemption[] }>('exemptions.yaml').exemptions;
}

/** The image list. */
export function imageList(): { readonly components: readonly ComponentImages[]; readonly validators: readonly ListedImage[] } {
  return readYaml('images.yaml');
}

/** Overlays that name a service and an accelerator: the recipes somebody deploys. */
export function leaves(): readonly Layer[] {
  const concrete = (value: string | undefined): boolean => value !== undefined && value !== 'any';
  return overlays().filter(({ spec: { criteria } }) => concrete(criteria?.['service']) && concrete(criteria?.['accelerator']));
}

/** The table of leaves in docs/reference/catalog.md: one row per leaf, by name. */
export function leafTable(): string {
  const rows = leaves().map(({ metadata: { name }, spec: { criteria = {}, validation = {} } }) => {
    const floors = (validation['performance']?.constraints ?? []).map(({ name: check, value }) => `${check} ${value}`);
    const cells = ['service', 'accelerator', 'intent', 'os', 'platform'].map((dimension) => criteria[dimension] ?? '');
    return `| \`${name}\` | ${cells.join(' | ')} | ${floors.join('; ')} |`;
  });
  return [
    '| recipe | service | accelerator | intent | os | platform | performance constraints |',
    '|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}
