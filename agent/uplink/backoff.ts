/** How patiently an agent tries again. */
export interface Pace {
  /** Longest wait after the first failure; it doubles with each one that follows. */
  readonly firstMs: number;
  readonly longestMs: number;
}

/** The paces of the moments in which an agent has no collector. */
export const PACE = {
  /** In a run, or before the only one. */
  run: { firstMs: 250, longestMs: 30_000 },
  /** An agent that stays was just started, or its run was replaced: the collector is coming up beside it. */
  starting: { firstMs: 250, longestMs: 2000 },
  /** An agent that stays, in a run. */
  staying: { firstMs: 250, longestMs: 15_000 },
  /** An agent that stays, between two runs: minutes or days lie ahead, and a fleet must not cost anything. */
  idle: { firstMs: 15_000, longestMs: 15_000 },
} as const satisfies Record<string, Pace>;

/**
 * How long to wait before the next attempt: doubles up to the longest wait, at random between half and all of it, so that the
 * agents of a fleet do not come back together.
 * @param failures attempts that failed in a row, from 0
 * @param random 0 to 1
 */
export function backoffMs(failures: number, random: number, { firstMs, longestMs }: Pace): number {
  const ceiling = Math.min(longestMs, firstMs * 2 ** Math.min(failures, 16));
  return Math.round(ceiling * (0.5 + random / 2));
}
