import type { Digest } from '#core/digest/sha256.ts';
import type { BlobSource } from './blob-source.ts';
import type { Descriptor } from './descriptor.ts';

/** A manifest with its exact bytes. */
export interface StoredManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** How a manifest is stored. */
export interface ManifestUpload {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Digest of the manifest it refers to; storing it makes it a referrer of that one. */
  readonly subject?: Digest;
}

/** Reading side of a place that holds artifacts: a repository in a registry, or a layout directory. Everything read is checked against the digest that was asked for. */
export interface ArtifactReader {
  /** How people call the place: `registry.example/team/evidence`, `oci-layout:out/oci`. */
  readonly name: string;
  readonly hasBlob: (digest: Digest) => Promise<boolean>;
  /**
   * A blob of at most `descriptor.size` bytes.
   * @throws ARTIFACT_NOT_FOUND, DIGEST_MISMATCH
   */
  readonly getBlob: (descriptor: Pick<Descriptor, 'digest' | 'size'>) => Promise<Uint8Array>;
  /** @throws ARTIFACT_NOT_FOUND, DIGEST_MISMATCH, ARTIFACT_INVALID */
  readonly getManifest: (reference: string) => Promise<StoredManifest>;
  /** Descriptor behind a tag or digest, or undefined when there is none. */
  readonly resolve: (reference: string) => Promise<Descriptor | undefined>;
  /** Manifests that name this digest as their subject, with their artifact types, oldest first where the place knows. */
  readonly referrers: (subject: Digest) => Promise<readonly Descriptor[]>;
  /** Every tag, sorted. */
  readonly listTags: () => Promise<readonly string[]>;
}

/** A place that artifacts can be written to. Writing what is already there changes nothing. */
export interface ArtifactStore extends ArtifactReader {
  readonly putBlob: (blob: BlobSource) => Promise<void>;
  /** Stores under its digest, and makes it a referrer when it has a subject. */
  readonly putManifest: (upload: ManifestUpload) => Promise<Descriptor>;
  /** Moves a tag to a manifest that is already stored. @throws ARTIFACT_NOT_FOUND */
  readonly tag: (digest: Digest, tag: string) => Promise<void>;
}
