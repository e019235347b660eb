import { AssayError } from '#core/error.ts';
import { parseCheckpoint } from './checkpoint-note.ts';
import { decodeStrictBase64 } from './strict-base64.ts';
import { parseStrictJson } from './strict-json.ts';

/** A transparency log entry after its shape was checked: camelCase keys, counts as decimal text, bytes as canonical base64. */
export interface LogEntry {
  readonly logIndex?: string;
  readonly logId: { readonly keyId: string };
  readonly kindVersion: { readonly kind: string; readonly version: string };
  readonly integratedTime?: string;
  readonly inclusionPromise?: { readonly signedEntryTimestamp: string };
  readonly inclusionProof: {
    readonly logIndex?: string;
    readonly rootHash: string;
    readonly treeSize: string;
    readonly hashes?: readonly string[];
    readonly checkpoint: { readonly envelope: string };
  };
  readonly canonicalizedBody: string;
}

interface EntryBody {
  readonly apiVersion?: unknown;
  readonly kind?: unknown;
  readonly spec?: Record<string, never>;
}

type VerifierOf = (spec: Record<string, never>) => unknown;

/** How the entry kinds that Go verifiers accept for a DSSE envelope carry the signer's certificate; only the last is Rekor v2. */
const CERTIFICATE_IN_BODY: Readonly<Record<string, VerifierOf>> = {
  'dsse 0.0.1': (spec) => (spec['signatures'] as { verifier?: unknown }[] | undefined)?.[0]?.verifier,
  'intoto 0.0.2': (spec) =>
    (spec['content'] as { envelope?: { signatures?: { publicKey?: unknown }[] } } | undefined)?.envelope?.signatures?.[0]?.publicKey,
  'hashedrekord 0.0.2': (spec) =>
    (spec['hashedRekordV002'] as { signature?: { verifier?: { x509Certificate?: { rawBytes?: unknown } } } } | undefined)?.signature
      ?.verifier?.x509Certificate?.rawBytes,
};
const REKOR_V2 = 'hashedrekord 0.0.2';
const PEM = /^-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/=\n]+)-----END CERTIFICATE-----\n*$/;

/** True when the entry's log gives no time of its own, so that the bundle needs a timestamp. */
export function isTimeless(entry: LogEntry): boolean {
  return kindOf(entry) === REKOR_V2;
}

/**
 * Checks of one log entry that lenient readers leave out: index, time and promise are bound to something signed, proof and
 * checkpoint agree, and the logged certificate is the bundle's.
 * @param certificate DER of the signing certificate
 * @throws SIGSTORE_BUNDLE_INVALID
 */
export function checkLogEntry(entry: LogEntry, certificate: Uint8Array): void {
  if (!Object.hasOwn(CERTIFICATE_IN_BODY, kindOf(entry))) throw invalid(`a log entry of kind "${kindOf(entry)}" is not supported`);
  if (isTimeless(entry)) checkTimeless(entry);
  else if (entry.inclusionPromise === undefined)
    throw invalid('a Rekor v1 entry without inclusion promise binds neither its index nor its time');
  checkProof(entry);
  checkBody(entry, certificate);
}

function checkTimeless(entry: LogEntry): void {
  if ((entry.integratedTime ?? '0') !== '0') throw invalid('a Rekor v2 entry claims an integrated time, which nothing signs');
  if (entry.inclusionPromise !== undefined) throw invalid('a Rekor v2 entry claims an inclusion promise, which that log never gives');
  if ((entry.logIndex ?? '0') !== (entry.inclusionProof.logIndex ?? '0'))
    throw invalid('the entry and its inclusion proof name different log indexes');
}

function checkProof(entry: LogEntry): void {
  const { logIndex = '0', treeSize, rootHash, checkpoint } = entry.inclusionProof;
  if (BigInt(logIndex) >= BigInt(treeSize)) throw invalid(`the inclusion proof's index ${logIndex} is beyond its tree of ${treeSize}`);
  const signed = parseCheckpoint(checkpoint.envelope);
  if (signed.treeSize !== treeSize || signed.rootHash !== rootHash)
    throw invalid('the inclusion proof and its checkpoint describe different trees');
}

function checkBody(entry: LogEntry, certificate: Uint8Array): void {
  const body = parseStrictJson(Buffer.from(entry.canonicalizedBody, 'base64'), 'the log entry body') as EntryBody | null;
  if (`${String(body?.kind)} ${String(body?.apiVersion)}` !== kindOf(entry))
    throw invalid('the log entry names another kind than its body');
  const verifier = body?.spec === undefined ? undefined : CERTIFICATE_IN_BODY[kindOf(entry)]?.(body.spec);
  const logged = typeof verifier === 'string' ? decodeStrictBase64(verifier) : undefined;
  if (logged === undefined || !certificateBytes(logged).equals(certificate))
    throw invalid('the logged certificate is not the one in the bundle');
}

function certificateBytes(logged: Buffer): Buffer {
  const pem = PEM.exec(logged.toString('latin1'))?.[1];
  return pem === undefined ? logged : (decodeStrictBase64(pem.replaceAll('\n', '')) ?? logged);
}

function kindOf(entry: LogEntry): string {
  return `${entry.kindVersion.kind} ${entry.kindVersion.version}`;
}

function invalid(message: string): AssayError {
  return new AssayError('SIGSTORE_BUNDLE_INVALID', message);
}
