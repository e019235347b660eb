import { artifactStatement, statementBytes } from '#core/attestation/build-statement.ts';
import type { PointerSigner } from '#core/attestation/pointer.ts';
import type { Statement } from '#core/attestation/statement.ts';
import type { Digest } from '#core/digest/sha256.ts';
import { AssayError, isAssayError } from '#core/error.ts';
import { claimsAbout } from '#core/publish/signature-claims.ts';
import { clearPending, readPending, writePending, type PendingSignature } from './pending-signature.ts';
import { signStatement, type SigningRoute } from './sign-statement.ts';

/** What is signed, and what happens with the signature. */
export interface Signing {
  /** What the user named. */
  readonly input: string;
  /** The bundle's unsigned statement; its predicate is what gets signed. */
  readonly unsigned: Statement;
  /** The artifact, by the name it has or will have. */
  readonly subject: { readonly name: string; readonly digest: Digest };
  /** Where unfinished work is kept. */
  readonly pendingPath: string;
  /** Finds identity and services; called only when a signature must still be made. */
  readonly route: () => Promise<SigningRoute>;
  /** Puts the signature where it belongs. Doing it twice changes nothing. */
  readonly deliver: (signature: {
    readonly sigstoreBundle: Uint8Array;
    readonly predicateType: string;
    readonly signer: PointerSigner;
  }) => Promise<void>;
}

/** Who signed, and whether this attempt or an earlier one made the signature. */
export interface SigningResult {
  readonly signer: PointerSigner;
  readonly resumed: boolean;
}

/**
 * Signs the digest of an artifact and delivers the signature. Whatever stops it, no half-signed artifact exists: until the
 * signature is delivered whole the artifact is unsigned, and what is left to do stands in the pending file. Running it again
 * finishes the job; a signature that was already made is delivered, not made again.
 * @throws the errors of route, signing and delivery; those with exit 3 carry `details.pending`, the path of the pending file
 */
export async function signEvidence(signing: Signing): Promise<SigningResult> {
  const { input, subject, pendingPath } = signing;
  const earlier = await readPending(pendingPath, subject.digest);
  let pending: PendingSignature = {
    schemaVersion: '1.0.0',
    subject,
    input,
    ...(earlier?.sigstoreBundle === undefined ? {} : { sigstoreBundle: earlier.sigstoreBundle }),
  };
  try {
    pending = { ...pending, sigstoreBundle: pending.sigstoreBundle ?? (await makeSignature(signing)) };
    if (earlier?.sigstoreBundle === undefined) await writePending(pendingPath, pending);
    const sigstoreBundle = Buffer.from(pending.sigstoreBundle ?? '', 'utf8');
    const { signer, predicateType } = claimsAbout(sigstoreBundle, subject.digest);
    await signing.deliver({ sigstoreBundle, predicateType, signer });
    await clearPending(pendingPath);
    return { signer, resumed: earlier?.sigstoreBundle !== undefined };
  } catch (error) {
    throw await keepPending(error, pending, pendingPath);
  }
}

async function makeSignature({ unsigned, subject, route }: Signing): Promise<string> {
  const statement = statementBytes(artifactStatement(subject, unsigned));
  const { sigstoreBundle } = await signStatement(statement, await route());
  return Buffer.from(sigstoreBundle).toString('utf8');
}

/** What may work later is remembered; what never will is not. */
async function keepPending(error: unknown, pending: PendingSignature, path: string): Promise<unknown> {
  if (!isAssayError(error) || error.exit !== 3) return error;
  await writePending(path, { ...pending, reason: { code: error.code, message: error.message } });
  const hint = `${error.hint === undefined ? '' : `${error.hint} `}What is left to do stands in ${path}; sign the same input again to finish it.`;
  return new AssayError(error.code, error.message, { hint, cause: error, details: { ...error.details, pending: path } });
}
