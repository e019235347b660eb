import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { embeddedCatalogDir } from '#core/catalog/embedded.ts';
import { loadCatalog } from '#core/catalog/load-catalog.ts';
import { materialSliceAtHand } from '#core/catalog/material-slice-at-hand.ts';
import { readRecipeFile } from '#core/catalog/read-recipe.ts';
import type { Recipe } from '#core/recipe/document.ts';
import { materialSliceDigest } from '#core/recipe/material-slice.ts';
import { resolveRecipe } from '#core/recipe/resolve.ts';

const catalog = await loadCatalog();
const own = resolveRecipe(catalog, { service: 'eks', accelerator: 'h100', intent: 'training', os: 'ubuntu' }, { version: 'v9' });
const host = await readRecipeFile(join(embeddedCatalogDir(), 'host/linux.yaml'));
let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'assay-slice-'));
});
afterEach(() => rmSync(place, { recursive: true }));

describe('the material slice at hand', () => {
  it('is that of the embedded catalog for a recipe of its own, whatever version it carries', async () => {
    expect(await materialSliceAtHand(own)).toBe(materialSliceDigest(own, catalog));
    expect(await materialSliceAtHand({ ...own, metadata: { ...own.metadata, version: 'v10' } })).toBe(materialSliceDigest(own, catalog));
  });

  it('needs no catalog for a recipe without components', async () => {
    expect(await materialSliceAtHand(host)).toBe(materialSliceDigest(host, catalog));
  });

  it.each<[string, Recipe]>([
    [
      'with a changed component',
      {
        ...own,
        componentRefs: own.componentRefs.map((component, index) => (index === 0 ? { ...component, version: 'v0.0.1' } : component)),
      },
    ],
    ['of an overlay that the catalog lacks', { ...own, metadata: { ...own.metadata, appliedOverlays: ['base', 'elsewhere'] } }],
    ['that names no overlay', { ...own, metadata: {} }],
    ['without criteria', { ...own, criteria: null }],
    ['with criteria that the catalog does not know', { ...own, criteria: { service: 'elsewhere' } }],
  ])('is not told for a recipe %s', async (_, recipe) => {
    expect(await materialSliceAtHand(recipe)).toBeUndefined();
  });

  it('is that of a named catalog, changes with its files, and is refused when it lacks what the recipe names', async () => {
    writeFileSync(join(place, 'registry.yaml'), 'components: []\n');
    const named = await materialSliceAtHand(own, { dataDir: place });

    expect(named).toBe(materialSliceDigest(own, await loadCatalog({ dataDir: place })));
    await expect(
      materialSliceAtHand({ ...own, metadata: { ...own.metadata, appliedOverlays: ['elsewhere'] } }, { dataDir: place }),
    ).rejects.toMatchObject({ code: 'RECIPE_NOT_FOUND' });
    await expect(materialSliceAtHand(own, { catalogDir: join(place, 'none') })).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });
});
