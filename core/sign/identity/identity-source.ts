import { readFile } from 'node:fs/promises';
import { AssayError, errorText, systemCode } from '#core/error.ts';
import { deviceFlowToken, type DeviceFlow } from './device-flow.ts';
import { githubActionsToken } from './github-actions.ts';
import { readIdentityToken, type IdentityToken } from './identity-token.ts';

/** Where a cluster projects a service-account token for signing, as cosign has it. */
export const PROJECTED_TOKEN_FILE = '/var/run/sigstore/cosign/oidc-token';
/** Variables that may hold a token, in order. */
const TOKEN_VARIABLES = ['ASSAY_IDENTITY_TOKEN', 'SIGSTORE_ID_TOKEN', 'COSIGN_IDENTITY_TOKEN'] as const;

/** What the caller knows about identity. */
export interface IdentityOptions {
  /** The token itself. */
  readonly token?: string;
  /** File that holds it; read at signing time, because clusters rotate it. */
  readonly tokenFile?: string;
  /** Ask a person, through a browser anywhere. */
  readonly deviceFlow?: DeviceFlow;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Another place than {@link PROJECTED_TOKEN_FILE}. */
  readonly projectedTokenFile?: string;
  readonly audience?: string;
}

interface Source {
  readonly name: string;
  /** The token, or undefined when this source is not set up. */
  readonly read: () => Promise<string | undefined>;
}

/**
 * Takes the identity token from the first place that is set up, in this order: given token, given file, device flow,
 * environment, GitHub Actions, projected service-account token. What is set up and fails is an error, not a reason to go on.
 * @throws IDENTITY_MISSING, IDENTITY_SOURCE_FAILED, and those of the token's own checks
 */
export async function findIdentity(options: IdentityOptions, nowMs: number): Promise<IdentityToken> {
  for (const source of sources(options)) {
    const text = await source.read();
    if (text !== undefined) return readIdentityToken(text, nowMs, options.audience);
  }
  const names = sources(options).map(({ name }) => name);
  throw new AssayError('IDENTITY_MISSING', `no identity token: looked at ${names.join(', ')}`, {
    hint: 'Give --identity-token-file, --device-flow, or run where a CI provider or cluster gives a token with the audience "sigstore".',
  });
}

function sources(options: IdentityOptions): readonly Source[] {
  const { token, tokenFile, deviceFlow, env, projectedTokenFile = PROJECTED_TOKEN_FILE, audience } = options;
  return [
    { name: '--identity-token', read: () => Promise.resolve(token) },
    { name: '--identity-token-file', read: async () => (tokenFile === undefined ? undefined : requiredFile(tokenFile)) },
    { name: '--device-flow', read: async () => (deviceFlow === undefined ? undefined : deviceFlowToken(deviceFlow)) },
    {
      name: TOKEN_VARIABLES.join('/'),
      read: () => Promise.resolve(TOKEN_VARIABLES.map((name) => env[name]).find((value) => value !== undefined && value !== '')),
    },
    { name: 'GitHub Actions', read: () => githubActionsToken(env, audience) },
    { name: projectedTokenFile, read: () => optionalFile(projectedTokenFile) },
  ];
}

async function requiredFile(path: string): Promise<string> {
  const text = await optionalFile(path);
  if (text === undefined) throw new AssayError('IDENTITY_SOURCE_FAILED', `the identity token file ${path} does not exist`);
  return text;
}

async function optionalFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return undefined;
    throw new AssayError('IDENTITY_SOURCE_FAILED', `cannot read the identity token file ${path}: ${errorText(cause)}`, { cause });
  }
}
