import { dirname, join } from 'node:path';
import type { Pointer, PointerSigner } from '#core/attestation/pointer.ts';
import type { Digest } from '#core/digest/sha256.ts';
import { writeFileAtomically } from '#core/oci/atomic-file.ts';
import { formatReference, type ArtifactReference } from '#core/oci/reference.ts';
import type { ArtifactStore } from '#core/oci/store.ts';
import { defaultTag } from './default-tag.ts';
import type { LoadedDirectory } from './loaded-bundle.ts';
import { pointerYaml } from './pointer-file.ts';
import { publishArtifact } from './publish-artifact.ts';
import { claimsAbout } from './signature-claims.ts';

/** Name of the pointer beside a bundle directory. */
export const POINTER_FILE = 'pointer.yaml';

/** What publishing a directory led to. */
export interface PublishedBundle {
  /** Reference with tag, without digest. */
  readonly reference: string;
  readonly digest: Digest;
  readonly pointer: Pointer;
  readonly pointerPath: string;
  /** Claimed by the signature; nothing was verified. */
  readonly signer?: PointerSigner;
}

/** Where a directory is published. */
export interface PublishTarget {
  readonly reference: ArtifactReference;
  readonly store: ArtifactStore;
  /** Path of the pointer, default beside the bundle directory. */
  readonly pointerPath?: string;
}

/**
 * Stores a bundle directory with its signature, tags it, and writes the pointer that names it. Running it again, also after
 * it was cut off, ends in the same state.
 * @throws SIGNATURE_STALE, and what the store throws; the pointer is written last, so it never names what is not there
 */
export async function publishBundle(bundle: LoadedDirectory, target: PublishTarget): Promise<PublishedBundle> {
  const { artifact, predicate, statement, signature } = bundle;
  const { digest } = artifact.descriptor;
  const claims = signature === undefined ? undefined : claimsAbout(signature, digest);
  const tag = target.reference.tag ?? defaultTag(predicate.recipe.name, predicate.manifest.digest);
  const signatures =
    signature === undefined || claims === undefined ? [] : [{ sigstoreBundle: signature, predicateType: claims.predicateType }];
  await publishArtifact(target.store, { artifact, signatures, tag });

  const reference = formatReference(tagged(target.reference, tag));
  const isPushed = target.reference.kind === 'registry';
  const named = { oci: isPushed ? reference : '', digest, predicateType: statement.predicateType };
  const pointer: Pointer = {
    schemaVersion: '1.0.0',
    recipe: predicate.recipe.name,
    attestations: [{ attestedAt: predicate.attestedAt, bundle: named, ...(claims === undefined ? {} : { signer: claims.signer }) }],
  };
  const pointerPath = target.pointerPath ?? join(dirname(bundle.directory), POINTER_FILE);
  await writeFileAtomically(pointerPath, [Buffer.from(pointerYaml(pointer))]);
  return { reference, digest, pointer, pointerPath, ...(claims === undefined ? {} : { signer: claims.signer }) };
}

function tagged(reference: ArtifactReference, tag: string): ArtifactReference {
  const { digest: _, ...rest } = reference;
  return { ...rest, tag };
}
