import { rfc3339Seconds } from '#core/clock.ts';
import type { CtrfReport, CtrfTest } from './report.ts';
import { summarize } from './summary.ts';

/** What a report says about itself. Times are epoch milliseconds. */
export interface ReportFrame {
  readonly toolVersion: string;
  readonly start: number;
  readonly stop: number;
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * One CTRF report. Tests keep their order: it is evidence order.
 * @param tests durations in whole milliseconds
 * @source CTRF schema 0.0.1 (integers only, no unknown keys outside `extra`)
 */
export function buildReport(tests: readonly CtrfTest[], frame: ReportFrame): CtrfReport {
  return {
    reportFormat: 'CTRF',
    specVersion: '0.0.1',
    timestamp: rfc3339Seconds(frame.stop),
    generatedBy: 'assay',
    results: {
      tool: { name: 'assay', version: frame.toolVersion },
      summary: summarize(tests, frame),
      tests,
      ...(frame.environment === undefined ? {} : { environment: frame.environment }),
    },
  };
}
