import { compareText } from '../digest/compare-text.ts';
import type { Catalog } from './catalog.ts';
import { isAny, TEXT_DIMENSIONS, type CriteriaInput } from './criteria.ts';
import type { Criteria } from './document.ts';
import { recipeHealth, type RecipeHealth } from './health.ts';
import type { Origin } from './overlay.ts';

/** One overlay of a catalog as a list shows it. */
export interface RecipeEntry {
  readonly name: string;
  readonly criteria: Criteria;
  /** No other overlay builds on it. */
  readonly isLeaf: boolean;
  readonly source: Origin;
  /** Only leaves have one. */
  readonly health?: RecipeHealth;
}

/**
 * The overlays of a catalog by name, each leaf resolved to see that it can be.
 * @param filter values that an overlay's criteria must have, literally
 */
export function listRecipes(catalog: Catalog, filter: CriteriaInput = {}): RecipeEntry[] {
  const parents = new Set([...catalog.overlays.values()].map(({ parent }) => parent));
  return [...catalog.overlays.values()]
    .filter(({ criteria }) => matchesFilter(criteria ?? {}, filter))
    .sort((left, right) => compareText(left.name, right.name))
    .map((overlay) => {
      const isLeaf = !parents.has(overlay.name);
      const entry = { name: overlay.name, criteria: overlay.criteria ?? {}, isLeaf, source: overlay.origin };
      return isLeaf ? { ...entry, health: recipeHealth(catalog, overlay) } : entry;
    });
}

/** Entries as upstream's JSON has them, capitalised criteria keys included. */
export function listValue(entries: readonly RecipeEntry[]): readonly object[] {
  return entries.map(({ name, criteria, isLeaf, source, health }) => ({
    name,
    criteria: {
      Service: criteria.service ?? '',
      Accelerator: criteria.accelerator ?? '',
      Intent: criteria.intent ?? '',
      OS: criteria.os ?? '',
      Platform: criteria.platform ?? '',
      Nodes: criteria.nodes ?? 0,
    },
    is_leaf: isLeaf,
    source,
    ...(health === undefined ? {} : { health }),
  }));
}

function matchesFilter(criteria: Criteria, filter: CriteriaInput): boolean {
  const texts = TEXT_DIMENSIONS.every((dimension) => isAny(filter[dimension]) || criteria[dimension] === filter[dimension]);
  return texts && ((filter.nodes ?? 0) === 0 || criteria.nodes === filter.nodes);
}
