import type { Catalog } from './catalog.ts';
import { isAny, TEXT_DIMENSIONS } from './criteria.ts';
import type { Recipe } from './document.ts';

/** What the person who resolves a recipe should know although it is no error. */
export function recipeNotices(recipe: Recipe, catalog: Pick<Catalog, 'overlays' | 'warnings'>): string[] {
  return [...catalog.warnings, ...fallbacks(recipe, catalog), ...exclusions(recipe), ...reservedNames(recipe)];
}

/** A value that no applied overlay is for: the recipe is the general one. */
function fallbacks({ criteria, metadata }: Recipe, { overlays }: Pick<Catalog, 'overlays'>): string[] {
  const applied = (metadata.appliedOverlays ?? []).map((name) => overlays.get(name)?.criteria ?? {});
  return TEXT_DIMENSIONS.filter((dimension) => !isAny(criteria?.[dimension]))
    .filter((dimension) => !applied.some((one) => one[dimension] === criteria?.[dimension]))
    .map(
      (dimension) =>
        `nothing in this recipe is specific to ${dimension} ${criteria?.[dimension]}: no overlay for it matches the other criteria`,
    );
}

function exclusions({ metadata }: Recipe): string[] {
  return (metadata.constraintWarnings ?? []).map(
    ({ overlay, constraint, reason }) => `overlay ${overlay} and its whole chain are left out: ${constraint}: ${reason}`,
  );
}

function reservedNames({ componentRefs }: Recipe): string[] {
  return componentRefs
    .filter(({ name }) => name === 'deployer')
    .map(() => 'component "deployer" has a reserved name: this recipe is refused wherever it is read');
}
