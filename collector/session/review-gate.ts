import type { Clock } from '#core/clock.ts';
import { AssayError, isAssayError } from '#core/error.ts';
import { RateBucket } from './rate-bucket.ts';

/** Questions to the API server at one time: each takes a few milliseconds there. */
const PARALLEL = 16;
/** Questions that may wait for their turn: what the server lets in at once. Whoever comes then is better served by coming back. */
const WAITING_LIMIT = 512;
/** As many as the server lets in; renewals come on top of those. */
const RATE = { perSecond: 200, burst: 500 };
/** An agent gives its upgrade request 10 s. */
const ANSWER_MS = 5000;
/** After a failure nobody asks for so long; doubles with every failure in a row. */
const PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 15_000;
const BUSY_RETRY_MS = 1000;

/** Keeps questions to the API server few, short, and rare while it does not answer. */
export class ReviewGate {
  readonly #clock: Clock;
  readonly #rate: RateBucket;
  readonly #waiting: (() => void)[] = [];
  #active = 0;
  #failures = 0;
  #pausedUntilMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#rate = new RateBucket(RATE, clock.monotonicMs);
  }

  /**
   * Asks, when it may be asked now.
   * @throws CLUSTER_UNREACHABLE with `details.retryAfterMs` when it may not, or there was no answer in 5 s; what `ask` throws
   */
  async run<T>(ask: () => Promise<T>): Promise<T> {
    this.#refuseWhilePaused();
    const waitMs = this.#rate.take();
    if (waitMs > 0) throw notNow('too many tokens to review', waitMs);
    await this.#enter();
    try {
      this.#refuseWhilePaused();
      const answer = await inTime(ask());
      this.#failures = 0;
      return answer;
    } catch (error) {
      if (isOutage(error)) this.#pause();
      throw error;
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#waiting.length >= WAITING_LIMIT) throw notNow('too many tokens wait for their review', BUSY_RETRY_MS);
    if (this.#active < PARALLEL) this.#active += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Hands the place to whoever waits longest. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#active -= 1;
    else next();
  }

  /** Questions that fail together are one failure. */
  #pause(): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#pausedUntilMs > nowMs) return;
    this.#pausedUntilMs = nowMs + Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** Math.min(this.#failures, 8));
    this.#failures += 1;
  }

  #refuseWhilePaused(): void {
    const leftMs = this.#pausedUntilMs - this.#clock.monotonicMs();
    if (leftMs > 0) throw notNow('the Kubernetes API did not answer a moment ago', leftMs);
  }
}

/** When to come back, for an error of {@link ReviewGate.run}. */
export function retryAfterOf(error: unknown): number {
  const asked = isAssayError(error) ? error.details?.['retryAfterMs'] : undefined;
  return typeof asked === 'number' ? asked : PAUSE_MS;
}

/** What is refused for what it asks says nothing about the next question; a deferral of our own is no answer at all. */
function isOutage(error: unknown): boolean {
  return !isAssayError(error) || (error.code !== 'CLUSTER_REFUSED' && error.details?.['retryAfterMs'] === undefined);
}

function notNow(why: string, retryAfterMs: number): AssayError {
  return new AssayError('CLUSTER_UNREACHABLE', why, { details: { retryAfterMs: Math.ceil(retryAfterMs) } });
}

/** Waits at most 5 s for an answer of the API server. @throws CLUSTER_UNREACHABLE */
export async function inTime<T>(answer: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new AssayError('CLUSTER_UNREACHABLE', `no answer of the Kubernetes API in ${String(ANSWER_MS)} ms`)),
    ANSWER_MS,
  );
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
