import { Readable } from 'node:stream';
import { SIZE_LIMIT } from '#core/attestation/media-type.ts';
import { isDigest, sha256, type Digest } from '#core/digest/sha256.ts';
import { isAssayError } from '#core/error.ts';
import { TITLE, type Descriptor, type OciManifest } from '#core/oci/descriptor.ts';
import { parseManifest } from '#core/oci/parse-manifest.ts';
import type { ArtifactReader } from '#core/oci/store.ts';
import { Refusal } from '../refusal.ts';
import { belowBundle, Budget, bundleOf, collectFile, LIMIT, type BundleFile, type BundleFiles } from './bundle-files.ts';
import type { SignatureCandidate } from './materialized.ts';
import { NameRegister } from './path-rules.ts';
import { readTar } from './read-archive.ts';

/** Referrers that are looked at; an honest artifact has one or two. */
const MAX_REFERRERS = 64;
const TAR_LAYER = /^application\/vnd\.oci\.image\.layer\.v1\.tar(\+gzip)?$/;
const SIGSTORE_TYPE = /^application\/vnd\.dev\.sigstore\.bundle[.+]/;

/** An evidence artifact, read by digest. */
export interface ReadArtifact {
  readonly files: BundleFiles;
  readonly artifactDigest: Digest;
  readonly signatures: readonly SignatureCandidate[];
}

/**
 * Reads an artifact's layers as a bundle, and lists what may be signatures over it.
 * @param reference digest, or a tag where the caller allows one
 * @throws Refusal ARTIFACT_INVALID, LIMIT_EXCEEDED and the name rules; AssayError of the reader
 */
export async function readArtifact(reader: ArtifactReader, reference: string): Promise<ReadArtifact> {
  const { bytes } = await reader.getManifest(reference);
  const artifactDigest = sha256(bytes);
  if (isDigest(reference) && artifactDigest !== reference)
    throw new Refusal('DIGEST_MISMATCH', `the manifest of ${reference} hashes to ${artifactDigest}`);
  const manifest = parseManifest(bytes);
  const files = bundleOf(await readLayers(reader, manifest));
  return { files, artifactDigest, signatures: await listSignatures(reader, artifactDigest) };
}

async function readLayers(reader: ArtifactReader, { layers }: OciManifest): Promise<BundleFiles> {
  const packed = layers.reduce((sum, { size }) => sum + size, 0);
  if (layers.length > LIMIT.entries) throw new Refusal('LIMIT_EXCEEDED', `the artifact has ${layers.length} layers`);
  if (packed > LIMIT.packedBytes)
    throw new Refusal('LIMIT_EXCEEDED', `the layers have ${packed} bytes, the limit is ${LIMIT.packedBytes >> 20} MiB`);
  const [only] = layers;
  return layers.length === 1 && only !== undefined && TAR_LAYER.test(only.mediaType)
    ? readTarLayer(reader, only)
    : readTitledLayers(reader, layers);
}

async function readTarLayer(reader: ArtifactReader, layer: Descriptor): Promise<BundleFiles> {
  const bytes = await reader.getBlob(layer);
  return readTar({
    chunks: Readable.from([bytes]),
    packedSize: bytes.byteLength,
    compression: layer.mediaType.endsWith('+gzip') ? 'gzip' : 'none',
  });
}

async function readTitledLayers(reader: ArtifactReader, layers: readonly Descriptor[]): Promise<BundleFiles> {
  const budget = new Budget();
  const names = new NameRegister();
  const files = new Map<string, BundleFile>();
  for (const layer of layers) {
    const title = layer.annotations?.[TITLE];
    if (title === undefined)
      throw new Refusal('ARTIFACT_INVALID', `the layer ${layer.digest} has neither a title nor the type of a tar layer`);
    budget.addEntry();
    const path = names.admit(title, 'file');
    files.set(path, await collectFile(belowBundle(path), [await reader.getBlob(layer)], budget));
  }
  return files;
}

/**
 * Everything attached to the artifact that claims, by its own manifest, to be a Sigstore bundle.
 * What a referrers list or an annotation says is not believed, only used to look at likely ones first.
 */
async function listSignatures(reader: ArtifactReader, subject: Digest): Promise<readonly SignatureCandidate[]> {
  const referrers = [...(await reader.referrers(subject))].sort((left, right) => likelihood(right) - likelihood(left));
  const candidates: SignatureCandidate[] = [];
  for (const { digest, size } of referrers.slice(0, MAX_REFERRERS)) {
    const layer = size > SIZE_LIMIT.manifest ? undefined : await signatureLayer(reader, digest);
    if (layer !== undefined) candidates.push({ origin: `referrer ${digest}`, load: () => reader.getBlob(layer) });
  }
  if (candidates.length === 0 && referrers.length > MAX_REFERRERS)
    throw new Refusal(
      'LIMIT_EXCEEDED',
      `${referrers.length} manifests refer to the artifact; none of the first ${MAX_REFERRERS} is a signature`,
    );
  return candidates;
}

function likelihood({ artifactType }: Descriptor): number {
  return artifactType !== undefined && SIGSTORE_TYPE.test(artifactType) ? 1 : 0;
}

/** The one layer that holds a Sigstore bundle; undefined for a manifest that is something else, or damaged. */
async function signatureLayer(reader: ArtifactReader, digest: Digest): Promise<Descriptor | undefined> {
  try {
    const manifest = parseManifest((await reader.getManifest(digest)).bytes);
    const [layer, second] = manifest.layers;
    if (layer === undefined || second !== undefined || layer.size > SIZE_LIMIT.sigstoreBundle) return undefined;
    return SIGSTORE_TYPE.test(layer.mediaType) || SIGSTORE_TYPE.test(manifest.artifactType ?? '') ? layer : undefined;
  } catch (error) {
    if (isAssayError(error) && error.exit === 2) return undefined;
    throw error;
  }
}
