import { join } from 'node:path';
import { LOGS_DIRECTORY, LOGS_MANIFEST } from '#core/attestation/media-type.ts';
import type { Digest } from '#core/digest/sha256.ts';
import { writeFileAtomically } from '#core/oci/atomic-file.ts';
import type { BlobSource } from '#core/oci/blob-source.ts';
import { packLogs } from './pack-logs.ts';
import { writeBundleDirectory } from './write-directory.ts';

const FILE_MODE = 0o600;

/**
 * Writes raw logs as `logs-bundle/`, and beside it `logs-manifest.json`: the exact manifest of the artifact they pack to, so
 * that whoever gets the directory can check it against the digest in the predicate with SHA-256 alone. Contents are streamed.
 * @param outDir directory that also holds the bundle
 * @param files slash paths below `logs-bundle/`
 * @returns the digest that goes into the predicate
 * @throws ARTIFACT_INVALID, DISK_FULL, OUTPUT_UNWRITABLE
 */
export async function writeLogs(
  outDir: string,
  files: ReadonlyMap<string, BlobSource>,
  options: { readonly version: string },
): Promise<Digest> {
  const { manifest, descriptor } = packLogs(files, options);
  await writeBundleDirectory(join(outDir, LOGS_DIRECTORY), files);
  await writeFileAtomically(join(outDir, LOGS_MANIFEST), [manifest], FILE_MODE);
  return descriptor.digest;
}
