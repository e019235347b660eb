import type { CatalogFiles } from '#core/recipe/catalog.ts';
import { at } from '#core/cluster/object-value.ts';
import type { Recipe } from '#core/recipe/document.ts';
import { componentValues } from '#core/recipe/hydrate.ts';
import { componentOf } from '../read/component.ts';

/** How pods of a recipe get GPUs: by counting an extended resource, or by a claim. */
export type GpuAllocation = 'device-plugin' | 'claim';

/**
 * How the recipe hands out GPUs.
 * @param files undefined: the recipe's overrides alone decide
 * @throws what reading the component's values throws
 * @source upstream GPU allocation policy: `resources.gpus.enabled` of the DRA driver
 */
export function gpuAllocation(recipe: Recipe, files: CatalogFiles | undefined): GpuAllocation {
  const driver = componentOf(recipe, 'nvidia-dra-driver-gpu');
  if (driver === undefined) return 'device-plugin';
  const values = files === undefined ? (driver.overrides ?? {}) : componentValues(driver, files);
  return at(values, 'resources', 'gpus', 'enabled') === true ? 'claim' : 'device-plugin';
}
