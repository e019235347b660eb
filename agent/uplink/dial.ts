import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import { sha256, type Digest } from '#core/digest/sha256.ts';
import { AssayError, errorText } from '#core/error.ts';
import { EXPORTER_LABEL, EXPORTER_LENGTH } from '#core/wire/chain.ts';
import { WIRE_LIMITS } from '#core/wire/limits.ts';

const DIAL_TIMEOUT_MS = 10_000;
/** How long a closing handshake may take. Spread into the options, because their types do not know it yet. */
const CLOSE_LIMIT = { closeTimeout: 1000 };
const REFUSED = new Set([401, 403]);
const UNIX_PROTOCOL = 'wss+unix:';
/** What the upgrade request names when the connection is a socket file. */
const LOCAL_URL = 'wss://localhost/v1/agent';

/** Where the collector is and how each side knows the other. */
export interface CollectorAddress {
  /** `wss://host:port/v1/agent`, or on one computer `wss+unix:/path/of/socket`. */
  readonly url: string;
  /** Digest of the collector's public key (SPKI, DER): the only thing that is trusted. */
  readonly pin: Digest;
  /** File with the bearer token; read anew for every connection, because it may rotate. */
  readonly tokenFile: string;
}

/** An open websocket and what ties a hello to it. */
export interface Dialed {
  readonly socket: WebSocket;
  /** Keying material of this TLS connection. */
  readonly exporter: Buffer;
}

/**
 * Opens a websocket to the pinned collector. The credential is sent only after the key was compared; no certificate
 * authority is asked.
 * @throws UPLINK_PIN another key; UPLINK_REFUSED credential refused; UPLINK_LOST everything else, worth another try
 */
export async function dial(address: CollectorAddress): Promise<Dialed> {
  const token = await readToken(address.tokenFile);
  const tls = await connectPinned(address);
  try {
    const exporter = tls.exportKeyingMaterial(EXPORTER_LENGTH, EXPORTER_LABEL, Buffer.alloc(0));
    return { exporter, socket: await openWebsocket(address.url, tls, token) };
  } catch (error) {
    tls.destroy();
    throw error;
  }
}

async function readToken(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (cause) {
    throw new AssayError('UPLINK_REFUSED', `the token file cannot be read: ${errorText(cause)}`, { cause, hint: 'Check --token-file.' });
  }
}

async function connectPinned({ url, pin }: CollectorAddress): Promise<TLSSocket> {
  const tls = connect({ ...endpointOf(url), rejectUnauthorized: false, minVersion: 'TLSv1.3', timeout: DIAL_TIMEOUT_MS });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  tls.once('secureConnect', resolve).once('error', reject);
  tls.once('timeout', () => reject(new Error(`no answer in ${String(DIAL_TIMEOUT_MS)} ms`)));
  tls.once('close', () => reject(new Error('the connection was closed')));
  try {
    await promise;
    tls.setTimeout(0);
    checkPin(tls, pin);
    return tls;
  } catch (cause) {
    tls.destroy();
    throw cause instanceof AssayError ? cause : lost(url, cause);
  }
}

type Endpoint = { readonly path: string } | { readonly host: string; readonly port: number; readonly servername?: string };

function endpointOf(url: string): Endpoint {
  const { protocol, hostname, port, pathname } = new URL(url);
  if (protocol === UNIX_PROTOCOL) return { path: decodeURIComponent(pathname) };
  const host = hostname.replace(/^\[|\]$/g, '');
  return { host, port: Number(port), ...(isIP(host) === 0 ? { servername: host } : {}) };
}

function checkPin(tls: TLSSocket, pin: Digest): void {
  const spki = tls.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' });
  const found = spki === undefined ? 'no key' : sha256(spki);
  if (found !== pin)
    throw new AssayError('UPLINK_PIN', `the server has the key ${found}, expected is ${pin}`, {
      hint: 'Give the key that the collector prints when it listens; if it is that one, something stands in between.',
    });
}

async function openWebsocket(url: string, tls: TLSSocket, token: string): Promise<WebSocket> {
  const socket = new WebSocket(url.startsWith(UNIX_PROTOCOL) ? LOCAL_URL : url, {
    ...CLOSE_LIMIT,
    createConnection: () => tls,
    headers: { authorization: `Bearer ${token}` },
    perMessageDeflate: false,
    maxPayload: WIRE_LIMITS.frameBytes,
    handshakeTimeout: DIAL_TIMEOUT_MS,
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once('open', resolve).once('error', (cause) => reject(lost(url, cause)));
  socket.once('unexpected-response', (request, response) => {
    request.destroy();
    reject(refusal(url, response.statusCode ?? 0));
  });
  await promise;
  return socket;
}

function refusal(url: string, status: number): AssayError {
  if (!REFUSED.has(status)) return lost(url, new Error(`HTTP status ${String(status)}`));
  return new AssayError('UPLINK_REFUSED', `the collector at ${url} refuses the credential (HTTP status ${String(status)})`, {
    hint: 'Agent and collector must be given the same token.',
  });
}

function lost(url: string, cause: unknown): AssayError {
  return new AssayError('UPLINK_LOST', `no connection to ${url}: ${errorText(cause)}`, {
    cause,
    hint: 'Is the collector running and reachable?',
  });
}
