import { LAB_ISSUER } from '#core/attestation/lab-trust.ts';

/** Longest user or host name that enters a certificate; longer ones are cut. */
const MAX_NAME = 255;

/**
 * The name a lab certificate gives its holder: who ran it where, by that computer's own word.
 * @param user login name
 * @param host host name
 * @returns `https://lab.assay.invalid/local/<user>@<host>` with both names percent-encoded
 */
export function labIdentity(user: string, host: string): string {
  return `${LAB_ISSUER}/local/${encodeName(user)}@${encodeName(host)}`;
}

function encodeName(name: string): string {
  const known = name.trim() === '' ? 'unknown' : name;
  return encodeURIComponent(known.slice(0, MAX_NAME).toWellFormed());
}
