import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import { sha256, type Digest } from '#core/digest/sha256.ts';
import { AssayError, errorText } from '#core/error.ts';
import { EXPORTER_LABEL, EXPORTER_LENGTH } from '#core/wire/chain.ts';
import { WIRE_LIMITS } from '#core/wire/limits.ts';
import { readToken } from './token-file.ts';

const DIAL_TIMEOUT_MS = 10_000;
/** How long a closing handshake may take. Spread into the options, because their types do not know it yet. */
const CLOSE_LIMIT = { closeTimeout: 1000 };
const REFUSED = new Set([401, 403]);
const SECOND_MS = 1000;
/** Longest wait that a collector may ask for. */
const LONGEST_RETRY_S = 60;
const UNIX_PROTOCOL = 'wss+unix:';
/** A code of the collector; anything else in its place is not repeated. */
const CODE = /^[A-Z_]{1,40}$/;
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
  /** The token that was sent. */
  readonly token: string;
}

/**
 * Opens a websocket to the pinned collector. The credential is sent only after the key was compared; no certificate
 * authority is asked.
 * @param signal ends the attempt
 * @throws UPLINK_PIN another key; UPLINK_REFUSED no credential, or refused; UPLINK_LOST everything else, worth another try:
 * `details.retryAfterMs` where the collector says when
 */
export async function dial(address: CollectorAddress, signal?: AbortSignal): Promise<Dialed> {
  const token = await readToken(address.tokenFile);
  const tls = await connectPinned(address, signal);
  const cutOff = (): void => void tls.destroy();
  signal?.addEventListener('abort', cutOff);
  try {
    const exporter = tls.exportKeyingMaterial(EXPORTER_LENGTH, EXPORTER_LABEL, Buffer.alloc(0));
    return { exporter, token, socket: await openWebsocket(address.url, tls, token) };
  } catch (error) {
    tls.destroy();
    throw error;
  } finally {
    signal?.removeEventListener('abort', cutOff);
  }
}

async function connectPinned({ url, pin }: CollectorAddress, signal: AbortSignal | undefined): Promise<TLSSocket> {
  const tls = connect({ ...endpointOf(url), rejectUnauthorized: false, minVersion: 'TLSv1.3', timeout: DIAL_TIMEOUT_MS });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  tls.once('secureConnect', resolve).once('error', reject);
  tls.once('timeout', () => reject(new Error(`no answer in ${String(DIAL_TIMEOUT_MS)} ms`)));
  tls.once('close', () => reject(new Error('the connection was closed')));
  const cutOff = (): void => void tls.destroy();
  signal?.addEventListener('abort', cutOff);
  try {
    await promise;
    tls.setTimeout(0);
    checkPin(tls, pin);
    return tls;
  } catch (cause) {
    tls.destroy();
    throw cause instanceof AssayError ? cause : lost(url, cause);
  } finally {
    signal?.removeEventListener('abort', cutOff);
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
    reject(refusal(url, response));
  });
  await promise;
  return socket;
}

function refusal(url: string, { statusCode: status = 0, headers }: IncomingMessage): AssayError {
  const code = CODE.exec(String(headers['assay-code']))?.[0];
  const said = `HTTP status ${String(status)}${code === undefined ? '' : `, ${code}`}`;
  if (!REFUSED.has(status)) return lost(url, new Error(said), retryAfterMs(headers['retry-after']));
  return new AssayError('UPLINK_REFUSED', `the collector at ${url} refuses the credential (${said})`, {
    hint: 'Agent and collector must be given the same token, or the token must be one of the pod that runs this agent.',
  });
}

/** What a `Retry-After` header in seconds asks for. @source RFC 9110, section 10.2.3 */
function retryAfterMs(header: string | undefined): number | undefined {
  return /^\d{1,6}$/.test(header ?? '') ? Math.min(Number(header), LONGEST_RETRY_S) * SECOND_MS : undefined;
}

function lost(url: string, cause: unknown, retryMs?: number): AssayError {
  return new AssayError('UPLINK_LOST', `no connection to ${url}: ${errorText(cause)}`, {
    cause,
    ...(retryMs === undefined ? {} : { details: { retryAfterMs: retryMs } }),
    hint: 'Is the collector running and reachable?',
  });
}
