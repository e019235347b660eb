import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Folder of the fixture catalog. */
export const CATALOG = 'test/fixture/recipe/catalog';

/** Folder that the fixture lays over the catalog. */
export const LAYER = 'test/fixture/recipe/layer';

/** A copy of the fixture catalog that the test may spoil; removed when the test ends. */
export function catalogCopy(files: Readonly<Record<string, string>> = {}): string {
  return treeWith(files, CATALOG);
}

/** A directory with these files, and those of `from` when given; removed when the test ends. */
export function treeWith(files: Readonly<Record<string, string>>, from?: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'assay-catalog-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  if (from !== undefined) cpSync(from, dir, { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
  return dir;
}

/** Text of an overlay with this name and `spec`. */
export function overlayText(name: string, spec: string): string {
  return `kind: RecipeMetadata\napiVersion: aicr.run/v1alpha2\nmetadata:\n  name: ${name}\nspec: ${spec}\n`;
}
