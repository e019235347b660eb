/** How much a {@link RateBucket} lets through. */
export interface Rate {
  readonly perSecond: number;
  /** So many at once after a quiet time. */
  readonly burst: number;
}

/** Longest wait that anybody is told. */
const LONGEST_WAIT_MS = 60_000;
const SECOND_MS = 1000;

/**
 * Limits how often something happens. Whoever is turned away is told when to come back, each one a moment later than the one
 * before, so that a fleet that came at once comes back as an even stream.
 */
export class RateBucket {
  readonly #rate: Rate;
  readonly #monotonicMs: () => number;
  #left: number;
  #filledAtMs: number;
  /** The moment that the last one who was turned away was told. */
  #lastTurnMs = 0;

  constructor(rate: Rate, monotonicMs: () => number) {
    this.#rate = rate;
    this.#monotonicMs = monotonicMs;
    this.#left = rate.burst;
    this.#filledAtMs = monotonicMs();
  }

  /** Asks for one. @returns 0 when it may happen now, else after how many whole milliseconds to ask again, at most 60 s */
  take(): number {
    const nowMs = this.#monotonicMs();
    const { perSecond, burst } = this.#rate;
    this.#left = Math.min(burst, this.#left + ((nowMs - this.#filledAtMs) / SECOND_MS) * perSecond);
    this.#filledAtMs = nowMs;
    if (this.#left >= 1) {
      this.#left -= 1;
      return 0;
    }
    this.#lastTurnMs = Math.max(this.#lastTurnMs, nowMs) + SECOND_MS / perSecond;
    return Math.min(Math.max(Math.round(this.#lastTurnMs - nowMs), 1), LONGEST_WAIT_MS);
  }

  /** True when a full burst is left: it is as if nothing had ever happened. */
  get isFull(): boolean {
    const { perSecond, burst } = this.#rate;
    return this.#left + ((this.#monotonicMs() - this.#filledAtMs) / SECOND_MS) * perSecond >= burst;
  }
}
