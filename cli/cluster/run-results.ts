import { buildReport } from '#core/ctrf/build-report.ts';
import { RUN_ORDER, type CtrfReport, type CtrfTest, type Phase } from '#core/ctrf/report.ts';
import { countTests } from '#core/ctrf/summary.ts';
import type { ExitCode } from '#core/error.ts';
import { packageVersion } from '#core/version.ts';
import type { PhaseCounts } from '../run/run-result.ts';
import type { RunTrace, TracedCheck } from './run-trace.ts';

/** Where results were read: in the log of a run, or in its evidence. */
export type ResultSource = { readonly kind: 'log' } | { readonly kind: 'evidence'; readonly reference: string };

/** A result that is not `passed`. */
export interface NotPassedTest {
  readonly phase: Phase;
  readonly check: string;
  /** Node, or its pseudonym in evidence; null for a check of the cluster as a whole. */
  readonly node: string | null;
  readonly status: CtrfTest['status'];
  readonly reason: string;
}

/** A node that did not report. */
export interface AbsentNode {
  readonly node: string;
  readonly reason: string;
  readonly detail: string;
}

/** What the checks of a run found: the document of `--format json`, less its `exit`. */
export interface RunResults {
  readonly run: string;
  readonly state: string;
  readonly source: ResultSource['kind'];
  /** Reference of the evidence, pinned by digest; nothing about it was verified. */
  readonly reference?: string;
  readonly phases: Partial<Readonly<Record<Phase, PhaseCounts>>>;
  readonly nodes: readonly { readonly node: string; readonly phases: Partial<Readonly<Record<Phase, PhaseCounts>>> }[];
  readonly notPassed: readonly NotPassedTest[];
  readonly absent: readonly AbsentNode[];
}

/** Tests of a run and the run they are of. */
export interface TestsOfRun {
  readonly run: string;
  readonly state: string;
  readonly source: ResultSource;
  readonly tests: readonly CtrfTest[];
  readonly absent: readonly AbsentNode[];
}

/** Tests as the log of a run tells them, in the order of phases, cluster first, then nodes by name. */
export function tracedTests({ nodes, clusterChecks }: RunTrace): readonly CtrfTest[] {
  const all = [
    ...clusterChecks.map((check) => ctrfTest(check)),
    ...nodes.flatMap(({ node, checks }) => checks.map((check) => ctrfTest(check, node))),
  ];
  return RUN_ORDER.flatMap((phase) => all.filter(({ suite }) => suite[0] === phase));
}

/** Nodes that the log of a run says are missing: for good once it is sealed, as things stand before. */
export function tracedAbsences({ nodes }: RunTrace): readonly AbsentNode[] {
  return nodes.flatMap(({ node, absent, waiting, finishedAtMs }) => {
    const why = absent ?? (finishedAtMs === undefined ? waiting : undefined);
    return why === undefined ? [] : [{ node, ...why }];
  });
}

/** Counts and whatever did not pass. */
export function runResults({ run, state, source, tests, absent }: TestsOfRun): RunResults {
  const byNode = Map.groupBy(tests, nodeOf);
  return {
    run,
    state,
    source: source.kind,
    ...(source.kind === 'evidence' ? { reference: source.reference } : {}),
    phases: countPhases(tests),
    nodes: [...byNode].flatMap(([node, ofNode]) => (node === null ? [] : [{ node, phases: countPhases(ofNode) }])),
    notPassed: tests.filter(({ status }) => status !== 'passed').map(notPassed),
    absent,
  };
}

/** 0 when everything passed; skipped is no failure, nothing at all is no success. */
export function resultsExit({ phases, absent }: RunResults): ExitCode {
  const counts = Object.values(phases);
  const isBad = counts.some(({ failed, other }) => failed + other > 0);
  return isBad || absent.length > 0 || counts.length === 0 ? 1 : 0;
}

/** The tests as one CTRF report. @param span first and last time that is known */
export function resultsReport({ tests }: TestsOfRun, span: { readonly start: number; readonly stop: number }): CtrfReport {
  return buildReport(tests, { toolVersion: packageVersion(), ...span });
}

function ctrfTest({ phase, check, status, message }: TracedCheck, node?: string): CtrfTest {
  const suite = node === undefined ? [phase] : [phase, node];
  return { name: check, status, duration: 0, suite, ...(message === undefined ? {} : { message }) };
}

function nodeOf({ suite }: CtrfTest): string | null {
  return suite[1] ?? null;
}

function notPassed(test: CtrfTest): NotPassedTest {
  const recorded = test.extra?.['reason'];
  return {
    phase: (test.suite[0] ?? '') as Phase,
    check: test.name,
    node: nodeOf(test),
    status: test.status,
    reason: test.message ?? (typeof recorded === 'string' ? recorded : ''),
  };
}

function countPhases(tests: readonly CtrfTest[]): RunResults['phases'] {
  const byPhase = Map.groupBy(tests, ({ suite }) => suite[0] ?? '');
  return Object.fromEntries(
    RUN_ORDER.filter((phase) => byPhase.has(phase)).map((phase) => {
      const { passed, failed, skipped, pending, other } = countTests(byPhase.get(phase) ?? []);
      return [phase, { passed, failed, skipped, other: other + pending }];
    }),
  );
}
