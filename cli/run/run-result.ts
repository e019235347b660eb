import type { ExitCode } from '#core/error.ts';
import type { CoverageSummary } from '#core/attestation/predicate.ts';
import { RUN_ORDER, type CtrfStatus, type Phase } from '#core/ctrf/report.ts';
import { countTests } from '#core/ctrf/summary.ts';
import type { Verdict } from '#core/verify/verdict.ts';
import type { RunEvent } from '#core/wire/run-event.ts';

/** One check of the run that did not pass, with the reason given by whoever ran it. */
export interface NotPassed {
  readonly phase: Phase;
  readonly check: string;
  readonly status: CtrfStatus;
  readonly reason: string;
}

/** Counts of one phase in the JSON document of `assay run`. */
export type PhaseCounts = Readonly<Record<'passed' | 'failed' | 'skipped' | 'other', number>>;

/** What `assay run` ends with: the document of `--format json`, less its `exit`. */
export interface RunResult {
  readonly exit: ExitCode;
  readonly recipe: string;
  readonly bundle: string;
  readonly pointer: string | null;
  readonly oci: string | null;
  readonly digest: string | null;
  /** Artifacts of earlier runs that the layout in the output directory keeps. */
  readonly earlierArtifacts: number;
  readonly signer: { readonly identity: string; readonly issuer: string } | null;
  readonly trust: 'lab' | 'sigstore' | 'none';
  readonly trustedRoot: string | null;
  readonly phases: Partial<Readonly<Record<Phase, PhaseCounts>>>;
  readonly notPassed: readonly NotPassed[];
  readonly coverage: CoverageSummary;
  readonly verdict: Verdict['verdict'];
  readonly findings: readonly { readonly code: string; readonly detail: string }[];
  readonly timingsMs: Readonly<Record<string, number>>;
}

/** Counts per phase in the order of a run; `other` holds crashed and never finished checks. */
export function phaseCounts(tests: readonly { readonly phase: Phase; readonly status: CtrfStatus }[]): RunResult['phases'] {
  const byPhase = Map.groupBy(tests, ({ phase }) => phase);
  return Object.fromEntries(
    RUN_ORDER.filter((phase) => byPhase.has(phase)).map((phase) => {
      const { passed, failed, skipped, pending, other } = countTests(byPhase.get(phase) ?? []);
      return [phase, { passed, failed, skipped, other: other + pending }];
    }),
  );
}

/** The last event of a kind in a finished run: a later one replaces what an earlier one said. */
export function eventOf<Kind extends RunEvent['event']>(
  events: readonly RunEvent[],
  kind: Kind,
): Extract<RunEvent, { event: Kind }> | undefined {
  return events.findLast((event): event is Extract<RunEvent, { event: Kind }> => event.event === kind);
}
