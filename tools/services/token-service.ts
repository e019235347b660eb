import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { startServer, type Answer, type Asked, type LocalServer } from './json-server.ts';

/** The token service of a registry: one user, public repositories below `public/`. */
export interface TokenService extends LocalServer {
  /** JSON Web Key Set that the registry trusts. */
  readonly jwks: string;
  readonly service: string;
  readonly issuer: string;
  /** Every request for a token: who asked, for what, how. */
  readonly asked: readonly { readonly method: string; readonly user: string; readonly scopes: readonly string[] }[];
}

/** Credentials that the service accepts. */
export const REGISTRY_USER = { username: 'robot', password: 'pa:ss word', refreshToken: 'refresh-me' } as const;

const LIFE_S = 300;
const KEY_ID = 'assay-registry-test';

/** @source distribution token authentication specification, and its OAuth2 variant */
export async function startTokenService(): Promise<TokenService> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const [service, issuer] = ['assay-registry', 'assay-tokens'];
  const asked: { method: string; user: string; scopes: readonly string[] }[] = [];
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const issue = (subject: string, access: unknown): string => {
    const now = Math.floor(Date.now() / 1000);
    const head = `${part({ alg: 'RS256', typ: 'JWT', kid: KEY_ID })}.${part({ iss: issuer, aud: service, sub: subject, iat: now, nbf: now - 5, exp: now + LIFE_S, jti: randomUUID(), access })}`;
    return `${head}.${sign('sha256', Buffer.from(head), privateKey).toString('base64url')}`;
  };
  const server = await startServer((request) => {
    const { user, scopes, isKnown } = whoAsks(request);
    asked.push({ method: request.method, user, scopes });
    if (!isKnown) return { status: 401, body: { errors: [{ code: 'UNAUTHORIZED' }] } };
    return grant(
      request,
      issue(
        user,
        scopes.map((scope) => accessOf(scope, user)),
      ),
    );
  });
  const jwks = JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: KEY_ID }] });
  return { ...server, jwks, service, issuer, asked };
}

/** Configuration of the CNCF registry that sends its clients here. */
export function tokenAuthConfig(tokens: TokenService, jwksFile: string): string {
  return `auth:\n  token:\n    realm: ${tokens.url}/token\n    service: ${tokens.service}\n    issuer: ${tokens.issuer}\n    jwks: ${jwksFile}\n`;
}

function whoAsks({ method, url, headers, body }: Asked): { user: string; scopes: readonly string[]; isKnown: boolean } {
  if (method === 'POST') {
    const form = new URLSearchParams(body.toString());
    return {
      user: 'refreshed',
      scopes: form.get('scope')?.split(' ') ?? [],
      isKnown: form.get('refresh_token') === REGISTRY_USER.refreshToken,
    };
  }
  const scopes = url.searchParams.getAll('scope');
  const basic = /^Basic (.+)$/.exec(headers.authorization ?? '')?.[1];
  if (basic === undefined) return { user: '', scopes, isKnown: true };
  const expected = `${REGISTRY_USER.username}:${REGISTRY_USER.password}`;
  return { user: REGISTRY_USER.username, scopes, isKnown: Buffer.from(basic, 'base64').toString() === expected };
}

function grant({ method }: Asked, token: string): Answer {
  return { body: method === 'POST' ? { access_token: token, expires_in: LIFE_S } : { token } };
}

/** Anonymous users may pull what is public. */
function accessOf(scope: string, user: string): unknown {
  const [type, name = '', actions = ''] = scope.split(':');
  const allowed = user === '' ? actions.split(',').filter((action) => action === 'pull' && name.startsWith('public/')) : actions.split(',');
  return { type, name, actions: allowed };
}
