import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https';
import { AssayError, errorText } from '#core/error.ts';
import type { ClusterAccess } from './access.ts';
import { unreachable } from './api-failure.ts';

/** One request to the API server. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query. */
  readonly path: string;
  readonly body?: string;
  readonly contentType?: string;
  readonly accept?: string;
}

/** A whole answer. */
export interface ApiAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** Time of the server's clock. */
  readonly date: string | undefined;
  readonly text: string;
}

/** An answer whose body is still to come. Ends when `signal` of its request aborts. */
export interface ApiStream {
  readonly status: number;
  readonly pieces: AsyncIterable<Buffer>;
}

/** From sending a request to the last byte of a whole answer. */
const ANSWER_MS = 60_000;
/** From sending a request to the head of a stream. */
const HEAD_MS = 30_000;
/** The system then asks every second, ten times, whether the other side is there. */
const KEEP_ALIVE_MS = 30_000;
/** Requests at one time; watches have connections of their own. */
const MAX_SOCKETS = 32;

/** Sends requests over connections that are kept, with limits in time and bytes. */
export class Transport {
  readonly #access: ClusterAccess;
  readonly #agents: { readonly request: HttpAgent; readonly stream: HttpAgent };

  constructor(access: ClusterAccess) {
    this.#access = access;
    const Agent = access.server.protocol === 'http:' ? HttpAgent : HttpsAgent;
    const options = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS };
    this.#agents = { request: new Agent({ ...options, maxSockets: MAX_SOCKETS }), stream: new Agent(options) };
  }

  /** A whole answer, whatever its status. @param maxBytes of its body @throws CLUSTER_UNREACHABLE, KUBECONFIG_INVALID */
  async send(request: ApiRequest, maxBytes: number): Promise<ApiAnswer> {
    const message = await this.#open(request, this.#agents.request, AbortSignal.timeout(ANSWER_MS));
    return {
      status: message.statusCode ?? 0,
      retryAfter: message.headers['retry-after'],
      date: message.headers.date,
      text: await readText(request, message, maxBytes),
    };
  }

  /** The head of an answer and its body as it comes. @throws CLUSTER_UNREACHABLE, KUBECONFIG_INVALID; an AbortError after the signal */
  async stream(request: ApiRequest, signal: AbortSignal): Promise<ApiStream> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), HEAD_MS);
    try {
      const message = await this.#open(request, this.#agents.stream, AbortSignal.any([signal, late.signal]));
      return { status: message.statusCode ?? 0, pieces: message };
    } finally {
      clearTimeout(timer);
    }
  }

  async #open(request: ApiRequest, agent: HttpAgent, signal: AbortSignal): Promise<IncomingMessage> {
    const options = optionsOf(request, await this.#access.authorize());
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const start = this.#access.server.protocol === 'http:' ? httpRequest : httpsRequest;
    const sent = start(this.#urlOf(request), { agent, ...options, signal }, resolve);
    // Also after the head: what happens then is told by the message itself.
    sent.on('error', reject);
    sent.on('socket', (socket) => socket.setKeepAlive(true, KEEP_ALIVE_MS));
    sent.end(request.body);
    try {
      return await promise;
    } catch (cause) {
      throw unreachable(`${request.method} ${this.#access.server.origin}`, failureText(cause), cause);
    }
  }

  /** A server address may have a path of its own, as behind Rancher. */
  #urlOf({ path }: ApiRequest): URL {
    const { server } = this.#access;
    return new URL(`${server.pathname.replace(/\/$/, '')}${path}`, server);
  }
}

/** Text lines of a stream. @param maxLength of one line, in bytes; a longer one is an error */
export async function* linesOf(pieces: AsyncIterable<Buffer>, maxLength: number): AsyncIterable<string> {
  let rest: Buffer[] = [];
  let waiting = 0;
  for await (const piece of pieces) {
    let from = 0;
    for (let end = piece.indexOf('\n'); end !== -1; end = piece.indexOf('\n', from)) {
      yield Buffer.concat([...rest, piece.subarray(from, end)]).toString('utf8');
      rest = [];
      waiting = 0;
      from = end + 1;
    }
    if (from < piece.length) rest.push(piece.subarray(from));
    waiting += piece.length - from;
    if (waiting > maxLength) throw unreachable('stream', `a line of more than ${String(maxLength)} bytes`);
  }
  if (waiting > 0) yield Buffer.concat(rest).toString('utf8');
}

function optionsOf(
  { method, body, contentType = 'application/json', accept = 'application/json' }: ApiRequest,
  auth: RequestOptions,
): RequestOptions {
  return {
    ...auth,
    method,
    headers: {
      ...(auth.headers as OutgoingHttpHeaders | undefined),
      accept,
      'user-agent': 'assay',
      ...(body === undefined ? {} : { 'content-type': contentType, 'content-length': Buffer.byteLength(body) }),
    },
  };
}

async function readText(request: ApiRequest, message: IncomingMessage, maxBytes: number): Promise<string> {
  const what = `${request.method} ${request.path}`;
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const piece of message as AsyncIterable<Buffer>) {
      size += piece.length;
      if (size > maxBytes) break;
      parts.push(piece);
    }
  } catch (cause) {
    throw unreachable(what, `the answer was cut off: ${failureText(cause)}`, cause);
  }
  if (size > maxBytes) {
    message.destroy();
    throw new AssayError('CLUSTER_REFUSED', `${what}: the answer has more than the ${String(maxBytes)} bytes that are read`);
  }
  return Buffer.concat(parts).toString('utf8');
}

function failureText(cause: unknown): string {
  if (cause instanceof Error && (cause.name === 'TimeoutError' || cause.name === 'AbortError')) return 'no answer in time';
  return errorText(cause);
}
