import type { Digest } from '#core/digest/sha256.ts';

/** One file of a bundle: slash path relative to the bundle directory, bytes, prefixed digest. */
export interface ManifestFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: Digest;
  readonly mediaType?: string;
}

/** `manifest.json`: the inventory whose digest the predicate carries. */
export interface Manifest {
  readonly schemaVersion: '1.0.0';
  readonly files: readonly ManifestFile[];
}
