import type { CheckContext } from './check.ts';
import { finding, type Finding } from './fold.ts';
import type { Outcome } from './verdict.ts';

/** How the growth of a counter is judged. */
export interface GrowthRule {
  /** Stable name of the counter on this device; no identity in clear. */
  readonly name: string;
  readonly outcome: Extract<Outcome, 'fail' | 'warn'>;
  /** What grew, for the message: `uncorrectable errors`. */
  readonly what: string;
  /** Growth per minute that is still good; 0 when left out: any growth counts. */
  readonly perMinute?: number;
  /** Shortest time between two readings that allows a rate. */
  readonly leastMs?: number;
}

/**
 * Judges a counter by its growth since an earlier run. A counter that stands at zero cannot have grown; any other without an
 * earlier reading cannot be judged.
 */
export function judgeGrowth({ window }: CheckContext, value: number, rule: GrowthRule): Finding {
  const growth = window.growth(rule.name, value);
  if (value === 0) return finding('pass', '', { lifetime: 0 });
  const observed = { lifetime: value, ...growth };
  if (growth === undefined) return { ...finding('skip', 'no earlier reading to compare with', observed), missing: 'earlier-reading' };
  if (growth.elapsedMs < (rule.leastMs ?? 0)) return finding('skip', 'the earlier reading is too fresh', observed);
  const allowed = Math.ceil(((rule.perMinute ?? 0) * growth.elapsedMs) / 60_000);
  return growth.delta > allowed ? finding(rule.outcome, `${growth.delta} more ${rule.what}`, observed) : finding('pass', '', observed);
}
