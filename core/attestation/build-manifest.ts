import { sha256 } from '#core/digest/sha256.ts';
import type { Manifest, ManifestFile } from './manifest.ts';
import { UNLISTED_FILES } from './media-type.ts';

/** Longest suffix first: `.cdx.json` is also a `.json`. */
const MEDIA_TYPE_BY_SUFFIX: readonly (readonly [string, string])[] = [
  ['.cdx.json', 'application/vnd.cyclonedx+json'],
  ['.intoto.jsonl', 'application/vnd.in-toto+jsonl'],
  ['.json', 'application/json'],
  ['.yaml', 'application/yaml'],
  ['.yml', 'application/yaml'],
  ['.log', 'text/plain'],
];

/**
 * The inventory of a bundle: every file except the three that a manifest never lists, sorted bytewise by path.
 * @param files slash paths relative to the bundle directory, with exact bytes
 * @source recipe-evidence v1, manifest.json
 */
export function buildManifest(files: ReadonlyMap<string, Uint8Array>): Manifest {
  const listed = [...files].filter(([path]) => !UNLISTED_FILES.includes(path));
  return { schemaVersion: '1.0.0', files: listed.map(([path, bytes]) => manifestFile(path, bytes)).sort(byPath) };
}

/** The media type a manifest gives a path, or undefined when upstream gives none. */
export function mediaTypeOf(path: string): string | undefined {
  return MEDIA_TYPE_BY_SUFFIX.find(([suffix]) => path.endsWith(suffix))?.[1];
}

function manifestFile(path: string, bytes: Uint8Array): ManifestFile {
  const mediaType = mediaTypeOf(path);
  return { path, size: bytes.byteLength, sha256: sha256(bytes), ...(mediaType === undefined ? {} : { mediaType }) };
}

function byPath(left: ManifestFile, right: ManifestFile): number {
  return Buffer.compare(Buffer.from(left.path), Buffer.from(right.path));
}
