import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '#core/clock.ts';

/** How to wait. */
export interface Patience {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly everyMs: number;
  readonly timeoutMs: number;
}

/**
 * Looks again and again until there is something to see.
 * @param look gives undefined while there is nothing yet
 * @returns undefined when the time is over
 * @throws what `look` throws, and AbortError when the signal aborts
 */
export async function waitFor<T>(
  look: () => Promise<T | undefined>,
  { clock, signal, everyMs, timeoutMs }: Patience,
): Promise<T | undefined> {
  const endsAt = clock.monotonicMs() + timeoutMs;
  for (;;) {
    signal.throwIfAborted();
    const seen = await look();
    if (seen !== undefined) return seen;
    const leftMs = endsAt - clock.monotonicMs();
    if (leftMs <= 0) return undefined;
    await delay(Math.min(everyMs, leftMs), undefined, { signal });
  }
}
