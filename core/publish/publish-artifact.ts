import type { Descriptor } from '#core/oci/descriptor.ts';
import type { ArtifactStore } from '#core/oci/store.ts';
import type { PackedArtifact } from './pack.ts';
import { packSignature } from './signature-referrer.ts';

/** Blobs that are sent at the same time. */
const PARALLEL = 4;

/** A signature to attach. */
export interface Signature {
  /** Exact bytes of the Sigstore bundle. */
  readonly sigstoreBundle: Uint8Array;
  readonly predicateType: string;
}

/** What is published where. */
export interface Publication {
  readonly artifact: PackedArtifact;
  /** Attached in this order; none leaves the artifact unsigned. */
  readonly signatures: readonly Signature[];
  /** Moved to the artifact last, so that whoever follows it finds everything in place. */
  readonly tag?: string;
}

/** Digests of what a publication stored. */
export interface Published {
  readonly artifact: Descriptor;
  readonly referrers: readonly Descriptor[];
}

/**
 * Stores an artifact, then its signatures, then the tag. Each step changes nothing when it was done before, so that a
 * publication that was cut off anywhere is finished by running it again.
 * @throws what the store throws; nothing is tagged then
 */
export async function publishArtifact(store: ArtifactStore, { artifact, signatures, tag }: Publication): Promise<Published> {
  await storeArtifact(store, artifact);
  const referrers: Descriptor[] = [];
  for (const signature of signatures) referrers.push(await attachSignature(store, artifact.descriptor, signature));
  if (tag !== undefined) await store.tag(artifact.descriptor.digest, tag);
  return { artifact: artifact.descriptor, referrers };
}

/** Stores blobs and manifest, untagged. */
export async function storeArtifact(store: ArtifactStore, artifact: PackedArtifact): Promise<Descriptor> {
  await putBlobs(store, artifact);
  const { mediaType, artifactType } = artifact.descriptor;
  const { subject } = artifact;
  return store.putManifest({
    bytes: artifact.manifest,
    mediaType,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(subject === undefined ? {} : { subject }),
  });
}

/** Attaches one signature to a stored artifact. @returns descriptor of the referrer */
export function attachSignature(store: ArtifactStore, subject: Descriptor, signature: Signature): Promise<Descriptor> {
  return storeArtifact(store, packSignature({ subject, ...signature }));
}

async function putBlobs(store: ArtifactStore, { blobs }: PackedArtifact): Promise<void> {
  const waiting = [...blobs];
  const sender = async (): Promise<void> => {
    for (let blob = waiting.shift(); blob !== undefined; blob = waiting.shift()) await store.putBlob(blob);
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL, blobs.length) }, sender));
}
