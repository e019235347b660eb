import { readdir, readFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import type { ExitCode } from '#core/error.ts';
import type { CtrfTest, Phase } from '#core/ctrf/report.ts';
import { parseReport } from '#core/ctrf/parse-report.ts';
import type { RunEvent } from '#core/wire/run-event.ts';
import type { Verdict } from '#core/verify/verdict.ts';
import { eventOf, phaseCounts, type NotPassed, type RunResult } from './run-result.ts';

interface PhasedTest extends CtrfTest {
  readonly phase: Phase;
}

/** Everything that happened in a run, delivery included. */
export interface FinishedRun {
  readonly events: readonly RunEvent[];
  readonly timingsMs: Readonly<Record<string, number>>;
  /** A signing service or registry did not do its part. */
  readonly isOut: boolean;
  /** Tags of the layout in the output directory; this run has one of them. */
  readonly tags: number;
}

/**
 * The result of a run: counts from the reports in the bundle, reasons from what the programs said, the verdict from our verifier.
 * @param bundle bundle directory
 * @param verdict what verification of that directory gave
 */
export async function readRunResult(run: FinishedRun, bundle: string, verdict: Verdict): Promise<RunResult> {
  const tests = await readTests(bundle);
  const signed = eventOf(run.events, 'signed');
  const published = eventOf(run.events, 'published');
  return {
    exit: exitOf(run, verdict),
    recipe: eventOf(run.events, 'assembled')?.recipe ?? 'recipe',
    bundle: shorten(bundle),
    pointer: published === undefined ? null : shorten(published.pointer),
    oci: published === undefined ? null : shortenLayout(published.oci),
    digest: published?.digest ?? null,
    earlierArtifacts: Math.max(run.tags - 1, 0),
    signer: verdict.signer === undefined ? null : { identity: verdict.signer.identity, issuer: verdict.signer.issuer },
    trust: signed?.trust ?? 'none',
    trustedRoot: signed?.trustedRoot === undefined ? null : shorten(signed.trustedRoot),
    phases: phaseCounts(tests),
    notPassed: tests.filter(({ status }) => status !== 'passed').map((test) => notPassed(test, run.events)),
    coverage: verdict.coverage ?? { expected: 0, reported: 0, missing: [] },
    verdict: verdict.verdict,
    findings: verdict.findings.map(({ code, detail }) => ({ code, detail })),
    timingsMs: run.timingsMs,
  };
}

/** An outage of the signing or registry services outranks a verdict that is merely pending. */
function exitOf(run: FinishedRun, verdict: Verdict): ExitCode {
  return run.isOut && verdict.exit < 2 ? 3 : verdict.exit;
}

async function readTests(bundle: string): Promise<readonly PhasedTest[]> {
  const directory = join(bundle, 'ctrf');
  const names = (await readdir(directory)).sort();
  const reports = await Promise.all(
    names.map(async (name) => ({
      phase: basename(name, '.json') as Phase,
      tests: parseReport(await readFile(join(directory, name)), name).report.results.tests,
    })),
  );
  return reports.flatMap(({ phase, tests }) => tests.map((test) => ({ ...test, phase })));
}

function notPassed(test: PhasedTest, events: readonly RunEvent[]): NotPassed {
  const said = events.find((event) => event.event === 'check' && event.check === test.name && event.phase === test.phase);
  const recorded = test.extra?.['reason'];
  const reason = (said?.event === 'check' ? said.message : undefined) ?? (typeof recorded === 'string' ? recorded : '');
  return { phase: test.phase, check: test.name, status: test.status, reason };
}

const LAYOUT_PREFIX = 'oci-layout:';

function shortenLayout(reference: string): string {
  return reference.startsWith(LAYOUT_PREFIX) ? `${LAYOUT_PREFIX}${shorten(reference.slice(LAYOUT_PREFIX.length))}` : reference;
}

/** Relative to the working directory when that is shorter to read. */
function shorten(path: string): string {
  const short = relative('.', path);
  return short.startsWith('..') || short === '' ? path : short;
}
