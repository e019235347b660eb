import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { sha256Hex } from '#core/digest/sha256.ts';
import { LAB_HOST } from '#core/attestation/lab-trust.ts';
import { signWith, type LabKey } from './key-pair.ts';

/** Host name of the lab's log; a checkpoint line and the trusted root carry it. */
export const LAB_LOG_HOST = `log.${LAB_HOST}`;
/** Go takes an entry for Rekor v1 only when the origin ends in a tree id. */
const ORIGIN = `${LAB_LOG_HOST} - 1`;
const LEAF_PREFIX = Buffer.of(0);
const KEY_HINT_BYTES = 4;

/** A signed DSSE envelope and the certificate that speaks for its key. */
export interface SignedEnvelope {
  readonly payload: Buffer;
  readonly payloadType: string;
  readonly signature: Buffer;
  readonly certificatePem: string;
}

/** A log entry in the fields of a Sigstore bundle. */
export interface LabLogEntry {
  readonly logIndex: string;
  readonly logId: { readonly keyId: Buffer };
  readonly kindVersion: { readonly kind: string; readonly version: string };
  readonly integratedTime: string;
  readonly inclusionPromise: { readonly signedEntryTimestamp: Buffer };
  readonly inclusionProof: {
    readonly logIndex: string;
    readonly rootHash: Buffer;
    readonly treeSize: string;
    readonly hashes: Buffer[];
    readonly checkpoint: { readonly envelope: string };
  };
  readonly canonicalizedBody: Buffer;
}

/**
 * Writes the only entry of a fresh log: a Rekor v1 `dsse` body, a signed entry timestamp, and a tree of one leaf with its
 * checkpoint. The log key must not be used again, or the log would contradict itself.
 * @param integratedTime seconds since the epoch
 * @source Rekor dsse v0.0.1 type; RFC 6962 section 2.1; C2SP tlog-checkpoint
 */
export function makeLogEntry(envelope: SignedEnvelope, integratedTime: number, log: LabKey): LabLogEntry {
  const body = Buffer.from(entryBody(envelope));
  const rootHash = createHash('sha256').update(LEAF_PREFIX).update(body).digest();
  const promise = { body: body.toString('base64'), integratedTime, logID: log.id.toString('hex'), logIndex: 0 };
  return {
    logIndex: '0',
    logId: { keyId: log.id },
    kindVersion: { kind: 'dsse', version: '0.0.1' },
    integratedTime: String(integratedTime),
    inclusionPromise: { signedEntryTimestamp: signWith(log, canonicalText(promise)) },
    inclusionProof: { logIndex: '0', rootHash, treeSize: '1', hashes: [], checkpoint: { envelope: checkpoint(rootHash, log) } },
    canonicalizedBody: body,
  };
}

function entryBody({ payload, payloadType, signature, certificatePem }: SignedEnvelope): string {
  const encoded = signature.toString('base64');
  const envelope = canonicalText({ payload: payload.toString('base64'), payloadType, signatures: [{ sig: encoded }] });
  const verifier = Buffer.from(certificatePem).toString('base64');
  return canonicalText({
    apiVersion: '0.0.1',
    kind: 'dsse',
    spec: {
      envelopeHash: { algorithm: 'sha256', value: sha256Hex(envelope) },
      payloadHash: { algorithm: 'sha256', value: sha256Hex(payload) },
      signatures: [{ signature: encoded, verifier }],
    },
  });
}

function checkpoint(rootHash: Buffer, log: LabKey): string {
  const note = `${ORIGIN}\n1\n${rootHash.toString('base64')}\n`;
  const signature = Buffer.concat([log.id.subarray(0, KEY_HINT_BYTES), signWith(log, note)]);
  return `${note}\n\u2014 ${LAB_LOG_HOST} ${signature.toString('base64')}\n`;
}

function canonicalText(value: unknown): string {
  return String(canonicalize(value));
}
