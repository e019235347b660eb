import { BUNDLE_FILE } from '#core/attestation/media-type.ts';
import type { Digest } from '#core/digest/sha256.ts';
import { AssayError } from '#core/error.ts';
import { TITLE, type Descriptor } from '#core/oci/descriptor.ts';
import { parseManifest } from '#core/oci/parse-manifest.ts';
import type { ArtifactReader } from '#core/oci/store.ts';
import { belowBundle, LIMIT } from '#core/verify/materialize/bundle-files.ts';
import { NameRegister } from '#core/verify/materialize/path-rules.ts';
import { readArtifact } from '#core/verify/materialize/read-artifact.ts';
import { Refusal } from '#core/verify/refusal.ts';
import { unpackTar } from './unpack-tar.ts';

/** A bundle that was fetched: every digest was checked on the way, nothing else. */
export interface PulledBundle {
  readonly digest: Digest;
  /** Slash paths below the bundle directory; the signature is among them when there is one. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Signatures that are attached; the first one that can be loaded was kept. */
  readonly signatures: number;
}

const TAR_LAYER = /^application\/vnd\.oci\.image\.layer\.v1\.tar(\+gzip)?$/;

/**
 * Fetches a bundle from a store, in the form of one layer per file or of one tar layer.
 * @param reference tag or digest
 * @throws BUNDLE_INVALID for names and sizes that no bundle has; what the store throws
 */
export async function pullBundle(store: ArtifactReader, reference: string): Promise<PulledBundle> {
  try {
    return await pull(store, reference);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new AssayError('BUNDLE_INVALID', `this artifact is no bundle: ${error.finding.code}: ${error.finding.detail}`, {
      cause: error,
      hint: 'Look at it with: assay verify',
    });
  }
}

async function pull(store: ArtifactReader, reference: string): Promise<PulledBundle> {
  const { artifactDigest, signatures } = await readArtifact(store, reference);
  const { layers } = parseManifest((await store.getManifest(artifactDigest)).bytes);
  const files = await readLayers(store, layers);
  const [signature] = signatures;
  if (signature !== undefined) files.set(BUNDLE_FILE.signature, await signature.load());
  return { digest: artifactDigest, files, signatures: signatures.length };
}

async function readLayers(store: ArtifactReader, layers: readonly Descriptor[]): Promise<Map<string, Uint8Array>> {
  const [only] = layers;
  if (layers.length === 1 && only !== undefined && TAR_LAYER.test(only.mediaType))
    return unpackTar(await store.getBlob(only), only.mediaType.endsWith('+gzip'));
  const names = new NameRegister();
  const files = new Map<string, Uint8Array>();
  let total = 0;
  for (const layer of layers) {
    total += layer.size;
    if (total > LIMIT.totalBytes) throw new Refusal('LIMIT_EXCEEDED', `the files have more than ${LIMIT.totalBytes >> 20} MiB`);
    files.set(belowBundle(names.admit(layer.annotations?.[TITLE] ?? '', 'file')), await store.getBlob(layer));
  }
  return files;
}
