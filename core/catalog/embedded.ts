import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AssayError } from '../error.ts';

const REGISTRY = join('recipes', 'registry.yaml');

/**
 * Directory of the catalog that is shipped with Assay: `recipes` in the nearest folder above this module that has one.
 * That is the checkout's in development and the copy beside a bundle.
 * @throws CATALOG_INVALID when there is none
 */
export function embeddedCatalogDir(): string {
  for (let dir = dirname(fileURLToPath(import.meta.url)); ; dir = dirname(dir)) {
    if (existsSync(join(dir, REGISTRY))) return join(dir, 'recipes');
    if (dirname(dir) === dir) break;
  }
  throw new AssayError('CATALOG_INVALID', 'this copy of Assay has no recipe catalog beside it', {
    hint: 'Name one with --catalog DIR, or reinstall Assay.',
  });
}
