import { X509Certificate } from '@sigstore/core';
import { AssayError } from '#core/error.ts';
import type { PointerSigner } from './pointer.ts';
import type { StrictSigstoreBundle } from './strict-sigstore-bundle.ts';

const OID_ISSUER_DER = '1.3.6.1.4.1.57264.1.8';
const OID_ISSUER_RAW = '1.3.6.1.4.1.57264.1.1';

/**
 * Who a bundle's certificate names, and the log index (left out when 0, which upstream reads as "none"). Only a verified
 * certificate makes this true.
 * @throws SIGSTORE_BUNDLE_INVALID when the certificate cannot be read or names nobody
 * @source Fulcio certificate specification, extensions 1.1 and 1.8
 */
export function certificateSigner({ certificate, logEntries }: StrictSigstoreBundle): PointerSigner {
  const { identity, issuer } = readNames(certificate);
  if (identity === undefined || issuer === undefined)
    throw new AssayError('SIGSTORE_BUNDLE_INVALID', 'the certificate names no identity or no issuer');
  const index = Number(logEntries[0]?.logIndex ?? 0);
  return { identity, issuer, ...(index > 0 && Number.isSafeInteger(index) ? { rekorLogIndex: index } : {}) };
}

function readNames(der: Uint8Array): { readonly identity: string | undefined; readonly issuer: string | undefined } {
  try {
    const leaf = X509Certificate.parse(Buffer.from(der));
    const wrapped = leaf.extension(OID_ISSUER_DER)?.valueObj.subs[0]?.value.toString('utf8');
    return { identity: leaf.subjectAltName, issuer: wrapped ?? leaf.extension(OID_ISSUER_RAW)?.value.toString('utf8') };
  } catch (cause) {
    throw new AssayError('SIGSTORE_BUNDLE_INVALID', 'the certificate cannot be read', { cause });
  }
}
