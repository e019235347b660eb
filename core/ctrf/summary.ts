import type { CtrfStatus, CtrfSummary, CtrfTest } from './report.ts';

const STATUSES: readonly CtrfStatus[] = ['passed', 'failed', 'skipped', 'pending', 'other'];

/** True when the text is one of the five CTRF states. */
export function isCtrfStatus(text: unknown): text is CtrfStatus {
  return STATUSES.some((status) => status === text);
}

/**
 * Counts of a list of tests.
 * @param tests in any order
 * @returns one number per state; their sum is `tests.length`
 */
export function countTests(tests: readonly Pick<CtrfTest, 'status'>[]): Record<CtrfStatus, number> {
  const counts: Record<CtrfStatus, number> = { passed: 0, failed: 0, skipped: 0, pending: 0, other: 0 };
  for (const test of tests) counts[test.status] += 1;
  return counts;
}

/** The summary block of a report. @param span first start and last stop, epoch milliseconds */
export function summarize(
  tests: readonly Pick<CtrfTest, 'status'>[],
  span: { readonly start: number; readonly stop: number },
): CtrfSummary {
  return { tests: tests.length, ...countTests(tests), start: span.start, stop: span.stop };
}
