import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import { certificateSigner } from '#core/attestation/certificate-signer.ts';
import type { PointerSigner } from '#core/attestation/pointer.ts';
import { parseStrictSigstoreBundle, type StrictSigstoreBundle } from '#core/attestation/strict-sigstore-bundle.ts';
import { AssayError, errorText } from '#core/error.ts';

/** What a check of our own signature needs to know. */
export interface OwnBundleCheck {
  /** The bytes that were meant to be signed. */
  readonly statement: Uint8Array;
  /** JSON bytes of the trusted root of the services that signed, where it is known. */
  readonly trustedRoot?: Uint8Array;
}

/**
 * Checks a Sigstore bundle that was just made as strictly as a foreign verifier will, before anyone sees it.
 * @param bytes exact bytes of the bundle document
 * @returns who the certificate names, and the log index (left out when 0, which upstream reads as "none")
 * @throws SIGNING_REJECTED with the reason
 */
export function checkOwnBundle(bytes: Uint8Array, check: OwnBundleCheck): PointerSigner {
  try {
    const strict = parseStrictSigstoreBundle(bytes);
    if (!Buffer.from(strict.payload).equals(check.statement)) throw new Error('the envelope holds other bytes than the statement');
    if (check.trustedRoot !== undefined) verifyWithRoot(strict, check.trustedRoot);
    return certificateSigner(strict);
  } catch (cause) {
    throw new AssayError('SIGNING_REJECTED', `the signature just made would be refused: ${errorText(cause)}`, {
      cause,
      hint: 'Sign again; if it repeats, the signing services and the trusted root do not belong together.',
    });
  }
}

/** An SCT is asked for when the root knows a CT log. */
function verifyWithRoot(strict: StrictSigstoreBundle, trustedRoot: Uint8Array): void {
  const root = TrustedRoot.fromJSON(JSON.parse(Buffer.from(trustedRoot).toString('utf8')));
  const verifier = new Verifier(toTrustMaterial(root), { ctlogThreshold: Math.min(root.ctlogs.length, 1) });
  verifier.verify(toSignedEntity(bundleFromJSON(strict.json)));
}
