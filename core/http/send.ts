import { errorText } from '#core/error.ts';

/** One HTTP request. */
export interface HttpCall {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes, or a fresh pass over content that is too large for memory. */
  readonly body?: Uint8Array | (() => AsyncIterable<Uint8Array>);
  /** Longest time without any progress: connecting, waiting for the answer, between two pieces of it. */
  readonly idleTimeoutMs: number;
  /** For connections that do not check certificates; a dispatcher of the platform's fetch. */
  readonly dispatcher?: NonNullable<RequestInit['dispatcher']>;
  /** Breaks the exchange off; what is thrown then is its reason. */
  readonly signal?: AbortSignal;
}

/** An answer; its body must be read or discarded. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Where it came from. */
  readonly url: URL;
  readonly pieces: () => AsyncIterable<Uint8Array>;
  readonly discard: () => Promise<void>;
}

/** What went wrong on the way: not reached or cut off, silent, or more bytes than anyone may send. */
export type HttpFailureKind = 'network' | 'timeout' | 'oversize';

/** An exchange that has no answer to speak of. */
export class HttpFailure extends Error {
  readonly kind: HttpFailureKind;

  constructor(kind: HttpFailureKind, message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'HttpFailure';
    this.kind = kind;
  }
}

/**
 * Sends one request and gives the answer whatever its status; redirects are answers, not followed.
 * @throws HttpFailure; the reason of the call's signal
 */
export async function send(call: HttpCall): Promise<HttpAnswer> {
  const idle = new IdleTimer(call.idleTimeoutMs);
  try {
    const response = await fetch(call.url, requestOf(call, idle));
    return {
      status: response.status,
      headers: response.headers,
      url: call.url,
      pieces: () => piecesOf(response, call, idle),
      discard: async () => {
        idle.stop();
        // A body that was read, or is being read, has nothing left to drop.
        if (!response.bodyUsed) await response.body?.cancel();
      },
    };
  } catch (cause) {
    idle.stop();
    throw failureOf(call, idle, cause);
  }
}

/** All bytes of an answer, up to a limit. @throws HttpFailure also when there are more */
export async function readAnswer(answer: HttpAnswer, maxBytes: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const piece of answer.pieces()) {
    size += piece.length;
    if (size > maxBytes) throw new HttpFailure('oversize', `${answer.url.origin} answered with more than ${maxBytes} bytes`, undefined);
    parts.push(piece);
  }
  return Buffer.concat(parts);
}

/** Aborts when nothing has moved for a while. */
class IdleTimer {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  expired = false;

  constructor(idleMs: number) {
    this.#timer = setTimeout(() => {
      this.expired = true;
      this.#controller.abort();
    }, idleMs).unref();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  touch(): void {
    this.#timer.refresh();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

function requestOf(call: HttpCall, idle: IdleTimer): RequestInit {
  const { method, headers = {}, body, dispatcher } = call;
  const init = {
    method,
    headers: { 'user-agent': 'assay', ...headers },
    redirect: 'manual',
    signal: signalOf(call, idle),
  } satisfies RequestInit;
  const streamed = typeof body === 'function' ? { body: touching(body(), idle), duplex: 'half' as const } : {};
  const whole = body instanceof Uint8Array ? { body: Buffer.from(body) } : {};
  return { ...init, ...streamed, ...whole, ...(dispatcher === undefined ? {} : { dispatcher }) };
}

function signalOf({ signal }: HttpCall, idle: IdleTimer): AbortSignal {
  return signal === undefined ? idle.signal : AbortSignal.any([signal, idle.signal]);
}

async function* piecesOf(response: Response, call: HttpCall, idle: IdleTimer): AsyncIterable<Uint8Array> {
  try {
    if (response.body !== null) yield* touching(response.body, idle);
  } catch (cause) {
    throw failureOf(call, idle, cause);
  } finally {
    idle.stop();
  }
}

async function* touching(pieces: AsyncIterable<Uint8Array>, idle: IdleTimer): AsyncIterable<Uint8Array> {
  for await (const piece of pieces) {
    idle.touch();
    yield piece;
  }
}

function failureOf({ method, url, idleTimeoutMs, signal }: HttpCall, idle: IdleTimer, cause: unknown): unknown {
  if (signal?.aborted === true) return signal.reason;
  if (cause instanceof HttpFailure || (cause instanceof Error && cause.name === 'AssayError')) return cause;
  const what = `${method} ${url.origin}${url.pathname}`;
  if (idle.expired) return new HttpFailure('timeout', `${what}: no answer within ${idleTimeoutMs} ms`, cause);
  return new HttpFailure('network', `${what}: ${rootCause(cause)}`, cause);
}

/** `fetch failed` hides what happened in its cause. */
function rootCause(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? rootCause(error.cause) : errorText(error);
}
