import { sha256Hex } from '#core/digest/sha256.ts';
import { AssayError } from '#core/error.ts';

const SLUG_DIGITS = 32;

/**
 * The directory name of one signer's evidence: the same everywhere, and telling nothing about the signer by itself.
 * @returns first 32 hex digits of SHA-256 over issuer, line feed, identity
 * @throws POINTER_INVALID when either is empty
 * @source recipe-evidence v1, pointer layouts
 */
export function sourceSlug(issuer: string, identity: string): string {
  if (issuer === '' || identity === '')
    throw new AssayError('POINTER_INVALID', 'a source directory needs an issuer and an identity, one of them is empty');
  return sha256Hex(`${issuer}\n${identity}`).slice(0, SLUG_DIGITS);
}
