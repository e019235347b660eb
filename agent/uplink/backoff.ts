const FIRST_MS = 250;
const LONGEST_MS = 30_000;

/**
 * How long to wait before the next attempt: doubles from a quarter of a second to half a minute, at random between half and
 * all of it, so that the agents of a fleet do not come back together.
 * @param failures attempts that failed in a row, from 0
 * @param random 0 to 1
 */
export function backoffMs(failures: number, random: number): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, 16));
  return Math.round(ceiling * (0.5 + random / 2));
}
