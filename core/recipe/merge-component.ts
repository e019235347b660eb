import { compareText } from '../digest/compare-text.ts';
import { compact } from './compact.ts';
import type { ComponentRef } from './document.ts';
import { overlayValues } from './merge-values.ts';

/**
 * Lays component references over others by name; new ones are added whole. The result is sorted by name.
 * @source recipe merge rules for components
 */
export function mergeComponents(below: readonly ComponentRef[], above: readonly ComponentRef[]): ComponentRef[] {
  const merged = new Map(below.map((component) => [component.name, component]));
  for (const component of above) {
    const current = merged.get(component.name);
    merged.set(component.name, current === undefined ? component : mergeComponent(current, component));
  }
  return [...merged.values()].sort((left, right) => compareText(left.name, right.name));
}

/** Field by field: texts replace when they say something, reference lists grow, flags can only become true. */
function mergeComponent(below: ComponentRef, above: ComponentRef): ComponentRef {
  return {
    name: below.name,
    type: above.type || below.type,
    source: above.source || below.source,
    ...compact<Omit<ComponentRef, 'name' | 'type' | 'source'>>({
      namespace: above.namespace ?? below.namespace,
      chart: above.chart ?? below.chart,
      version: above.version ?? below.version,
      tag: above.tag ?? below.tag,
      valuesFile: above.valuesFile ?? below.valuesFile,
      overrides: overlayValues(below.overrides ?? {}, above.overrides ?? {}),
      patches: above.patches ?? below.patches,
      dependencyRefs: append(below.dependencyRefs, above.dependencyRefs),
      manifestFiles: append(below.manifestFiles, above.manifestFiles),
      preManifestFiles: append(below.preManifestFiles, above.preManifestFiles),
      path: above.path ?? below.path,
      cleanup: above.cleanup ?? below.cleanup,
      expectedResources: above.expectedResources ?? below.expectedResources,
      healthCheckAsserts: above.healthCheckAsserts ?? below.healthCheckAsserts,
      healthCheckSkip: above.healthCheckSkip ?? below.healthCheckSkip,
    }),
  };
}

/** What is not yet there, in order; what is there stays as it is, repetitions included. */
function append(below: readonly string[] = [], above: readonly string[] = []): string[] {
  const result = [...below];
  for (const entry of above) if (!result.includes(entry)) result.push(entry);
  return result;
}
