/** What a token says about itself. Nobody has vouched for it: good for refusing early and for saying why, never for admitting. */
export interface TokenClaims {
  readonly audiences: readonly string[];
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

const SECOND_MS = 1000;

/**
 * Reads the claims of a JSON web token that Kubernetes could have issued.
 * @param token bounded by the caller: headers and messages have their limits
 * @returns undefined for anything else
 * @source RFC 7519, section 4.1
 */
export function parseTokenClaims(token: string): TokenClaims | undefined {
  const [, payload, signature, ...more] = token.split('.');
  if (payload === undefined || signature === undefined || more.length > 0) return undefined;
  const claims = parseObject(Buffer.from(payload, 'base64url').toString('utf8'));
  const issuedAtMs = timeOf(claims?.['iat']);
  const expiresAtMs = timeOf(claims?.['exp']);
  const audiences = [claims?.['aud']].flat().filter((each) => typeof each === 'string');
  return issuedAtMs === undefined || expiresAtMs === undefined ? undefined : { audiences, issuedAtMs, expiresAtMs };
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}

function timeOf(value: unknown): number | undefined {
  return typeof value === 'number' && value > 0 && value <= Number.MAX_SAFE_INTEGER / SECOND_MS ? value * SECOND_MS : undefined;
}
