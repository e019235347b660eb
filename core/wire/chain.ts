import { createHash } from 'node:crypto';

const CHAIN = 'assay/v1/chain\0';
const BATCH = 'assay/v1/batch\0';
const HELLO = 'assay/v1/hello\0';

/** Label under which both ends export their TLS keying material (RFC 5705), 32 bytes: what ties a hello to its connection. */
export const EXPORTER_LABEL = 'EXPORTER-assay-hello';
/** Bytes of keying material. */
export const EXPORTER_LENGTH = 32;

/** What makes one agent's chain its own. */
export interface ChainStart {
  /** The run's nonce, 32 bytes: a chain of another run never fits. */
  readonly nonce: Uint8Array;
  /** Raw Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly node: string;
}

/** Link 0: before any record. @returns 32 bytes */
export function firstLink(start: ChainStart): Buffer {
  return createHash('sha256').update(CHAIN).update(start.nonce).update(start.publicKey).update(start.node).digest();
}

/** Link n from link n-1 and the exact bytes of record n. @returns 32 bytes */
export function nextLink(link: Uint8Array, record: Uint8Array): Buffer {
  return createHash('sha256').update(link).update(record).digest();
}

/** What the signature of a batch stands under. */
export interface BatchClaim {
  readonly nonce: Uint8Array;
  readonly firstSeq: number;
  readonly count: number;
  readonly prevLink: Uint8Array;
  /** Link after the last record: commits to the bytes of all of them. */
  readonly lastLink: Uint8Array;
}

/** Exact bytes that an agent signs for a batch. */
export function batchToSign(claim: BatchClaim): Buffer {
  const numbers = Buffer.alloc(8);
  numbers.writeUInt32BE(claim.firstSeq, 0);
  numbers.writeUInt32BE(claim.count, 4);
  return Buffer.concat([Buffer.from(BATCH), claim.nonce, numbers, claim.prevLink, claim.lastLink]);
}

/**
 * Exact bytes that an agent signs for its hello: proof that it holds the key, usable on this TLS connection only.
 * @param exporter keying material of the connection, {@link EXPORTER_LENGTH} bytes
 */
export function helloToSign(exporter: Uint8Array, node: string): Buffer {
  return Buffer.concat([Buffer.from(HELLO), exporter, Buffer.from(node)]);
}
