import { inspect } from 'node:util';
import { AssayError } from '#core/error.ts';

/** Audience that signing services expect everywhere. */
export const SIGNING_AUDIENCE = 'sigstore';
/** A token must outlive the requests that use it. */
const MIN_LIFE_MS = 30_000;
/** How far another clock may be ahead. */
const CLOCK_SKEW_MS = 60_000;
const MAX_LENGTH = 65_536;
const SECOND_MS = 1000;
const JWT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

interface Claims {
  readonly [name: string]: unknown;
}

/** An OIDC token that was checked for use. Printing it in any way shows its issuer, never its text. */
export class IdentityToken {
  readonly #text: string;
  readonly issuer: string;
  readonly subject: string;
  readonly expiresAtMs: number;

  constructor(text: string, claims: { readonly issuer: string; readonly subject: string; readonly expiresAtMs: number }) {
    this.#text = text;
    this.issuer = claims.issuer;
    this.subject = claims.subject;
    this.expiresAtMs = claims.expiresAtMs;
  }

  /** The secret itself, for the one request that needs it. */
  reveal(): string {
    return this.#text;
  }

  /** True while a request can still be made with it. */
  isUsable(nowMs: number): boolean {
    return this.expiresAtMs - nowMs >= MIN_LIFE_MS;
  }

  toString(): string {
    return `[identity token of ${this.issuer}]`;
  }

  toJSON(): string {
    return this.toString();
  }

  [inspect.custom](): string {
    return this.toString();
  }
}

/**
 * Checks what Fulcio would refuse with one unspecific answer, before anything is sent. Signature and issuer are Fulcio's to
 * judge. No message ever holds a part of the token.
 * @param text token as given; white space around it is dropped
 * @throws IDENTITY_TOKEN_MALFORMED, IDENTITY_TOKEN_AUDIENCE, IDENTITY_TOKEN_EXPIRED, IDENTITY_TOKEN_UNVERIFIED
 */
export function readIdentityToken(text: string, nowMs: number, audience: string = SIGNING_AUDIENCE): IdentityToken {
  const token = text.trim();
  const claims = readClaims(token);
  checkAudience(claims['aud'], audience);
  const expiresAtMs = checkTimes(claims, nowMs);
  if (claims['email'] !== undefined && claims['email_verified'] === false)
    throw new AssayError('IDENTITY_TOKEN_UNVERIFIED', 'the identity token names an e-mail address that its issuer has not verified');
  return new IdentityToken(token, { issuer: textClaim(claims, 'iss'), subject: textClaim(claims, 'sub'), expiresAtMs });
}

function readClaims(token: string): Claims {
  if (token.length > MAX_LENGTH || !JWT.test(token)) throw malformed('it does not have the three parts of a JWT');
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    if (typeof claims === 'object' && claims !== null && !Array.isArray(claims)) return claims as Claims;
  } catch {
    // the parser's own message would quote the token
  }
  throw malformed('its middle part is not a JSON object');
}

function checkAudience(claim: unknown, audience: string): void {
  const audiences = [claim].flat().filter((one) => typeof one === 'string');
  if (audiences.includes(audience)) return;
  throw new AssayError(
    'IDENTITY_TOKEN_AUDIENCE',
    `the identity token is for ${JSON.stringify(audiences).slice(0, 200)}, not for "${audience}"`,
    {
      hint: `Request a token with the audience "${audience}".`,
    },
  );
}

function checkTimes(claims: Claims, nowMs: number): number {
  const expiresAtMs = timeClaim(claims, 'exp');
  const notBeforeMs = timeClaim(claims, 'nbf') ?? timeClaim(claims, 'iat');
  if (expiresAtMs === undefined) throw malformed('it has no expiry');
  if (expiresAtMs - nowMs < MIN_LIFE_MS)
    throw expired(`expired or expires within ${MIN_LIFE_MS / SECOND_MS} s (${new Date(expiresAtMs).toISOString()})`);
  if (notBeforeMs !== undefined && notBeforeMs - nowMs > CLOCK_SKEW_MS)
    throw expired(`is valid only from ${new Date(notBeforeMs).toISOString()}`);
  return expiresAtMs;
}

function timeClaim(claims: Claims, name: string): number | undefined {
  const seconds = claims[name];
  if (seconds === undefined) return undefined;
  // Dates of the platform end here.
  if (typeof seconds !== 'number' || !(Math.abs(seconds) < 8.64e12)) throw malformed(`its claim "${name}" is not a time`);
  return seconds * SECOND_MS;
}

function textClaim(claims: Claims, name: string): string {
  const text = claims[name];
  if (typeof text !== 'string' || text === '') throw malformed(`it has no claim "${name}"`);
  return text;
}

function malformed(problem: string): AssayError {
  return new AssayError('IDENTITY_TOKEN_MALFORMED', `the identity token cannot be used: ${problem}`, {
    hint: 'Check where the token comes from; it must be an OIDC ID token.',
  });
}

function expired(problem: string): AssayError {
  return new AssayError('IDENTITY_TOKEN_EXPIRED', `the identity token ${problem}`, {
    hint: 'Request a fresh token, and check the clock of this computer.',
  });
}
