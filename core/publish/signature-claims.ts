import type { PointerSigner } from '#core/attestation/pointer.ts';
import { parseStrictJson } from '#core/attestation/strict-json.ts';
import { parseStrictSigstoreBundle } from '#core/attestation/strict-sigstore-bundle.ts';
import { bareHex, type Digest } from '#core/digest/sha256.ts';
import { AssayError, errorText } from '#core/error.ts';
import { certificateSigner } from '#core/attestation/certificate-signer.ts';

/** What a signature says about itself; nothing of it was verified. */
export interface ClaimedSignature {
  readonly signer: PointerSigner;
  readonly predicateType: string;
  /** Bare hex of the first subject. */
  readonly subject: string;
}

/**
 * Reads what a Sigstore bundle claims, without judging it.
 * @throws SIGSTORE_BUNDLE_INVALID, JSON_INVALID, FILE_TOO_LARGE
 */
export function readClaims(sigstoreBundle: Uint8Array): ClaimedSignature {
  const strict = parseStrictSigstoreBundle(sigstoreBundle);
  const statement = parseStrictJson(strict.payload, 'the signed statement') as {
    predicateType?: unknown;
    subject?: readonly { digest?: { sha256?: unknown } }[];
  } | null;
  const subject = statement?.subject?.[0]?.digest?.sha256;
  if (typeof subject !== 'string' || typeof statement?.predicateType !== 'string')
    throw new AssayError('SIGSTORE_BUNDLE_INVALID', 'the signed statement names no subject or no predicate type');
  return { signer: certificateSigner(strict), predicateType: statement.predicateType, subject };
}

/**
 * Reads what the signature beside a bundle claims, and makes sure that it is about this artifact.
 * @throws SIGNATURE_STALE
 */
export function claimsAbout(sigstoreBundle: Uint8Array, artifact: Digest): ClaimedSignature {
  const claims = readStale(sigstoreBundle);
  if (claims.subject === bareHex(artifact)) return claims;
  throw stale(`it is about sha256:${claims.subject}, the bundle packs to ${artifact}`);
}

function readStale(sigstoreBundle: Uint8Array): ClaimedSignature {
  try {
    return readClaims(sigstoreBundle);
  } catch (cause) {
    throw stale(errorText(cause), cause);
  }
}

function stale(problem: string, cause?: unknown): AssayError {
  return new AssayError('SIGNATURE_STALE', `the signature beside the bundle cannot be used: ${problem}`, {
    cause,
    hint: 'Sign the bundle again: assay sign --replace',
  });
}
