import { BUNDLE_FILE, SIZE_LIMIT } from '#core/attestation/media-type.ts';
import { shown } from '../foreign-text.ts';
import { Refusal } from '../refusal.ts';
import type { InputKind } from '../verdict.ts';
import type { VerifyOptions } from '../verify-options.ts';
import type { BundleFiles } from './bundle-files.ts';
import type { Materialized, SignatureCandidate } from './materialized.ts';
import { findBundleDirectory, readDirectory } from './read-directory.ts';

/**
 * The bundle in a directory, or in its `summary-bundle`.
 * @throws Refusal BUNDLE_INCOMPLETE and the rules on files and names
 */
export async function bundleFromDirectory(path: string, { upstream = false }: VerifyOptions): Promise<Materialized> {
  const root = findBundleDirectory(path);
  if (root === undefined)
    throw new Refusal(
      'BUNDLE_INCOMPLETE',
      `neither ${shown(path)} nor its summary-bundle holds ${BUNDLE_FILE.recipe} and ${BUNDLE_FILE.manifest}`,
    );
  return bundleOfFiles('dir', root, await readDirectory(root, { followLinks: upstream }));
}

/** Files that are there without an artifact: the only signature is the one among them. */
export function bundleOfFiles(kind: InputKind, place: string, files: BundleFiles): Materialized {
  const file = files.get(BUNDLE_FILE.signature);
  const signatures: SignatureCandidate[] =
    file === undefined ? [] : [{ origin: BUNDLE_FILE.signature, load: () => Promise.resolve(requireBytes(file.bytes)) }];
  return { kind, place, files, signatures };
}

function requireBytes(bytes: Uint8Array | undefined): Uint8Array {
  if (bytes === undefined) throw new Refusal('SIGNATURE_MALFORMED', `the Sigstore bundle is over ${SIZE_LIMIT.sigstoreBundle >> 20} MiB`);
  return bytes;
}
