import type { Field } from '../digest/document-field.ts';
import type { CanonicalValue } from '../digest/yaml-value.ts';
import { compact } from './compact.ts';
import { decodeName, decodePath } from './decode.ts';

/** Where a component comes from when a recipe does not say. */
export interface ComponentDefaults {
  readonly repository?: string;
  readonly chart?: string;
  readonly version?: string;
  readonly namespace?: string;
}

/** Kustomize origin of a component. */
export interface KustomizeDefaults {
  readonly source?: string;
  readonly path?: string;
  readonly tag?: string;
}

/** One component of `registry.yaml`. */
export interface RegistryEntry {
  readonly name: string;
  readonly helm: ComponentDefaults;
  readonly kustomize: KustomizeDefaults;
  /** Path of the component's health check below the catalog. */
  readonly assertFile?: string;
  /** The entry as written, for the material slice. */
  readonly entry: CanonicalValue;
}

/** Components by name, in registry order. */
export type Registry = ReadonlyMap<string, RegistryEntry>;

/**
 * Reads a component registry; keys it does not know are kept in `entry` only.
 * @throws the field's code for a wrong kind, a nameless or a repeated component
 */
export function decodeRegistry(root: Field): Registry {
  const kind = root.member('kind').text() ?? '';
  if (kind !== '' && kind !== 'ComponentRegistry') throw root.member('kind').error(`"${kind}" is not ComponentRegistry`);
  const entries = new Map<string, RegistryEntry>();
  for (const item of root.member('components').items() ?? []) {
    const entry = decodeEntry(item);
    if (entries.has(entry.name)) throw item.error(`component "${entry.name}" appears twice`);
    entries.set(entry.name, entry);
  }
  return entries;
}

/** Lays one registry over another: an entry of the same name is replaced in its place, new ones follow. */
export function mergeRegistries(below: Registry, above: Registry): Registry {
  return new Map([...below, ...above]);
}

function decodeEntry(field: Field): RegistryEntry {
  const helm = field.member('helm');
  const kustomize = field.member('kustomize');
  const assertFile = decodePath(field.member('healthCheck').member('assertFile'));
  return {
    name: decodeName(field.member('name')),
    helm: compact<ComponentDefaults>({
      repository: helm.member('defaultRepository').text(),
      chart: helm.member('defaultChart').text(),
      version: helm.member('defaultVersion').text(),
      namespace: helm.member('defaultNamespace').text(),
    }),
    kustomize: compact<KustomizeDefaults>({
      source: kustomize.member('defaultSource').text(),
      path: kustomize.member('defaultPath').text(),
      tag: kustomize.member('defaultTag').text(),
    }),
    ...(assertFile === undefined ? {} : { assertFile }),
    entry: field.value(),
  };
}
