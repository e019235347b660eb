import type { PhaseSummary, Predicate } from '#core/attestation/predicate.ts';
import { parseReport } from '#core/ctrf/parse-report.ts';
import { PHASES, type Phase } from '#core/ctrf/report.ts';
import { errorText, isAssayError } from '#core/error.ts';
import type { Recipe } from '#core/recipe/document.ts';
import { finding, type Finding } from '../finding.ts';
import { shown } from '../foreign-text.ts';
import type { BundleFiles } from '../materialize/bundle-files.ts';
import type { StepOutcome } from '../step-outcome.ts';
import type { Compared } from '../verdict.ts';
import { phaseFacts, type PhaseFacts } from './phase-facts.ts';

/** Outcome of the step, and what other steps need of the reports. */
export interface ResultsOutcome {
  readonly outcome: StepOutcome;
  readonly facts: readonly PhaseFacts[];
}

/**
 * Reads every phase report, counts its tests again and compares the counts with the report's own and with the predicate's;
 * tells what did not pass, and what the recipe asked for and nobody ran.
 * @param recipe absent when it could not be read
 */
export function checkResults(files: BundleFiles, predicate: Predicate, recipe: Recipe | undefined): ResultsOutcome {
  const facts: PhaseFacts[] = [];
  const findings: Finding[] = [];
  for (const phase of PHASES) {
    const summary = predicate.phases[phase];
    const bytes = files.get(`ctrf/${phase}.json`)?.bytes;
    if (summary === undefined) continue;
    if (bytes === undefined) findings.push(finding('REPORT_INVALID', `ctrf/${phase}.json is over the size that is read`));
    else {
      const read = readPhase(phase, bytes);
      findings.push(
        ...read.findings,
        ...(read.facts === undefined ? [] : [...countFindings(read.facts, summary), ...resultFindings(read.facts)]),
      );
      if (read.facts !== undefined) facts.push(read.facts);
    }
  }
  findings.push(...missingPhases(predicate, recipe), ...missingChecks(facts, recipe));
  return { outcome: { detail: detailOf(facts, findings), compared: facts.map((fact) => row(fact)), findings }, facts };
}

function readPhase(phase: Phase, bytes: Uint8Array): { readonly facts?: PhaseFacts; readonly findings: readonly Finding[] } {
  try {
    const { report, problems } = parseReport(bytes, `ctrf/${phase}.json`);
    const [first] = problems;
    if (first === undefined) return { facts: phaseFacts(phase, report), findings: [] };
    const detail = `ctrf/${phase}.json: ${first}${problems.length > 1 ? `, and ${problems.length - 1} more` : ''}`;
    // Only a report in its right form is looked into; wrong sums do not make its tests unreadable.
    if (!problems.every(isCountProblem)) return { findings: [finding('REPORT_INVALID', detail)] };
    return { facts: phaseFacts(phase, report), findings: [finding('COUNTS_WRONG', detail)] };
  } catch (error) {
    if (!isAssayError(error)) throw error;
    return { findings: [finding('REPORT_INVALID', errorText(error))] };
  }
}

function isCountProblem(problem: string): boolean {
  return /^results\.summary\.[a-z]+: says /.test(problem);
}

/** `failed` may also hold what ended without a verdict: the stricter reading, which Assay writes. */
function countFindings({ phase, counts }: PhaseFacts, claimed: PhaseSummary): readonly Finding[] {
  const strict = counts.failed + counts.other + counts.pending;
  const wrong = [
    ...(claimed.passed === counts.passed ? [] : [`passed ${claimed.passed}, not ${counts.passed}`]),
    ...(claimed.failed === counts.failed || claimed.failed === strict ? [] : [`failed ${claimed.failed}, not ${strict}`]),
    ...(claimed.skipped === counts.skipped ? [] : [`skipped ${claimed.skipped}, not ${counts.skipped}`]),
  ];
  return wrong.length === 0 ? [] : [finding('COUNTS_WRONG', `the predicate says of ${phase}: ${wrong.join('; ')}`)];
}

function resultFindings({ phase, counts, tests, failed, inconclusive, contradictions }: PhaseFacts): readonly Finding[] {
  const unsettled = counts.other + counts.pending;
  return [
    ...(contradictions.length === 0 ? [] : [finding('RESULT_WRONG', `${phase}: ${contradictions.join('; ')}`)]),
    ...(counts.failed === 0
      ? []
      : [finding('PHASE_FAILED', `${phase}: ${counts.failed} of ${tests} tests failed: ${examples(failed, counts.failed)}`)]),
    ...(unsettled === 0
      ? []
      : [
          finding(
            'TESTS_INCONCLUSIVE',
            `${phase}: ${unsettled} of ${tests} tests ended without a verdict: ${examples(inconclusive, unsettled)}`,
          ),
        ]),
    ...(counts.skipped === tests
      ? [finding('PHASE_WITHOUT_RESULT', tests === 0 ? `${phase} has no test` : `${phase}: all ${tests} tests were skipped`)]
      : []),
  ];
}

function missingPhases(predicate: Predicate, recipe: Recipe | undefined): readonly Finding[] {
  const asked = PHASES.filter((phase) => (recipe?.validation?.[phase]?.checks ?? []).length > 0);
  const missing = asked.filter((phase) => predicate.phases[phase] === undefined);
  if (missing.length > 0) return [finding('PHASE_MISSING', `the recipe asks for ${missing.join(', ')}, and there is no report`)];
  return Object.keys(predicate.phases).length === 0 ? [finding('PHASE_MISSING', 'the evidence has no phase report at all')] : [];
}

function missingChecks(facts: readonly PhaseFacts[], recipe: Recipe | undefined): readonly Finding[] {
  return facts.flatMap(({ phase, names }) => {
    const missing = (recipe?.validation?.[phase]?.checks ?? []).filter((name) => !names.has(name));
    return missing.length === 0
      ? []
      : [
          finding(
            'CHECK_MISSING',
            `${phase}: not in the report: ${examples(
              missing.map((name) => shown(name, 80)),
              missing.length,
            )}`,
          ),
        ];
  });
}

function examples(list: readonly string[], total: number): string {
  const named = list.slice(0, 5);
  return total > named.length ? `${named.join(', ')} and ${total - named.length} more` : named.join(', ');
}

function row({ phase, counts, tests }: PhaseFacts): Compared {
  const { passed, failed, skipped, pending, other } = counts;
  return {
    key: phase,
    value: `${tests} tests counted: passed ${passed}, failed ${failed}, skipped ${skipped}, pending ${pending}, other ${other}`,
  };
}

function detailOf(facts: readonly PhaseFacts[], findings: readonly Finding[]): string {
  const [worst] = [...findings].sort((left, right) => Number(right.severity === 'error') - Number(left.severity === 'error'));
  return worst?.detail ?? `${facts.length} phase report(s) counted again; reports and predicate agree, nothing failed`;
}
