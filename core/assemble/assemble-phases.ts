import { buildReport } from '#core/ctrf/build-report.ts';
import { RUN_ORDER, type CtrfReport, type CtrfTest, type Phase } from '#core/ctrf/report.ts';
import type { CheckResult } from '#core/wire/record.ts';
import type { NodeReport, SealedRun } from '#core/wire/run.ts';
import { pseudonymOf, type Pseudonyms } from './pseudonym.ts';

/** Name of the test that stands for a node's report as a whole. */
const NODE_REPORT = 'node-report';
const NO_CLUSTER = 'needs a Kubernetes cluster; this run covered only the computer it ran on';

/** What the phases are assembled from besides the run. */
export interface PhaseInput {
  /** Check names the recipe asks for, per phase. */
  readonly recipeChecks: Partial<Readonly<Record<Phase, readonly string[]>>>;
  /** Results of cluster-scope checks, already CTRF tests with `suite: [phase]`. */
  readonly clusterTests?: Partial<Readonly<Record<Phase, readonly CtrfTest[]>>>;
  readonly toolVersion: string;
}

/**
 * One CTRF report per phase that any node or the recipe touched: cluster checks first, then node checks in node and
 * evidence order, then what the recipe asked for and nothing ran (skipped, with the reason), then absent nodes (failed).
 */
export function assemblePhases(run: SealedRun, pseudonyms: Pseudonyms, input: PhaseInput): ReadonlyMap<Phase, CtrfReport> {
  const reports = new Map<Phase, CtrfReport>();
  for (const phase of RUN_ORDER) {
    const ran = [...(input.clusterTests?.[phase] ?? []), ...nodeTests(run, phase, pseudonyms)];
    const tests = [
      ...ran,
      ...notRun(ran, phase, input.recipeChecks[phase] ?? []),
      ...(phase === 'deployment' ? absentNodes(run, pseudonyms) : []),
    ];
    if (tests.length > 0) reports.set(phase, buildReport(tests, { toolVersion: input.toolVersion, ...phaseSpan(run, phase) }));
  }
  return reports;
}

function nodeTests(run: SealedRun, phase: Phase, pseudonyms: Pseudonyms): readonly CtrfTest[] {
  const byPseudonym = run.reports
    .map((report) => ({ report, node: pseudonymOf(pseudonyms, report.node) }))
    .sort((left, right) => (left.node < right.node ? -1 : 1));
  return byPseudonym.flatMap(({ report, node }) => resultsOf(report, phase).map((result) => nodeTest(result, node)));
}

function resultsOf(report: NodeReport, phase: Phase): readonly CheckResult[] {
  return report.records.flatMap((record) => (record.kind === 'check' && record.result.phase === phase ? [record.result] : []));
}

function nodeTest(result: CheckResult, node: string): CtrfTest {
  const { phase, check: name, status, durationMs, message, stdout, extra } = result;
  return {
    name,
    status,
    duration: Math.round(durationMs),
    suite: [phase, node],
    ...(message === undefined ? {} : { message }),
    ...(stdout === undefined ? {} : { stdout }),
    extra: { origin: 'node', ...extra },
  };
}

function notRun(ran: readonly CtrfTest[], phase: Phase, wanted: readonly string[]): readonly CtrfTest[] {
  const names = new Set(ran.map((test) => test.name));
  const missing = wanted.filter((name) => !names.has(name));
  return missing.map((name) => ({
    name,
    status: 'skipped',
    duration: 0,
    suite: [phase],
    message: NO_CLUSTER,
    extra: { origin: 'recipe', reason: NO_CLUSTER },
  }));
}

function absentNodes(run: SealedRun, pseudonyms: Pseudonyms): readonly CtrfTest[] {
  return run.absences.map((absence) => ({
    name: NODE_REPORT,
    status: 'failed',
    duration: 0,
    suite: ['deployment', pseudonymOf(pseudonyms, absence.node)],
    message: absence.detail,
    extra: { origin: 'collector', reason: absence.reason },
  }));
}

function phaseSpan(run: SealedRun, phase: Phase): { readonly start: number; readonly stop: number } {
  const times = run.reports.flatMap((report) =>
    report.records.flatMap((record) =>
      (record.kind === 'phase-started' || record.kind === 'phase-ended') && record.phase === phase ? [record.atMs] : [],
    ),
  );
  if (times.length === 0) return { start: run.sealedAtMs, stop: run.sealedAtMs };
  return {
    start: Math.round(times.reduce((least, time) => Math.min(least, time))),
    stop: Math.round(times.reduce((most, time) => Math.max(most, time))),
  };
}
