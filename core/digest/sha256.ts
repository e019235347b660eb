import { createHash, type Hash } from 'node:crypto';

declare const digestBrand: unique symbol;

/** A SHA-256 digest as text, `sha256:` plus 64 lowercase hex digits: the form used everywhere in Assay. */
export type Digest = string & { readonly [digestBrand]: true };

const DIGEST = /^sha256:[0-9a-f]{64}$/;
const PREFIX_LENGTH = 'sha256:'.length;

/**
 * SHA-256 over exact bytes.
 * @param bytes exact bytes; text is taken as UTF-8
 * @returns prefixed digest
 */
export function sha256(bytes: Uint8Array | string): Digest {
  return `sha256:${sha256Hex(bytes)}` as Digest;
}

/**
 * SHA-256 over exact bytes as bare lowercase hex, for the places where upstream's format has no prefix.
 * @param bytes exact bytes; text is taken as UTF-8
 */
export function sha256Hex(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Ends a running SHA-256 as a prefixed digest. */
export function finishSha256(hash: Hash): Digest {
  return `sha256:${hash.digest('hex')}` as Digest;
}

/** True when the text is a whole prefixed lowercase SHA-256 digest. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && DIGEST.test(text);
}

/** The 64 hex digits of a digest. */
export function bareHex(digest: Digest): string {
  return digest.slice(PREFIX_LENGTH);
}
