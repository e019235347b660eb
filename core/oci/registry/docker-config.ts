import { readFile } from 'node:fs/promises';
import { AssayError, errorText, systemCode } from '#core/error.ts';
import type { Credential, CredentialLookup } from './credential.ts';

/** What a credential helper prints for a host; undefined when it has nothing. */
export interface HelperAnswer {
  readonly username: string;
  readonly secret: string;
}

/** Runs `docker-credential-<helper> get` for a host. */
export type HelperRunner = (helper: string, host: string) => Promise<HelperAnswer | undefined>;

interface DockerConfig {
  readonly auths?: Readonly<Record<string, AuthEntry | null>>;
  readonly credHelpers?: Readonly<Record<string, string>>;
  readonly credsStore?: string;
}

interface AuthEntry {
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
}

const MAX_BYTES = 4 << 20;
/** Docker Hub has had several names; its entry is kept under the oldest. */
const HUB_NAMES = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);
const HUB_KEY = 'https://index.docker.io/v1/';
/** User name by which a helper says that its secret is a refresh token. */
const TOKEN_USER = '<token>';
const HELPER_NAME = /^[A-Za-z0-9._-]+$/;

/**
 * Looks credentials up as `docker` does: helper of the host, then the store, then the file's own entries. Hosts must match
 * exactly. The file is read once, on the first question; a file that is not there has no credentials.
 * @param path of `config.json`
 * @throws CREDENTIALS_UNREADABLE (on lookup)
 * @source docker CLI, "Credential store options"
 */
export function dockerCredentials(path: string, runHelper: HelperRunner): CredentialLookup {
  let config: Promise<DockerConfig> | undefined;
  return async (host) => {
    config ??= readConfig(path);
    return findCredential(await config, host, runHelper);
  };
}

/**
 * Looks credentials up in the text of a Docker configuration alone, as a cluster keeps it in a Secret; helpers are of the
 * computer that it was made on, and not asked.
 * @throws CREDENTIALS_UNREADABLE
 */
export function configCredentials(text: string, name: string): CredentialLookup {
  const { auths = {} } = parseConfig(text, name);
  return (host) => findCredential({ auths }, host, () => Promise.resolve(undefined));
}

async function findCredential(config: DockerConfig, host: string, runHelper: HelperRunner): Promise<Credential | undefined> {
  const isHub = HUB_NAMES.has(host);
  const helper = entryFor(config.credHelpers ?? {}, host) ?? config.credsStore;
  if (typeof helper === 'string' && helper !== '') {
    if (!HELPER_NAME.test(helper)) throw unreadable(`the credential helper ${JSON.stringify(helper)} has no program name`);
    const answer = await runHelper(helper, isHub ? HUB_KEY : host);
    if (answer !== undefined)
      return answer.username === TOKEN_USER
        ? { kind: 'identity-token', token: answer.secret }
        : { kind: 'basic', username: answer.username, password: answer.secret };
  }
  const entry = entryFor(config.auths ?? {}, host);
  return entry === undefined || entry === null ? undefined : credentialOf(entry);
}

function entryFor<T>(entries: Readonly<Record<string, T>>, host: string): T | undefined {
  return Object.entries(entries).find(([key]) => sameHost(key, host))?.[1];
}

/** Keys may carry a scheme and a path, which do not matter; the host with its port does, whole. */
function sameHost(key: string, host: string): boolean {
  const keyHost = key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return keyHost === host || (HUB_NAMES.has(keyHost) && HUB_NAMES.has(host));
}

function credentialOf(entry: AuthEntry): Credential | undefined {
  if (isText(entry.identitytoken)) return { kind: 'identity-token', token: entry.identitytoken };
  if (isText(entry.registrytoken)) return { kind: 'registry-token', token: entry.registrytoken };
  const decoded = isText(entry.auth)
    ? Buffer.from(entry.auth, 'base64').toString('utf8').replace(/\0+$/, '')
    : `${entry.username ?? ''}:${entry.password ?? ''}`;
  const colon = decoded.indexOf(':');
  return colon < 1 ? undefined : { kind: 'basic', username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

async function readConfig(path: string): Promise<DockerConfig> {
  const text = await readText(path);
  return text === undefined ? {} : parseConfig(text, path);
}

function parseConfig(text: string, name: string): DockerConfig {
  try {
    const config: unknown = JSON.parse(text);
    if (typeof config === 'object' && config !== null && !Array.isArray(config)) return config;
  } catch {
    // the parser's message would quote the file, which holds secrets
  }
  throw unreadable(`${name} is not a JSON object`);
}

async function readText(path: string): Promise<string | undefined> {
  try {
    const text = await readFile(path, 'utf8');
    if (text.length > MAX_BYTES) throw unreadable(`${path} has more than ${MAX_BYTES} characters`);
    return text;
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return undefined;
    throw systemCode(cause) === undefined ? cause : unreadable(errorText(cause));
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function unreadable(problem: string): AssayError {
  return new AssayError('CREDENTIALS_UNREADABLE', `no registry credentials can be read: ${problem}`, {
    hint: 'Repair the Docker configuration, or name another one with --registry-config.',
  });
}
