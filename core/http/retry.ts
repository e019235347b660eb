import { setTimeout as sleep } from 'node:timers/promises';
import { HttpFailure, type HttpAnswer } from './send.ts';

/** How often and how patiently a request is repeated. */
export interface RetryPolicy {
  /** Attempts after the first. */
  readonly retries: number;
  /** Wait before the first repetition; doubles each time. */
  readonly baseDelayMs: number;
}

/** Longest wait between attempts, also when the other side asks for more. */
const MAX_DELAY_MS = 30_000;
const SECOND_MS = 1000;
const RETRYABLE = new Set([408, 425, 429]);
const SERVER_ERROR = 500;
const NOT_IMPLEMENTED = 501;

/** What repeated requests to registries and signing services have in common. */
export const DEFAULT_RETRY: RetryPolicy = { retries: 3, baseDelayMs: 250 };

/** True for an answer that the same request may turn into another one later. */
export function isTransient(status: number): boolean {
  return RETRYABLE.has(status) || (status >= SERVER_ERROR && status !== NOT_IMPLEMENTED);
}

/**
 * Repeats a request while the network fails or the answer is transient, honouring `Retry-After`.
 * @param request must be safe to send twice
 * @returns the last answer, whatever its status
 * @throws HttpFailure of the last attempt
 */
export async function sendWithRetry(request: () => Promise<HttpAnswer>, policy: RetryPolicy = DEFAULT_RETRY): Promise<HttpAnswer> {
  for (let attempt = 0; ; attempt++) {
    const last = attempt >= policy.retries;
    const outcome = await settle(request);
    if (outcome instanceof HttpFailure) {
      if (last) throw outcome;
      await sleep(backoff(attempt, policy));
    } else {
      if (last || !isTransient(outcome.status)) return outcome;
      await outcome.discard();
      await sleep(retryAfterMs(outcome.headers.get('retry-after'), Date.now()) ?? backoff(attempt, policy));
    }
  }
}

/**
 * Milliseconds that a `Retry-After` header asks for, at most 30 s.
 * @param header seconds or an HTTP date
 * @source RFC 9110, section 10.2.3
 */
export function retryAfterMs(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  const askedMs = /^\d+$/.test(header) ? Number(header) * SECOND_MS : Date.parse(header) - nowMs;
  return Number.isNaN(askedMs) ? undefined : Math.min(Math.max(askedMs, 0), MAX_DELAY_MS);
}

async function settle(request: () => Promise<HttpAnswer>): Promise<HttpAnswer | HttpFailure> {
  try {
    return await request();
  } catch (error) {
    if (error instanceof HttpFailure) return error;
    throw error;
  }
}

function backoff(attempt: number, { baseDelayMs }: RetryPolicy): number {
  return Math.min(baseDelayMs * 2 ** attempt, MAX_DELAY_MS);
}
