import type { Mixin, Overlay } from './overlay.ts';
import type { Registry } from './registry.ts';

/** Texts of a catalog by path below its root; the only way from a recipe to a file. */
export interface CatalogFiles {
  /**
   * @param path slash-separated path below the catalog root
   * @returns undefined when no layer of the catalog has that file
   * @throws FILE_TOO_LARGE, FILE_UNREADABLE
   */
  readonly text: (path: string) => string | undefined;
}

/** A recipe catalog: everything that resolving a recipe needs. */
export interface Catalog {
  readonly base: Overlay;
  /** All overlays but the base, by name. */
  readonly overlays: ReadonlyMap<string, Overlay>;
  readonly mixins: ReadonlyMap<string, Mixin>;
  readonly registry: Registry;
  readonly files: CatalogFiles;
  /** What a maintainer should know and upstream is silent about, such as an external overlay that hides nothing. */
  readonly warnings: readonly string[];
}
