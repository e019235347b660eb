import { setTimeout as sleep } from 'node:timers/promises';
import { HttpFailure, type HttpAnswer } from './send.ts';

/** How often and how patiently a request is repeated. */
export interface RetryPolicy {
  /** Attempts after the first. */
  readonly retries: number;
  /** Wait before the first repetition; doubles each time. */
  readonly baseDelayMs: number;
  /** Ends the waiting between attempts; what is thrown then is its reason. */
  readonly signal?: AbortSignal;
}

/** Longest wait between attempts, also when the other side asks for more. */
const MAX_DELAY_MS = 30_000;
const SECOND_MS = 1000;
const RETRYABLE = new Set([408, 425, 429]);
const SERVER_ERROR = 500;
const NOT_IMPLEMENTED = 501;
/** Without it the platform reads almost any text as some date. */
const HTTP_DATE = /^[A-Z][a-z]{2}, .+ GMT$/;

/** What repeated requests to registries and signing services have in common. */
export const DEFAULT_RETRY: RetryPolicy = { retries: 3, baseDelayMs: 250 };

/** True for an answer that the same request may turn into another one later. */
export function isTransient(status: number): boolean {
  return RETRYABLE.has(status) || (status >= SERVER_ERROR && status !== NOT_IMPLEMENTED);
}

/**
 * Sends a request and reads its answer; repeats both while the network fails, also in the middle of the answer, or the
 * answer is transient, honouring `Retry-After`.
 * @param request must be safe to send twice
 * @param read makes the result of an answer, whatever its status; what it leaves of the body is dropped
 * @throws HttpFailure of the last attempt, and whatever `read` throws
 */
export async function exchange<T>(
  request: () => Promise<HttpAnswer>,
  read: (answer: HttpAnswer) => Promise<T>,
  policy: RetryPolicy = DEFAULT_RETRY,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    const isLast = attempt >= policy.retries;
    const outcome = await attemptOnce(request, read, isLast);
    if ('value' in outcome) return outcome.value;
    if (isLast && outcome.failure !== undefined) throw outcome.failure;
    await pause(outcome.waitMs ?? Math.min(policy.baseDelayMs * 2 ** attempt, MAX_DELAY_MS), policy.signal);
  }
}

/**
 * Waits, unless told to stop.
 * @throws the reason of the signal
 */
export async function pause(durationMs: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(durationMs, undefined, signal === undefined ? {} : { signal });
  } catch (cause) {
    throw signal?.aborted === true ? signal.reason : cause;
  }
}

type Outcome<T> = { readonly value: T } | { readonly failure?: HttpFailure; readonly waitMs?: number | undefined };

async function attemptOnce<T>(
  request: () => Promise<HttpAnswer>,
  read: (answer: HttpAnswer) => Promise<T>,
  isLast: boolean,
): Promise<Outcome<T>> {
  try {
    const answer = await request();
    if (isLast || !isTransient(answer.status)) return { value: await readOrDiscard(answer, read) };
    await answer.discard();
    return { waitMs: retryAfterMs(answer.headers.get('retry-after'), Date.now()) };
  } catch (error) {
    if (error instanceof HttpFailure && error.kind !== 'oversize') return { failure: error };
    throw error;
  }
}

/** What a reader leaves of the body would hold its connection open. */
async function readOrDiscard<T>(answer: HttpAnswer, read: (answer: HttpAnswer) => Promise<T>): Promise<T> {
  try {
    return await read(answer);
  } finally {
    await answer.discard();
  }
}

/**
 * Milliseconds that a `Retry-After` header asks for, at most 30 s.
 * @param header seconds or an HTTP date
 * @source RFC 9110, section 10.2.3
 */
export function retryAfterMs(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  const askedMs = /^\d+$/.test(header) ? Number(header) * SECOND_MS : HTTP_DATE.test(header) ? Date.parse(header) - nowMs : Number.NaN;
  return Number.isNaN(askedMs) ? undefined : Math.min(Math.max(askedMs, 0), MAX_DELAY_MS);
}
