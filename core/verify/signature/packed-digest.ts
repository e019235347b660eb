import type { Digest } from '#core/digest/sha256.ts';
import { isAssayError } from '#core/error.ts';
import { packSources } from '#core/publish/pack.ts';
import type { BundleFiles } from '../materialize/bundle-files.ts';

/**
 * Digest of the artifact that these files pack to when Assay packs them: so a directory can be compared with the subject of
 * its signature, and every byte in it, the unsigned statement included, is bound.
 * @param version version of the tool that sealed the bundle; it stands in the artifact
 * @returns undefined when the files cannot be packed
 */
export function packedDigest(files: BundleFiles, version: string): Digest | undefined {
  const sources = new Map([...files].map(([path, { digest, size }]) => [path, { digest, size, read: nothing }]));
  try {
    return packSources(sources, { version }).descriptor.digest;
  } catch (error) {
    if (isAssayError(error)) return undefined;
    throw error;
  }
}

/** Only digests and sizes go into a manifest; no content is sent anywhere. */
async function* nothing(): AsyncGenerator<Uint8Array> {}
