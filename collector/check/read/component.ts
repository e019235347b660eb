import { isEnabled } from '#core/recipe/deployment-order.ts';
import type { ComponentRef, Recipe } from '#core/recipe/document.ts';

/** Components of a recipe that are deployed. */
export function enabledComponents({ componentRefs }: Recipe): readonly ComponentRef[] {
  return componentRefs.filter(isEnabled);
}

/** The first of these components that the recipe deploys. */
export function componentOf(recipe: Recipe, ...names: readonly string[]): ComponentRef | undefined {
  return names.map((name) => enabledComponents(recipe).find((component) => component.name === name)).find((found) => found !== undefined);
}

/** Namespace in which the recipe deploys one of these components. @param fallback where upstream looks, whatever the recipe says */
export function namespaceOf(recipe: Recipe, names: readonly string[], fallback: string): string {
  return componentOf(recipe, ...names)?.namespace ?? fallback;
}

/** Names under which a recipe may deploy the GPU operator of NVIDIA, and where it is by default. */
export const GPU_OPERATOR = { names: ['gpu-operator', 'gpu-operator-ocp'], namespace: 'gpu-operator' } as const;
