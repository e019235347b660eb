import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { AssayError, errorText } from '#core/error.ts';
import { keyedPseudonyms, type Pseudonyms } from '../probe/pseudonym.ts';

const LEAST_BYTES = 32;

/**
 * Pseudonyms under the key in a file, or under a key of this run alone.
 * @throws CONFIG_INVALID when the file cannot be read or holds too little
 */
export async function openPseudonyms(path: string | undefined): Promise<Pseudonyms> {
  if (path === undefined) return keyedPseudonyms(randomBytes(LEAST_BYTES));
  let key: Uint8Array;
  try {
    key = await readFile(path);
  } catch (cause) {
    throw new AssayError('CONFIG_INVALID', `the identity key cannot be read: ${errorText(cause)}`, {
      cause,
      hint: 'Check --identity-key-file.',
    });
  }
  if (key.length < LEAST_BYTES)
    throw new AssayError('CONFIG_INVALID', `the identity key has ${key.length} bytes, fewer than ${LEAST_BYTES}`, {
      hint: 'Make one with: head -c 32 /dev/urandom.',
    });
  return keyedPseudonyms(key);
}
