import { AssayError } from '../error.ts';
import type { Catalog } from './catalog.ts';
import { canonicalType } from './coherence.ts';
import { compact } from './compact.ts';
import type { ComponentRef } from './document.ts';
import type { Registry, RegistryEntry } from './registry.ts';

/** Type of a component: as it says, or from the registry. */
export function typeOf(component: ComponentRef, registry: Registry): string {
  if (component.type !== '') return canonicalType(component.type);
  const entry = registry.get(component.name);
  if (entry === undefined) return '';
  return entry.kustomize.source === undefined ? 'Helm' : 'Kustomize';
}

/** Fills what a component does not say from the registry, and its health check from the file that the registry names. */
export function applyDefaults(component: ComponentRef, catalog: Pick<Catalog, 'registry' | 'files'>): ComponentRef {
  const entry = catalog.registry.get(component.name);
  const typed = { ...component, type: typeOf(component, catalog.registry) };
  if (entry === undefined) return typed;
  const filled = typed.type === 'Kustomize' ? kustomizeDefaults(typed, entry) : helmDefaults(typed, entry);
  return { ...filled, ...compact<Pick<ComponentRef, 'healthCheckAsserts'>>({ healthCheckAsserts: healthText(filled, entry, catalog) }) };
}

function helmDefaults(component: ComponentRef, { helm }: RegistryEntry): ComponentRef {
  if (component.type !== 'Helm') return component;
  return {
    ...component,
    source: component.source || (helm.repository ?? ''),
    ...compact<Pick<ComponentRef, 'version' | 'namespace' | 'chart'>>({
      version: component.version ?? helm.version,
      namespace: component.namespace ?? helm.namespace,
      chart: component.chart ?? helm.chart?.slice(helm.chart.lastIndexOf('/') + 1),
    }),
  };
}

function kustomizeDefaults(component: ComponentRef, { kustomize }: RegistryEntry): ComponentRef {
  return {
    ...component,
    source: component.source || (kustomize.source ?? ''),
    ...compact<Pick<ComponentRef, 'tag' | 'path'>>({ tag: component.tag ?? kustomize.tag, path: component.path ?? kustomize.path }),
  };
}

function healthText(component: ComponentRef, entry: RegistryEntry, { files }: Pick<Catalog, 'files'>): string | undefined {
  if (component.healthCheckAsserts !== undefined || component.healthCheckSkip === true || entry.assertFile === undefined) {
    return component.healthCheckAsserts;
  }
  const text = files.text(entry.assertFile);
  if (text !== undefined) return text;
  throw new AssayError('RECIPE_NOT_FOUND', `health check ${entry.assertFile} of component "${component.name}" is not in the catalog`, {
    hint: 'Add the file, or correct healthCheck.assertFile in registry.yaml.',
    details: { component: component.name, path: entry.assertFile },
  });
}
