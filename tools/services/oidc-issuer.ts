import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { startServer, type Answer, type Asked, type LocalServer } from './json-server.ts';

/** Several OIDC issuers under one origin, each with its own path, and the token endpoints that identity sources ask. */
export interface OidcIssuer extends LocalServer {
  /** A signed token of the issuer `<url><path>`. */
  readonly mint: (path: IssuerPath, claims?: Record<string, unknown>) => string;
  /** A person enters the code that the device flow showed. */
  readonly approve: (userCode: string) => void;
}

/** Kubernetes service accounts, people with e-mail addresses, plain URIs, GitHub workflows. */
export type IssuerPath = '/k8s' | '/email' | '/uri' | '/gha';

/** What a GitHub job presents to ask for its token. */
export const RUNNER_SECRET = 'runner-secret';

interface Device {
  readonly userCode: string;
  readonly challenge: string | null;
  approved: boolean;
}

const WORKFLOW = 'acme/evidence/.github/workflows/attest.yml@refs/heads/main';
const TOKEN_LIFE_S = 600;

export async function startOidcIssuer(): Promise<OidcIssuer> {
  const signer = tokenSigner();
  const devices = new Map<string, Device>();
  let base = '';
  const mint = (path: IssuerPath, claims: Record<string, unknown> = {}): string => {
    const now = Math.floor(Date.now() / 1000);
    return signer.sign({
      iss: base + path,
      aud: 'sigstore',
      iat: now,
      nbf: now - 5,
      exp: now + TOKEN_LIFE_S,
      ...defaultClaims(path, base),
      ...claims,
    });
  };
  const server = await startServer((asked) => answerOidc(asked, { base, devices, mint, jwk: signer.jwk }));
  base = server.url;
  const approve = (userCode: string): void => {
    for (const device of devices.values()) device.approved ||= device.userCode === userCode;
  };
  return { ...server, mint, approve };
}

interface Issuing {
  readonly base: string;
  readonly devices: Map<string, Device>;
  readonly mint: OidcIssuer['mint'];
  readonly jwk: unknown;
}

function answerOidc(asked: Asked, { base, devices, mint, jwk }: Issuing): Answer {
  const { pathname, searchParams } = asked.url;
  const form = new URLSearchParams(asked.body.toString());
  if (pathname === '/keys') return { body: { keys: [jwk] } };
  if (pathname.endsWith('/.well-known/openid-configuration')) return { body: discovery(base, pathname.replace(/\/\.well-known.*/, '')) };
  if (pathname === '/gha-token')
    return asked.headers.authorization === `Bearer ${RUNNER_SECRET}`
      ? { body: { value: mint('/gha', { aud: searchParams.get('audience') }) } }
      : { status: 401, body: {} };
  if (pathname.endsWith('/device/code')) return { body: newDevice(base, devices, form) };
  if (pathname.endsWith('/token'))
    return redeem(devices.get(form.get('device_code') ?? ''), form, () => mint(pathname.replace(/\/token$/, '') as IssuerPath));
  return { status: 404, body: { error: 'not found' } };
}

function discovery(base: string, path: string): unknown {
  return {
    issuer: base + path,
    jwks_uri: `${base}/keys`,
    token_endpoint: `${base}${path}/token`,
    authorization_endpoint: `${base}${path}/auth`,
    device_authorization_endpoint: `${base}${path}/device/code`,
    id_token_signing_alg_values_supported: ['RS256'],
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
  };
}

function newDevice(base: string, devices: Map<string, Device>, form: URLSearchParams): unknown {
  const deviceCode = randomBytes(16).toString('hex');
  const userCode = randomBytes(3).toString('hex').toUpperCase();
  devices.set(deviceCode, { userCode, challenge: form.get('code_challenge'), approved: false });
  return { device_code: deviceCode, user_code: userCode, verification_uri: `${base}/approve`, expires_in: 20, interval: 0.2 };
}

function redeem(device: Device | undefined, form: URLSearchParams, mint: () => string): Answer {
  const proof = createHash('sha256')
    .update(form.get('code_verifier') ?? '')
    .digest('base64url');
  if (device === undefined || device.challenge !== proof) return { status: 400, body: { error: 'invalid_grant' } };
  return device.approved
    ? { body: { token_type: 'Bearer', access_token: 'x', id_token: mint() } }
    : { status: 400, body: { error: 'authorization_pending' } };
}

function defaultClaims(path: IssuerPath, base: string): Record<string, unknown> {
  switch (path) {
    case '/k8s':
      return {
        sub: 'system:serviceaccount:evidence:collector',
        'kubernetes.io': { namespace: 'evidence', serviceaccount: { name: 'collector', uid: '2' } },
      };
    case '/email':
      return { sub: 'person-1', email: 'person@example.test', email_verified: true };
    case '/uri':
      return { sub: `${base}/users/1` };
    case '/gha':
      return workflowClaims();
  }
}

function workflowClaims(): Record<string, unknown> {
  const sha = 'a'.repeat(40);
  return {
    sub: 'repo:acme/evidence:ref:refs/heads/main',
    job_workflow_ref: WORKFLOW,
    job_workflow_sha: sha,
    workflow: 'attest',
    workflow_ref: WORKFLOW,
    workflow_sha: sha,
    sha,
    ref: 'refs/heads/main',
    event_name: 'push',
    repository: 'acme/evidence',
    repository_id: '1',
    repository_owner: 'acme',
    repository_owner_id: '2',
    repository_visibility: 'public',
    runner_environment: 'github-hosted',
    run_id: '3',
    run_attempt: '1',
  };
}

/** RS256: what every reader assumes. */
function tokenSigner(): { sign: (claims: Record<string, unknown>) => string; jwk: unknown } {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const kid = 'assay-test';
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return {
    jwk: { ...publicKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid },
    sign: (claims) => {
      const head = `${part({ alg: 'RS256', kid, typ: 'JWT' })}.${part(claims)}`;
      return `${head}.${sign('sha256', Buffer.from(head), privateKey).toString('base64url')}`;
    },
  };
}
