import { createHmac } from 'node:crypto';

/** Turns what names one device into something that only says "the same one again". */
export interface Pseudonyms {
  /** Tells which key was used, not what it is. */
  readonly keyId: string;
  /**
   * The pseudonym of an identity.
   * @param purpose keeps one identity from having one pseudonym in two places
   */
  readonly of: (purpose: string, identity: string) => string;
}

const SCHEMA = 'assay/identity/v1';

/**
 * Pseudonyms under a secret key. A plain digest would not do: serial numbers and addresses with vendor prefix can be tried out.
 * @param key at least 32 secret bytes, the same for all nodes and runs that are to be compared
 */
export function keyedPseudonyms(key: Uint8Array): Pseudonyms {
  const mac = (text: string): string => createHmac('sha256', key).update(`${SCHEMA}\0${text}`).digest('hex');
  return {
    keyId: mac('key-id').slice(0, 16),
    of: (purpose, identity) => `hmac-sha256:${mac(`${purpose}\0${identity.trim().toLowerCase()}`)}`,
  };
}
