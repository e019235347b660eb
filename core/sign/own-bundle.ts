import { bundleFromJSON } from '@sigstore/bundle';
import { X509Certificate } from '@sigstore/core';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import type { PointerSigner } from '#core/attestation/pointer.ts';
import { parseStrictSigstoreBundle, type StrictSigstoreBundle } from '#core/attestation/strict-sigstore-bundle.ts';
import { AssayError, errorText } from '#core/error.ts';

const OID_ISSUER_DER = '1.3.6.1.4.1.57264.1.8';
const OID_ISSUER_RAW = '1.3.6.1.4.1.57264.1.1';

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
    return signerOf(strict);
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

function signerOf({ certificate, logEntries }: StrictSigstoreBundle): PointerSigner {
  const leaf = X509Certificate.parse(Buffer.from(certificate));
  const identity = leaf.subjectAltName;
  const issuer =
    leaf.extension(OID_ISSUER_DER)?.valueObj.subs[0]?.value.toString('utf8') ?? leaf.extension(OID_ISSUER_RAW)?.value.toString('utf8');
  if (identity === undefined || issuer === undefined) throw new Error('the certificate names no identity or no issuer');
  const index = Number(logEntries[0]?.logIndex ?? 0);
  return { identity, issuer, ...(index > 0 && Number.isSafeInteger(index) ? { rekorLogIndex: index } : {}) };
}
