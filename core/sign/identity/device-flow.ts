import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { askProvider, providerFailure, type ProviderAnswer } from './token-request.ts';

/** Sign in with a browser on any computer. */
export interface DeviceFlow {
  /** OIDC issuer. */
  readonly issuer: string;
  readonly clientId: string;
  /** Shows the person where to go and which code to enter. */
  readonly prompt: (text: string) => void;
}

const PROVIDER = 'the device flow';
const SCOPE = 'openid email';
const VERIFIER_BYTES = 32;
const SECOND_MS = 1000;
const DEFAULT_LIFE_S = 300;
const DEFAULT_INTERVAL_S = 5;
/** What RFC 8628 adds to the interval on `slow_down`. */
const SLOW_DOWN_S = 5;

/**
 * Asks a person to approve at the issuer and waits for the ID token.
 * @throws IDENTITY_SOURCE_FAILED when the issuer refuses, the person does, or the code expires
 * @source RFC 8628; PKCE as in RFC 7636; OpenID Connect Discovery 1.0
 */
export async function deviceFlowToken(flow: DeviceFlow): Promise<string> {
  const endpoints = await discover(flow.issuer);
  const verifier = randomBytes(VERIFIER_BYTES).toString('base64url');
  const code = await postForm(endpoints.device, {
    client_id: flow.clientId,
    scope: SCOPE,
    code_challenge_method: 'S256',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
  });
  const deviceCode = textOf(code, 'device_code');
  flow.prompt(
    `To sign, open ${optionalText(code, 'verification_uri_complete') ?? textOf(code, 'verification_uri')} and enter the code ${textOf(code, 'user_code')}`,
  );
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    client_id: flow.clientId,
    device_code: deviceCode,
    code_verifier: verifier,
  };
  return pollForToken(endpoints.token, form, {
    lifeS: secondsOf(code, 'expires_in', DEFAULT_LIFE_S),
    intervalS: secondsOf(code, 'interval', DEFAULT_INTERVAL_S),
  });
}

async function pollForToken(
  endpoint: string,
  form: Readonly<Record<string, string>>,
  pace: { readonly lifeS: number; readonly intervalS: number },
): Promise<string> {
  const endMs = performance.now() + pace.lifeS * SECOND_MS;
  for (let intervalS = pace.intervalS; performance.now() < endMs;) {
    await sleep(intervalS * SECOND_MS);
    const answer = await postForm(endpoint, form);
    const token = optionalText(answer, 'id_token');
    if (token !== undefined) return token;
    const error = optionalText(answer, 'error');
    if (error === 'slow_down') intervalS += SLOW_DOWN_S;
    else if (error !== 'authorization_pending')
      throw providerFailure(
        PROVIDER,
        error === undefined ? `the issuer answered ${answer.status}` : `the issuer says "${error.slice(0, 80)}"`,
      );
  }
  throw providerFailure(PROVIDER, 'the code expired before it was entered');
}

async function discover(issuer: string): Promise<{ device: string; token: string }> {
  const answer = await askProvider(PROVIDER, {
    method: 'GET',
    url: urlOf(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`),
  });
  if (answer.body['issuer'] !== issuer) throw providerFailure(PROVIDER, `the discovery document of ${issuer} is of another issuer`);
  return { device: textOf(answer, 'device_authorization_endpoint'), token: textOf(answer, 'token_endpoint') };
}

function postForm(address: string, form: Readonly<Record<string, string>>): Promise<ProviderAnswer> {
  const body = Buffer.from(new URLSearchParams(form).toString());
  return askProvider(PROVIDER, {
    method: 'POST',
    url: urlOf(address),
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body,
  });
}

function urlOf(address: string): URL {
  if (!URL.canParse(address)) throw providerFailure(PROVIDER, `"${address.slice(0, 200)}" is not a URL`);
  return new URL(address);
}

function textOf(answer: ProviderAnswer, name: string): string {
  const text = optionalText(answer, name);
  if (text === undefined) throw providerFailure(PROVIDER, `the issuer answered ${answer.status} without "${name}"`);
  return text;
}

function optionalText({ body }: ProviderAnswer, name: string): string | undefined {
  const text = body[name];
  return typeof text === 'string' && text !== '' ? text : undefined;
}

function secondsOf({ body }: ProviderAnswer, name: string, fallback: number): number {
  const seconds = body[name];
  return typeof seconds === 'number' && seconds > 0 && seconds <= 3600 ? seconds : fallback;
}
