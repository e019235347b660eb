/** Where a program gets the time from: wall clock for records, monotonic clock for durations and deadlines. */
export interface Clock {
  /** Milliseconds since the epoch, UTC. */
  readonly nowMs: () => number;
  /** Milliseconds of a clock that never jumps; only differences mean something. */
  readonly monotonicMs: () => number;
}

/** The clock of this machine. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

const MILLISECONDS = /\.\d{3}Z$/;

/**
 * RFC 3339 UTC with whole seconds, as upstream writes every time in a bundle (`2026-11-21T08:32:53Z`).
 * @param epochMs milliseconds since the epoch
 */
export function rfc3339Seconds(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(MILLISECONDS, 'Z');
}
