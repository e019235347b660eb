import { SIGNING_AUDIENCE } from './identity-token.ts';
import { askProvider, providerFailure } from './token-request.ts';

const PROVIDER = 'GitHub Actions';
const OK = 200;

/**
 * The workflow's own token, where the job has `id-token: write`.
 * @returns undefined outside of such a job
 * @throws IDENTITY_SOURCE_FAILED
 * @source GitHub documentation, "OpenID Connect reference", requesting the JWT with environment variables
 */
export async function githubActionsToken(
  env: Readonly<Record<string, string | undefined>>,
  audience: string = SIGNING_AUDIENCE,
): Promise<string | undefined> {
  const address = env['ACTIONS_ID_TOKEN_REQUEST_URL'];
  const bearer = env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'];
  if (address === undefined || bearer === undefined) return undefined;
  if (!URL.canParse(address)) throw providerFailure(PROVIDER, 'ACTIONS_ID_TOKEN_REQUEST_URL is not a URL');
  const url = new URL(address);
  url.searchParams.set('audience', audience);
  const headers = { authorization: `Bearer ${bearer}`, accept: 'application/json' };
  const { status, body } = await askProvider(PROVIDER, { method: 'GET', url, headers });
  if (status !== OK) throw providerFailure(PROVIDER, `it answered ${status}`);
  if (typeof body['value'] !== 'string' || body['value'] === '') throw providerFailure(PROVIDER, 'its answer holds no token');
  return body['value'];
}
