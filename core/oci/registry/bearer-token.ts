import type { AddressGuard } from '#core/http/address-guard.ts';
import { exchange, type RetryPolicy } from '#core/http/retry.ts';
import { isSecureUrl } from '#core/http/secure-url.ts';
import { readAnswer, send, type HttpAnswer, type HttpCall } from '#core/http/send.ts';
import { basicAuthorization, type Credential } from './credential.ts';
import { registryFailure, wrongAnswer } from './registry-failure.ts';

/** What a token is asked for. */
export interface TokenRequest {
  readonly realm: string | undefined;
  readonly service: string | undefined;
  /** As challenges have them: `repository:team/evidence:pull`. */
  readonly scopes: readonly string[];
  readonly credential: Credential | undefined;
  readonly plainHttp: boolean;
  readonly retry: RetryPolicy;
  readonly connection: Pick<HttpCall, 'idleTimeoutMs' | 'dispatcher' | 'signal'>;
  readonly guard?: AddressGuard;
}

const MAX_ANSWER = 1 << 20;
const OK = 200;
const CLIENT_ID = 'assay';

/**
 * Asks a registry's token service for a bearer token: anonymously, with a password, or with a refresh token.
 * @throws REGISTRY_UNAUTHORIZED, REGISTRY_FORBIDDEN, REGISTRY_REFUSED, REGISTRY_UNAVAILABLE, REGISTRY_RATE_LIMITED, ADDRESS_REFUSED; HttpFailure
 * @source distribution token authentication specification, and its OAuth2 variant
 */
export async function fetchBearerToken(request: TokenRequest): Promise<string> {
  const realm = realmUrl(request);
  await request.guard?.check(realm);
  const call =
    request.credential?.kind === 'identity-token' ? refreshCall(realm, request, request.credential.token) : scopeCall(realm, request);
  return exchange(() => send({ ...call, ...request.connection }), readToken, request.retry);
}

/** Credentials go to the realm, so it must be as safe as the registry itself. */
function realmUrl({ realm, plainHttp }: TokenRequest): URL {
  const url = realm !== undefined && URL.canParse(realm) ? new URL(realm) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw wrongAnswer('the registry', `names no usable token service: ${JSON.stringify(realm)?.slice(0, 200)}`);
  if (!plainHttp && !isSecureUrl(url)) throw wrongAnswer('the registry', `names a token service that is not https: ${url.origin}`);
  return url;
}

function scopeCall(realm: URL, { service, scopes, credential }: TokenRequest): Omit<HttpCall, 'idleTimeoutMs'> {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  return { method: 'GET', url, ...(credential?.kind === 'basic' ? { headers: { authorization: basicAuthorization(credential) } } : {}) };
}

function refreshCall(url: URL, { service, scopes }: TokenRequest, refreshToken: string): Omit<HttpCall, 'idleTimeoutMs'> {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    service: service ?? '',
    client_id: CLIENT_ID,
    scope: scopes.join(' '),
    refresh_token: refreshToken,
  });
  return { method: 'POST', url, headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: Buffer.from(form.toString()) };
}

async function readToken(answer: HttpAnswer): Promise<string> {
  if (answer.status !== OK) throw await registryFailure(answer, 'give a token for the repository');
  const token = tokenOf(await readAnswer(answer, MAX_ANSWER));
  // Line breaks would end the header that carries it.
  if (token === undefined || !/^[\x21-\x7e]+$/.test(token)) throw wrongAnswer(answer.url.host, 'answered without a token');
  return token;
}

function tokenOf(bytes: Buffer): string | undefined {
  try {
    const { token, access_token: accessToken } = JSON.parse(bytes.toString('utf8')) as { token?: unknown; access_token?: unknown };
    return [accessToken, token].find((text): text is string => typeof text === 'string' && text !== '');
  } catch {
    return undefined;
  }
}
