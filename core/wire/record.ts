import type { CtrfStatus, Phase } from '#core/ctrf/report.ts';
import type { Measurement } from '#core/snapshot/measurement.ts';

/** A node check's result as it travels: a CTRF test without its suite, which the collector fills with the pseudonym. */
export interface CheckResult {
  readonly phase: Phase;
  readonly check: string;
  readonly status: CtrfStatus;
  readonly durationMs: number;
  readonly startedAtMs: number;
  readonly message?: string;
  readonly stdout?: readonly string[];
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** What one record says. The oneof of `proto/assay/v1`; JSON-able, so that the ledger and tests can show it. */
export type RecordBody =
  | { readonly kind: 'measurements'; readonly sampledAtMs: number; readonly measurements: readonly Measurement[] }
  | { readonly kind: 'phase-started'; readonly phase: Phase; readonly atMs: number }
  | { readonly kind: 'check'; readonly result: CheckResult }
  | { readonly kind: 'phase-ended'; readonly phase: Phase; readonly atMs: number }
  | { readonly kind: 'finished'; readonly atMs: number };
