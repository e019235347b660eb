import { readFileSync } from 'node:fs';
import { loadCatalog } from '#core/catalog/load-catalog.ts';
import type { Catalog } from '#core/recipe/catalog.ts';
import { parseCriteria, type CriteriaInput } from '#core/recipe/criteria.ts';
import type { Criteria, Recipe } from '#core/recipe/document.ts';
import { resolveRecipe } from '#core/recipe/resolve.ts';
import { parseSnapshot, type Snapshot } from '#core/snapshot/document.ts';

/** The fixture catalog, read once. */
export const CATALOG: Catalog = await loadCatalog({ catalogDir: 'test/fixture/recipe/catalog' });

/** The fixture snapshot: EKS 1.33.4, three nodes, two of them with H100, Ubuntu 24.04. */
export const SNAPSHOT: Snapshot = parseSnapshot(readFileSync('test/fixture/recipe/snapshot.yaml'), 'snapshot.yaml');

/** Criteria that select the fixture's leaf. */
export const LEAF: CriteriaInput = { service: 'eks', accelerator: 'h100', os: 'ubuntu', intent: 'training' };

/** Criteria as typed, checked against a catalog. */
export function criteriaOf(input: CriteriaInput, catalog: Catalog = CATALOG): Criteria {
  return parseCriteria(input, { overlays: [...catalog.overlays.values()] });
}

/** A recipe of the fixture catalog with version `v1`. */
export function recipeOf(input: CriteriaInput, catalog: Catalog = CATALOG, snapshot?: Snapshot): Recipe {
  return resolveRecipe(catalog, criteriaOf(input, catalog), { version: 'v1', ...(snapshot === undefined ? {} : { snapshot }) });
}
