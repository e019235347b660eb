import { createHash } from 'node:crypto';
import type { Bundle } from '@sigstore/bundle';
import { dsse, pem } from '@sigstore/core';
import { TransparencyLogEntry } from '@sigstore/protobuf-specs';
import type { VerificationMaterial, Witness } from '@sigstore/sign';
import { AssayError } from '#core/error.ts';
import { postJson, REKOR } from './service-call.ts';

type LogEntry = NonNullable<VerificationMaterial['tlogEntries']>[number];
type DsseContent = Extract<Bundle['content'], { $case: 'dsseEnvelope' }>;

interface SignedDigest {
  readonly digest: string;
  readonly signature: string;
  readonly certificate: string;
}

/** How a log is asked. */
interface LogOptions {
  readonly url: URL;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/**
 * Logs a DSSE envelope in Rekor v2, the way its servers and Go's verifiers expect it: as a `hashedrekord` over the
 * envelope's pre-authentication encoding, with the certificate. The maintained client still sends an entry type that the
 * servers dropped. An append is sent once: a log that was slow may have written it, and a second try needs fresh keys.
 * @throws REKOR_REFUSED, REKOR_UNAVAILABLE, REKOR_ENTRY_WRONG (on `testify`)
 * @source Rekor v2 API, HashedRekordRequestV002
 */
export function rekorV2Witness({ url, timeoutMs, signal }: LogOptions): Witness {
  return {
    testify: async (content, certificatePem) => {
      const signed = signedDigest(content as DsseContent, certificatePem);
      const answer = await postJson({
        service: REKOR,
        url: new URL(`${url.href.replace(/\/$/, '')}/api/v2/log/entries`),
        body: { hashedRekordRequestV002: requestOf(signed) },
        timeoutMs,
        retry: { retries: 0, baseDelayMs: 0 },
        ...(signal === undefined ? {} : { signal }),
      });
      return { tlogEntries: [checkedEntry(answer, signed)] };
    },
  };
}

function signedDigest({ dsseEnvelope }: DsseContent, certificatePem: string): SignedDigest {
  const encoded = dsse.preAuthEncoding(dsseEnvelope.payloadType, dsseEnvelope.payload);
  return {
    digest: createHash('sha256').update(encoded).digest('base64'),
    signature: dsseEnvelope.signatures[0]?.sig.toString('base64') ?? '',
    certificate: pem.toDER(certificatePem).toString('base64'),
  };
}

/** Certificate and key details are mandatory: verifiers rebuild the leaf from the bundle. */
function requestOf({ digest, signature, certificate }: SignedDigest): unknown {
  const verifier = { x509Certificate: { rawBytes: certificate }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' };
  return { digest, signature: { content: signature, verifier } };
}

function checkedEntry(answer: unknown, signed: SignedDigest): LogEntry {
  const entry = TransparencyLogEntry.fromJSON(answer ?? {});
  const { logId, kindVersion, inclusionProof } = entry;
  if (logId === undefined || kindVersion === undefined || inclusionProof?.checkpoint === undefined) throw wrongEntry('is incomplete');
  if (!isAbout(entry.canonicalizedBody, signed)) throw wrongEntry('is about another signature');
  return { ...entry, logId, kindVersion };
}

function isAbout(body: Buffer, { digest, signature, certificate }: SignedDigest): boolean {
  const record = hashedRecord(body);
  return (
    record?.data?.digest === digest &&
    record.signature?.content === signature &&
    record.signature.verifier?.x509Certificate?.rawBytes === certificate
  );
}

interface HashedRecord {
  readonly data?: { readonly digest?: unknown };
  readonly signature?: { readonly content?: unknown; readonly verifier?: { readonly x509Certificate?: { readonly rawBytes?: unknown } } };
}

function hashedRecord(body: Buffer): HashedRecord | undefined {
  try {
    return (JSON.parse(body.toString('utf8')) as { spec?: { hashedRekordV002?: HashedRecord } } | null)?.spec?.hashedRekordV002;
  } catch {
    return undefined;
  }
}

function wrongEntry(problem: string): AssayError {
  return new AssayError('REKOR_ENTRY_WRONG', `the entry that Rekor answered with ${problem}`, {
    hint: 'Check the address of the log; do not use this signature.',
  });
}
