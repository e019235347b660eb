import { lstat, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { WebSocketServer } from 'ws';
import type { Clock } from '#core/clock.ts';
import { AssayError, errorText } from '#core/error.ts';
import type { Log } from '#core/log.ts';
import { EXPORTER_LABEL, EXPORTER_LENGTH } from '#core/wire/chain.ts';
import { WIRE_LIMITS, WIRE_TIMES } from '#core/wire/limits.ts';
import type { ListenAddress } from '../config.ts';
import type { Admission, AdmissionRefusal } from './admission.ts';
import { Connection } from './connection.ts';
import type { Gathering } from './gathering.ts';
import { IncidentTally, type Incident, type IncidentCount } from './incident.ts';
import { RateBucket, type Rate } from './rate-bucket.ts';
import { RefusalLimit } from './refusal-limit.ts';
import type { ServerIdentity } from './server-identity.ts';

/** Spread into the options, because their types do not know the first one yet. */
const WEBSOCKET_LIMITS = {
  /** How long a closing handshake may take. */
  closeTimeout: 1000,
  /** Agents send whole messages. */
  maxFragments: 16,
};
/**
 * Upgrade requests that are let in: 10,000 agents that come together are all in after 48 s, and a second of it costs one
 * processor about half: the handshake, the review of the token and the hello.
 */
const ACCEPT_RATE = { perSecond: 200, burst: 500 };
/** Connections that the system completes before they are accepted; Node's own number drops those of a fleet. */
const BACKLOG = 4096;
/** Tells an agent the code of its refusal; the reason stays here. */
const CODE_HEADER = 'Assay-Code';
/** Where agents connect. */
const AGENT_PATH = '/v1/agent';
/** Received bytes that may wait for the disk, all agents together; above it nobody is read from. */
const PENDING_LIMIT = 64 * 1024 * 1024;
/** Whoever has not closed its end by then is cut off. */
const CUT_OFF_MS = 1500;
const RESUME_CHECK_MS = 100;
/** Websocket: the server goes away; agents come back. */
const GOING_AWAY = 1001;

/** What the server needs. */
export interface AgentServerOptions {
  readonly address: ListenAddress;
  readonly identity: ServerIdentity;
  readonly admission: Admission;
  readonly gathering: Gathering;
  /** Gets the first of each kind of refused or suspicious connection, per node: at most 64 in all, and every code once. */
  readonly onIncident: (incident: Incident) => void;
  /** How many upgrade requests are let in; {@link ACCEPT_RATE} when left out. */
  readonly acceptRate?: Rate;
  readonly clock: Clock;
  readonly log: Log;
}

/** A listening server. */
export interface AgentServer {
  /** Address with the port that is really used. */
  readonly url: string;
  /** Everything that was refused or suspicious so far, counted by code and node. */
  readonly incidents: () => readonly IncidentCount[];
  /** Ends every connection, so that agents try again, and stops listening. */
  readonly close: () => Promise<void>;
}

/**
 * Listens for agents: TLS 1.3, credential at the upgrade request, then one websocket per agent. A stranger gets 5 s and
 * 4 KiB.
 * @throws CONFIG_INVALID when the address cannot be listened on
 */
export async function listenForAgents(options: AgentServerOptions): Promise<AgentServer> {
  const server = createServer({
    key: options.identity.key,
    cert: options.identity.certificate,
    minVersion: 'TLSv1.3',
    handshakeTimeout: WIRE_TIMES.helloMs,
    headersTimeout: WIRE_TIMES.helloMs,
    requestTimeout: WIRE_TIMES.helloMs,
    connectionsCheckingInterval: 1000,
    maxHeaderSize: WIRE_LIMITS.helloBytes,
  });
  const sessions = new Sessions(options);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('request', (_request, response) => response.writeHead(404, { connection: 'close' }).end());
  server.on('upgrade', (request, socket, head) => sessions.upgrade(request, socket, head));
  server.on('tlsClientError', (error) => options.log.debug({ error: error.message }, 'handshake failed'));
  await listen(server, options);
  return {
    url: urlOf(server.address()),
    incidents: () => sessions.incidents.counts,
    close: () => closeAll(server, sessions, sockets),
  };
}

/** The websockets of the server. */
class Sessions {
  readonly #options: AgentServerOptions;
  readonly #connections = new Set<Connection>();
  readonly #websockets = new WebSocketServer({
    ...WEBSOCKET_LIMITS,
    noServer: true,
    maxPayload: WIRE_LIMITS.frameBytes,
    perMessageDeflate: false,
    clientTracking: false,
  });
  readonly #accepted: RateBucket;
  readonly #refusals: RefusalLimit;
  readonly #timer: NodeJS.Timeout;
  /** Everything that was refused. */
  readonly incidents: IncidentTally;
  #resumeTimer: NodeJS.Timeout | undefined;

  constructor(options: AgentServerOptions) {
    this.#options = options;
    this.#accepted = new RateBucket(options.acceptRate ?? ACCEPT_RATE, options.clock.monotonicMs);
    this.#refusals = new RefusalLimit(options.clock.monotonicMs);
    this.incidents = new IncidentTally(options.onIncident);
    this.#timer = setInterval(() => this.#checkAll(), WIRE_TIMES.pingMs);
  }

  /** Answers an upgrade request: rate and credential first, then the websocket. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    this.#admit(request, socket, head).catch((error: unknown) => {
      this.#options.log.warn({ error: errorText(error) }, 'admission failed');
      refuse(socket, '503 Service Unavailable');
    });
  }

  close(): void {
    clearInterval(this.#timer);
    clearInterval(this.#resumeTimer);
    for (const connection of this.#connections) connection.end(GOING_AWAY, 'the collector stops');
  }

  async #admit(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    if (request.url !== AGENT_PATH) return refuse(socket, '404 Not Found');
    const turnMs = this.#accepted.take();
    if (turnMs > 0) return refuse(socket, REFUSALS[503], retryAfter(turnMs));
    const result = await this.#options.admission.admit(request.headers.authorization);
    if (!result.admitted) return this.#refuse(request, socket, result);
    const { node } = result;
    const waitMs = node === undefined ? 0 : this.#refusals.waitMs(node);
    if (waitMs > 0) return refuse(socket, REFUSALS[503], retryAfter(waitMs));
    const exporter = (request.socket as TLSSocket).exportKeyingMaterial(EXPORTER_LENGTH, EXPORTER_LABEL, Buffer.alloc(0));
    this.#websockets.handleUpgrade(request, socket, head, (websocket) => {
      const connection = new Connection(websocket, {
        ...this.#options,
        credential: result,
        exporter,
        onIncident: (incident) => this.incidents.report(incident),
        onNotWelcome: () => (node === undefined ? undefined : this.#refusals.note(node)),
      });
      this.#connections.add(connection);
      websocket.on('message', () => this.#balance());
      websocket.on('close', () => this.#connections.delete(connection));
      if (this.#resumeTimer !== undefined) connection.setPaused(true);
    });
  }

  #refuse(request: IncomingMessage, socket: Duplex, { status, code, reason, node, retryAfterMs }: AdmissionRefusal): void {
    this.#options.log.warn({ from: request.socket.remoteAddress, status, code, reason }, 'agent refused');
    this.incidents.report({ code, ...(node === undefined ? {} : { node }), detail: reason, atMs: this.#options.clock.nowMs() });
    refuse(socket, REFUSALS[status], `${CODE_HEADER}: ${code}\r\n${retryAfterMs === undefined ? '' : retryAfter(retryAfterMs)}`);
  }

  #balance(): void {
    if (this.#resumeTimer !== undefined || this.#options.gathering.pendingBytes < PENDING_LIMIT) return;
    this.#setPaused(true);
    this.#resumeTimer = setInterval(() => {
      if (this.#options.gathering.pendingBytes > PENDING_LIMIT / 2) return;
      clearInterval(this.#resumeTimer);
      this.#resumeTimer = undefined;
      this.#setPaused(false);
    }, RESUME_CHECK_MS);
  }

  #setPaused(paused: boolean): void {
    for (const connection of this.#connections) connection.setPaused(paused);
  }

  #checkAll(): void {
    for (const connection of this.#connections) connection.checkAlive();
  }
}

const REFUSALS = { 401: '401 Unauthorized', 403: '403 Forbidden', 503: '503 Service Unavailable' } as const;

/** @param headers whole lines */
function refuse(socket: Duplex, status: string, headers = ''): void {
  socket.end(`HTTP/1.1 ${status}\r\n${headers}Connection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** In whole seconds, as the header has it (RFC 9110, section 10.2.3); agents add up to one more at random. */
function retryAfter(ms: number): string {
  return `Retry-After: ${String(Math.ceil(ms / 1000))}\r\n`;
}

/** `wss://host:port/v1/agent` with the port that is really used, or `wss+unix:/path/of/socket`. */
function urlOf(bound: AddressInfo | string | null): string {
  if (bound === null || typeof bound === 'string') return `wss+unix:${(bound ?? '').split('/').map(encodeURIComponent).join('/')}`;
  return `wss://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${String(bound.port)}${AGENT_PATH}`;
}

async function listen(server: Server, { address }: AgentServerOptions): Promise<void> {
  if ('path' in address) await removeStaleSocket(address.path);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen({ ...address, backlog: BACKLOG }, resolve);
  try {
    await promise;
  } catch (cause) {
    throw new AssayError(
      'CONFIG_INVALID',
      `cannot listen on ${'path' in address ? address.path : `${address.host}:${String(address.port)}`}: ${errorText(cause)}`,
      {
        cause,
        hint: 'Choose another --listen address; port 0 takes a free one.',
      },
    );
  }
}

/** A collector that was killed leaves its socket file behind; no living one uses it, because the state directory is locked. */
async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isSocket() === true) await rm(path, { force: true });
}

async function closeAll(server: Server, sessions: Sessions, sockets: ReadonlySet<Socket>): Promise<void> {
  sessions.close();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const cutOff = setTimeout(() => sockets.forEach((socket) => socket.destroy()), CUT_OFF_MS);
  await closed;
  clearTimeout(cutOff);
}
