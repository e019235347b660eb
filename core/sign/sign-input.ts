import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BUNDLE_FILE } from '#core/attestation/media-type.ts';
import type { Pointer, PointerSigner } from '#core/attestation/pointer.ts';
import { bareHex, type Digest } from '#core/digest/sha256.ts';
import { AssayError, systemCode } from '#core/error.ts';
import { writeFileAtomically } from '#core/oci/atomic-file.ts';
import { onlyTag } from '#core/oci/only-tag.ts';
import { formatReference, type ArtifactReference } from '#core/oci/reference.ts';
import type { ArtifactStore } from '#core/oci/store.ts';
import { defaultTag } from '#core/publish/default-tag.ts';
import { loadArtifact, loadDirectory, type LoadedDirectory } from '#core/publish/loaded-bundle.ts';
import { parsePointer, pointerYaml } from '#core/publish/pointer-file.ts';
import { attachSignature } from '#core/publish/publish-artifact.ts';
import { POINTER_FILE } from '#core/publish/publish-bundle.ts';
import { claimsAbout } from '#core/publish/signature-claims.ts';
import { writeSignature } from '#core/publish/write-directory.ts';
import { clearPending, readPending } from './pending-signature.ts';
import { signEvidence } from './sign-evidence.ts';
import type { SigningRoute } from './sign-statement.ts';

/** What every way of signing needs. */
export interface SignOptions {
  readonly route: () => Promise<SigningRoute>;
  /** Path of the pending file, instead of the usual place. */
  readonly pendingPath?: string;
  /** Sign a directory again that has a signature already. */
  readonly replace?: boolean;
}

/** What signing an input led to. */
export interface SignedInput {
  readonly digest: Digest;
  readonly signer: PointerSigner;
  /** Path of the signature file, or digest of the referrer. */
  readonly signature: string;
  /** `signed`: made now. `finished`: made by an earlier attempt, delivered now. `unchanged`: was there already. */
  readonly outcome: 'signed' | 'finished' | 'unchanged';
}

const SHORT_DIGITS = 12;

/**
 * Signs a bundle in a directory: writes `attestation.intoto.jsonl` into it and the signer into the pointer beside it. The
 * signature is about the artifact that the directory packs to, so that it holds wherever that is published.
 * @throws BUNDLE_INVALID, SIGNATURE_STALE and what signing throws
 */
export async function signDirectory(path: string, options: SignOptions): Promise<SignedInput> {
  const bundle = await loadDirectory(path);
  const { directory, artifact, predicate, statement } = bundle;
  const { digest } = artifact.descriptor;
  const signature = join(directory, BUNDLE_FILE.signature);
  const pendingPath = options.pendingPath ?? join(dirname(directory), 'pending-signature.json');
  if (bundle.signature !== undefined && options.replace !== true) {
    const { signer } = claimsAbout(bundle.signature, digest);
    // What an attempt to replace it left undone is not wanted any more.
    if ((await readPending(pendingPath, digest)) !== undefined) await clearPending(pendingPath);
    return { digest, signer, signature, outcome: 'unchanged' };
  }
  const { signer, resumed } = await signEvidence({
    input: path,
    unsigned: statement,
    subject: { name: `evidence:${defaultTag(predicate.recipe.name, predicate.manifest.digest)}`, digest },
    pendingPath,
    route: options.route,
    deliver: async ({ sigstoreBundle, signer: by }) => {
      await writeSignature(directory, sigstoreBundle);
      await notePointer(bundle, by);
    },
  });
  return { digest, signer, signature, outcome: resumed ? 'finished' : 'signed' };
}

/**
 * Signs a bundle in a layout or registry by attaching a referrer; signatures of others stay beside it.
 * @param reference with tag or digest
 * @throws BUNDLE_INVALID, REFERENCE_INVALID and what signing and the store throw
 */
export async function signArtifact(reference: ArtifactReference, store: ArtifactStore, options: SignOptions): Promise<SignedInput> {
  const name = reference.digest ?? reference.tag ?? (await onlyTag(store));
  const { digest, predicate, statement } = await loadArtifact(store, name);
  const subject = await store.resolve(digest);
  if (subject === undefined) throw new AssayError('ARTIFACT_NOT_FOUND', `${store.name} has no ${digest}`);
  const isRegistry = reference.kind === 'registry';
  let signature = '';
  const { signer, resumed } = await signEvidence({
    input: formatReference(reference),
    unsigned: statement,
    subject: {
      name: isRegistry ? subjectName(reference) : `evidence:${defaultTag(predicate.recipe.name, predicate.manifest.digest)}`,
      digest,
    },
    pendingPath:
      options.pendingPath ??
      join(isRegistry ? '.' : dirname(reference.directory), `pending-signature-${bareHex(digest).slice(0, SHORT_DIGITS)}.json`),
    route: options.route,
    deliver: async ({ sigstoreBundle, predicateType }) => {
      signature = (await attachSignature(store, subject, { sigstoreBundle, predicateType })).digest;
    },
  });
  return { digest, signer, signature, outcome: resumed ? 'finished' : 'signed' };
}

/** The name of an artifact in a statement: where it was pushed, without its digest. */
function subjectName(reference: ArtifactReference): string {
  const { digest: _, ...named } = reference;
  return formatReference(named);
}

/** The pointer beside the directory, when it is about this artifact, learns who signed. */
async function notePointer({ directory, artifact }: LoadedDirectory, signer: PointerSigner): Promise<void> {
  const path = join(dirname(directory), POINTER_FILE);
  const pointer = await readPointer(path);
  if (pointer === undefined) return;
  const [attestation] = pointer.attestations;
  const { digest } = attestation.bundle;
  if (digest !== '' && digest !== artifact.descriptor.digest) return;
  const signed: Pointer = { ...pointer, attestations: [{ ...attestation, signer }] };
  await writeFileAtomically(path, [Buffer.from(pointerYaml(signed))]);
}

async function readPointer(path: string): Promise<Pointer | undefined> {
  try {
    return parsePointer(await readFile(path), path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
