import { ARTIFACT_TYPE, BUNDLE_FILE, OCI_EMPTY_TYPE, OCI_MANIFEST_TYPE } from '#core/attestation/media-type.ts';
import { isBundlePath } from '#core/attestation/bundle-path.ts';
import { compareText } from '#core/digest/compare-text.ts';
import { sha256, type Digest } from '#core/digest/sha256.ts';
import { AssayError } from '#core/error.ts';
import { bytesSource, type BlobSource } from '#core/oci/blob-source.ts';
import { CREATED, TITLE, type Descriptor, type OciManifest } from '#core/oci/descriptor.ts';

/** Two bytes: the config of an artifact that has none. */
export const EMPTY_CONFIG: BlobSource = bytesSource(Buffer.from('{}'));
/** Creation time of every manifest of ours: equal content, equal digest. */
export const EPOCH = '1970-01-01T00:00:00Z';
const LAYER_TYPE = 'application/octet-stream';
const DESCRIPTION = 'Signed evidence bundle for an aicr recipe (recipe-evidence/v1).';

/** An artifact ready to be stored: its manifest's exact bytes and the blobs it names. */
export interface PackedArtifact {
  readonly descriptor: Descriptor;
  readonly manifest: Uint8Array;
  readonly blobs: readonly BlobSource[];
  /** What it refers to, when it is a referrer. */
  readonly subject?: Digest;
}

/**
 * Packs a bundle as an OCI artifact, one layer per file in path order. The same files and version give the same digest,
 * whoever packs them and when. A signature file beside them is left out: it is attached, not packed.
 * @param files slash paths relative to the bundle directory, with exact bytes
 * @param options.version the version annotation; taken from the bundle, so that packing it later changes nothing
 * @throws ARTIFACT_INVALID when a path cannot stand in a bundle
 * @source recipe-evidence v1, OCI artifact, one layer per file; OCI image specification 1.1, "Guidelines for Artifact Usage"
 */
export function packBundle(files: ReadonlyMap<string, Uint8Array>, options: { readonly version: string }): PackedArtifact {
  return packSources(new Map([...files].map(([path, bytes]) => [path, bytesSource(bytes)])), options);
}

/** As {@link packBundle}, for content that is not in memory. */
export function packSources(files: ReadonlyMap<string, BlobSource>, { version }: { readonly version: string }): PackedArtifact {
  const packed = [...files].filter(([path]) => path !== BUNDLE_FILE.signature).sort(([left], [right]) => compareText(left, right));
  const manifest: OciManifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST_TYPE,
    artifactType: ARTIFACT_TYPE,
    config: { mediaType: OCI_EMPTY_TYPE, digest: EMPTY_CONFIG.digest, size: EMPTY_CONFIG.size },
    layers: packed.map(([path, source]) => layer(path, source)),
    annotations: {
      [CREATED]: EPOCH,
      'org.opencontainers.image.description': DESCRIPTION,
      [TITLE]: 'AICR Recipe Evidence',
      'org.opencontainers.image.version': version,
    },
  };
  return seal(manifest, [EMPTY_CONFIG, ...packed.map(([, source]) => source)]);
}

/** Freezes a manifest as bytes: from here on only they count. */
export function seal(manifest: OciManifest, blobs: readonly BlobSource[]): PackedArtifact {
  const bytes = Buffer.from(JSON.stringify(manifest));
  const { mediaType, artifactType, subject } = manifest;
  const descriptor = { mediaType, digest: sha256(bytes), size: bytes.length, ...(artifactType === undefined ? {} : { artifactType }) };
  return { descriptor, manifest: bytes, blobs: distinct(blobs), ...(subject === undefined ? {} : { subject: subject.digest }) };
}

function layer(path: string, { digest, size }: BlobSource): Descriptor {
  if (!isBundlePath(path)) throw new AssayError('ARTIFACT_INVALID', `the path ${JSON.stringify(path)} cannot stand in a bundle`);
  return { mediaType: LAYER_TYPE, digest, size, annotations: { [TITLE]: path } };
}

function distinct(blobs: readonly BlobSource[]): readonly BlobSource[] {
  return [...new Map(blobs.map((blob) => [blob.digest, blob])).values()];
}
