import type { CtrfStatus } from '#core/ctrf/report.ts';
import type { RecordBody } from '#core/wire/record.ts';

/** How many checks have which result. */
export type CheckCounts = Record<'passed' | 'failed' | 'skipped' | 'other', number>;

/** Counts the results of one agent, without keeping them. */
export class CheckTally {
  readonly counts: CheckCounts = { passed: 0, failed: 0, skipped: 0, other: 0 };

  /** Takes a record; only results of checks count. */
  add(body: RecordBody): void {
    if (body.kind === 'check') this.addStatus(body.result.status);
  }

  /** Takes one result. */
  addStatus(status: CtrfStatus): void {
    this.counts[status === 'pending' ? 'other' : status] += 1;
  }
}
