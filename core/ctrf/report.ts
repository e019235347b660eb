/** CTRF test states (CTRF specification 0.0.1). */
export type CtrfStatus = 'passed' | 'failed' | 'skipped' | 'pending' | 'other';

/** A phase name in upstream's spelling. */
export type Phase = 'deployment' | 'performance' | 'conformance';

/** Phases in the order in which upstream lists them in a predicate. */
export const PHASES: readonly Phase[] = ['deployment', 'performance', 'conformance'];

/** Phases in the order in which a run executes them. */
export const RUN_ORDER: readonly Phase[] = ['deployment', 'conformance', 'performance'];

/** One CTRF test. `duration` is whole milliseconds: the CTRF schema rejects fractions. */
export interface CtrfTest {
  readonly name: string;
  readonly status: CtrfStatus;
  readonly duration: number;
  /** `[phase]` for a cluster check, `[phase, <node pseudonym>]` for a node check. */
  readonly suite: readonly string[];
  readonly message?: string;
  readonly stdout?: readonly string[];
  /** Raw numbers, thresholds, origin: what a verdict can be recomputed from. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** Counts of a report; `start` and `stop` are epoch milliseconds. */
export interface CtrfSummary {
  readonly tests: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly pending: number;
  readonly other: number;
  readonly start: number;
  readonly stop: number;
}

/** One phase's report, `ctrf/<phase>.json` of a bundle. */
export interface CtrfReport {
  readonly reportFormat: 'CTRF';
  readonly specVersion: string;
  readonly timestamp: string;
  readonly generatedBy: string;
  readonly results: {
    readonly tool: { readonly name: string; readonly version?: string };
    readonly summary: CtrfSummary;
    readonly tests: readonly CtrfTest[];
    readonly environment?: Readonly<Record<string, string>>;
  };
}
