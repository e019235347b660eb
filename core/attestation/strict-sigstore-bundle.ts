import { AssayError } from '#core/error.ts';
import { checkLogEntry, isTimeless, type LogEntry } from './log-entry-rules.ts';
import { PAYLOAD_TYPE, SIGSTORE_BUNDLE_TYPE, SIZE_LIMIT } from './media-type.ts';
import { normalizeMessage } from './message-shape.ts';
import { SIGSTORE_BUNDLE_SHAPE } from './sigstore-shape.ts';
import { parseStrictJson } from './strict-json.ts';

const V02 = 'application/vnd.dev.sigstore.bundle+json;version=0.2';
const V03 = [
  SIGSTORE_BUNDLE_TYPE,
  'application/vnd.dev.sigstore.bundle.v0.3.1+json',
  'application/vnd.dev.sigstore.bundle+json;version=0.3',
];

interface Certificate {
  readonly rawBytes: string;
}

/** A bundle after its shape was checked. */
interface BundleMessage {
  readonly mediaType: string;
  readonly verificationMaterial: {
    readonly certificate?: Certificate;
    readonly x509CertificateChain?: { readonly certificates: readonly Certificate[] };
    readonly tlogEntries: readonly LogEntry[];
    readonly timestampVerificationData?: { readonly rfc3161Timestamps?: readonly unknown[] };
  };
  readonly dsseEnvelope: {
    readonly payload: string;
    readonly payloadType: string;
    readonly signatures: readonly { readonly sig: string; readonly keyid?: string }[];
  };
}

/** A Sigstore bundle whose form is beyond dispute; nothing in it is trusted yet. */
export interface StrictSigstoreBundle {
  /** As it stood in the document. */
  readonly mediaType: string;
  /** For `bundleFromJSON` of `@sigstore/bundle`: camelCase keys, a media type that the library knows. */
  readonly json: unknown;
  /** DER of the signing certificate. */
  readonly certificate: Uint8Array;
  /** Exact bytes of the signed statement. */
  readonly payload: Uint8Array;
  readonly logEntries: readonly LogEntry[];
}

/**
 * Decodes a Sigstore bundle as strictly as Go's verifiers, and in places more: one JSON document without repeated or unknown
 * keys, canonical base64, an accepted version, one certificate, one signature without key id, an in-toto payload, and log
 * entries whose every field is bound to something signed. Cryptography and identity are checked elsewhere.
 * @param bytes exact bytes of the document, at most 10 MiB
 * @throws FILE_TOO_LARGE, JSON_INVALID, SIGSTORE_BUNDLE_INVALID
 * @source sigstore protobuf-specs, sigstore_bundle.proto; sigstore-go `bundle.Bundle` validation
 */
export function parseStrictSigstoreBundle(bytes: Uint8Array): StrictSigstoreBundle {
  if (bytes.length > SIZE_LIMIT.sigstoreBundle)
    throw new AssayError('FILE_TOO_LARGE', `the Sigstore bundle has ${bytes.length} bytes, the limit is ${SIZE_LIMIT.sigstoreBundle}`);
  const parsed = parseStrictJson(bytes, 'the Sigstore bundle');
  const message = normalizeMessage(parsed, SIGSTORE_BUNDLE_SHAPE, 'bundle') as BundleMessage;
  const certificate = signingCertificate(message);
  checkEnvelope(message.dsseEnvelope);
  checkLog(message, certificate);
  return {
    mediaType: message.mediaType,
    json: { ...message, mediaType: message.verificationMaterial.certificate === undefined ? V02 : SIGSTORE_BUNDLE_TYPE },
    certificate,
    payload: Buffer.from(message.dsseEnvelope.payload, 'base64'),
    logEntries: message.verificationMaterial.tlogEntries,
  };
}

function signingCertificate({ mediaType, verificationMaterial }: BundleMessage): Buffer {
  if (mediaType !== V02 && !V03.includes(mediaType))
    throw invalid(`the media type ${JSON.stringify(mediaType)} is not a known bundle version`);
  const { certificate, x509CertificateChain: chain } = verificationMaterial;
  if (chain !== undefined && mediaType !== V02) throw invalid('a bundle of version 0.3 carries one certificate, not a chain');
  const leaf = certificate ?? chain?.certificates[0];
  if (leaf === undefined || (certificate !== undefined && chain !== undefined))
    throw invalid('the bundle must carry exactly one kind of certificate');
  return Buffer.from(leaf.rawBytes, 'base64');
}

function checkEnvelope({ payloadType, signatures }: BundleMessage['dsseEnvelope']): void {
  if (payloadType !== PAYLOAD_TYPE) throw invalid(`the envelope holds ${JSON.stringify(payloadType)}, not an in-toto statement`);
  if (signatures.length !== 1) throw invalid(`the envelope has ${signatures.length} signatures, exactly one is accepted`);
  if ((signatures[0]?.keyid ?? '') !== '') throw invalid('the envelope names a key id, which must be empty');
}

function checkLog({ verificationMaterial }: BundleMessage, certificate: Uint8Array): void {
  const { tlogEntries, timestampVerificationData } = verificationMaterial;
  if (tlogEntries.length === 0) throw invalid('the bundle has no transparency log entry');
  for (const entry of tlogEntries) checkLogEntry(entry, certificate);
  const distinct = new Set(tlogEntries.map((entry) => `${entry.logId.keyId} ${entry.canonicalizedBody}`));
  if (distinct.size !== tlogEntries.length) throw invalid('the bundle repeats a log entry');
  if (tlogEntries.every(isTimeless) && (timestampVerificationData?.rfc3161Timestamps ?? []).length === 0)
    throw invalid('the bundle has no trusted time: a Rekor v2 entry needs a timestamp beside it');
}

function invalid(message: string): AssayError {
  return new AssayError('SIGSTORE_BUNDLE_INVALID', message, {
    hint: 'Fetch the Sigstore bundle again; it is not one that verifiers accept.',
  });
}
