/** How patient the checks are; every number is milliseconds. A check's own deadline is above all of them. */
export interface CheckTiming {
  /** Between two looks of a health check. */
  readonly retryMs: number;
  /** After this long without the object or its kind, a health check gives up early. */
  readonly unseenMs: number;
  /** What all health checks together may take. */
  readonly healthMs: number;
  /** Between two looks at something that takes minutes. */
  readonly pollMs: number;
  /** How long a state must hold that is known to flap. */
  readonly stableMs: number;
  /** How long such a state is waited for. */
  readonly settleMs: number;
  /** How long a metric may take from a pod to its API. */
  readonly metricMs: number;
  /** The longest that is waited for what a check tries, whatever the check itself allows: a pod, a scheduler, an autoscaler. */
  readonly tryMs: number;
  /** How long removing test objects may take. */
  readonly teardownMs: number;
}

/** Upstream's numbers. @source upstream deployment checks: retry 5 s, early failure 30 s, budget 6 min, poll 10 s, stability 60 s; metrics 2 min. Settling ends half a minute before the check's 8 minutes, so that it can say what has not settled. */
export const CHECK_TIMING: CheckTiming = {
  retryMs: 5000,
  unseenMs: 30_000,
  healthMs: 360_000,
  pollMs: 10_000,
  stableMs: 60_000,
  settleMs: 450_000,
  metricMs: 120_000,
  tryMs: 1_800_000,
  teardownMs: 60_000,
};
