import type { Digest } from '#core/digest/sha256.ts';

/** Names content by what it is: media type, exact digest, exact size in bytes. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An OCI image manifest, as far as artifacts use it. */
export interface OciManifest {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An OCI image index. */
export interface OciIndex {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
}

/** Annotation that names a tag inside a layout directory. */
export const REF_NAME = 'org.opencontainers.image.ref.name';
/** Annotation that gives a layer its file name. */
export const TITLE = 'org.opencontainers.image.title';
/** Annotation for the creation time; always the epoch here, so that equal content has equal digests. */
export const CREATED = 'org.opencontainers.image.created';
