import { AssayError } from '../error.ts';
import { compareText } from '../digest/compare-text.ts';
import type { ComponentRef } from './document.ts';

/** Whether a component is deployed: only the boolean `false` under `overrides.enabled` switches it off. */
export function isEnabled(component: ComponentRef): boolean {
  return component.overrides?.enabled !== false;
}

/**
 * Checks that every dependency is a component of the recipe and that none depend on each other in a circle; disabled
 * components count too.
 * @throws RECIPE_INVALID, RECIPE_CYCLE
 */
export function checkDependencies(components: readonly ComponentRef[]): void {
  const byName = new Map(components.map((component) => [component.name, component]));
  for (const { name, dependencyRefs = [] } of components) {
    const unknown = dependencyRefs.find((dependency) => !byName.has(dependency));
    if (unknown !== undefined) {
      throw new AssayError('RECIPE_INVALID', `component "${name}" references unknown dependency "${unknown}"`, {
        hint: 'Add that component to the recipe, or drop the dependency.',
        details: { component: name, dependency: unknown },
      });
    }
  }
  const cycle = findCycle(byName);
  if (cycle === undefined) return;
  throw new AssayError('RECIPE_CYCLE', `components depend on each other in a circle: ${cycle.join(' -> ')}`, {
    hint: 'Drop one of these dependencyRefs.',
    details: { cycle },
  });
}

/**
 * Names of the enabled components in the order in which they are deployed: a component after all it depends on, names in
 * byte order where that leaves a choice. Dependencies on disabled components do not count.
 */
export function deploymentOrder(components: readonly ComponentRef[]): string[] {
  const enabled = components.filter(isEnabled);
  const names = new Set(enabled.map(({ name }) => name));
  const waiting = new Map(enabled.map(({ name, dependencyRefs = [] }) => [name, dependencyRefs.filter((one) => names.has(one)).length]));
  const order: string[] = [];
  for (let next = firstReady(waiting); next !== undefined; next = firstReady(waiting)) {
    waiting.delete(next);
    order.push(next);
    for (const { name, dependencyRefs = [] } of enabled) {
      const left = waiting.get(name);
      if (left !== undefined) waiting.set(name, left - dependencyRefs.filter((one) => one === next).length);
    }
  }
  return order;
}

function firstReady(waiting: ReadonlyMap<string, number>): string | undefined {
  return [...waiting]
    .filter(([, left]) => left === 0)
    .map(([name]) => name)
    .sort(compareText)[0];
}

function findCycle(components: ReadonlyMap<string, ComponentRef>): string[] | undefined {
  const done = new Set<string>();
  for (const name of [...components.keys()].sort(compareText)) {
    const cycle = walk(components, [name], done);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** Depth first; a component that was walked completely is on no cycle. */
function walk(components: ReadonlyMap<string, ComponentRef>, path: readonly string[], done: Set<string>): string[] | undefined {
  const name = path.at(-1) ?? '';
  if (done.has(name)) return undefined;
  for (const dependency of components.get(name)?.dependencyRefs ?? []) {
    const start = path.indexOf(dependency);
    if (start !== -1) return [...path.slice(start), dependency];
    const cycle = walk(components, [...path, dependency], done);
    if (cycle !== undefined) return cycle;
  }
  done.add(name);
  return undefined;
}
