import { AssayError } from '../error.ts';

const DURATION = /^(\d{1,9})(ms|s|m|h)$/;
const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
// Timers of the platform overflow above 2^31 - 1 ms.
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Reads a duration such as `500ms`, `30s`, `10m` or `2h`.
 * @returns milliseconds, 0 to about 24 days
 * @throws CONFIG_INVALID when the text is anything else
 */
export function parseDuration(text: string): number {
  const match = DURATION.exec(text);
  const durationMs = match === null ? Number.NaN : Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
  if (Number.isNaN(durationMs) || durationMs > LONGEST_MS)
    throw new AssayError('CONFIG_INVALID', `"${text}" is not a duration`, { hint: 'Write a number and a unit: 500ms, 30s, 10m, 2h.' });
  return durationMs;
}
