import { shown } from '#core/verify/foreign-text.ts';
import type { Finding } from '#core/verify/finding.ts';
import type { StepReport, Verdict } from '#core/verify/verdict.ts';
import { headline, phaseRows, signerWords } from './verdict-words.ts';

const NAME_WIDTH = 12;
const STATUS_WIDTH = 15;

/** How much of a verdict is printed. */
export interface TextOptions {
  /** Also what every step compared; otherwise only steps that did not simply pass say so. */
  readonly verbose?: boolean;
}

/** A verdict for a terminal: plain text, no colours, foreign text without control characters. */
export function verdictText(verdict: Verdict, { verbose = false }: TextOptions = {}): string {
  const lines = [
    headline(verdict),
    '',
    ...facts(verdict).map(([name, value]) => `${name.padEnd(NAME_WIDTH)}${value}`),
    '',
    ...(verbose ? verdict.steps : folded(verdict.steps)).flatMap((step) => stepLines(step, verbose)),
    ...findingLines(verdict.findings),
  ];
  return `${lines.join('\n')}\n`;
}

function facts(verdict: Verdict): readonly (readonly [string, string])[] {
  const { recipeName, bundleDigest, ageDays, coverage } = verdict;
  const phases = phaseRows(verdict).map(
    ({ phase, passed, failed, skipped }) => `${phase} ${passed} passed, ${failed} failed, ${skipped} skipped`,
  );
  return [
    ...(recipeName === undefined ? [] : [['recipe', shown(recipeName)] as const]),
    ['signer', signerWords(verdict, shown)],
    ...(bundleDigest === undefined ? [] : [['artifact', bundleDigest] as const]),
    ...(ageDays === undefined ? [] : [['age', `${ageDays} day(s)`] as const]),
    ...(coverage === undefined ? [] : [['coverage', `${coverage.reported} of ${coverage.expected} node(s)`] as const]),
    ...(phases.length === 0 ? [] : [['phases', phases.join('; ')] as const]),
  ];
}

/** Steps that were not done, all for one reason, are one line: which step ended the verification is said once. */
function folded(steps: readonly StepReport[]): readonly StepReport[] {
  const last = steps.at(-1);
  const from = steps.findLastIndex(({ status, detail }) => status !== 'skipped' || detail !== last?.detail) + 1;
  const [first] = steps.slice(from);
  if (first === undefined || last === undefined || first === last) return steps;
  return [...steps.slice(0, from), { ...first, name: `to ${last.step} ${last.name}` as StepReport['name'] }];
}

function stepLines({ step, name, status, detail, subRows = [] }: StepReport, verbose: boolean): readonly string[] {
  const line = `${String(step).padStart(2)} ${name.padEnd(NAME_WIDTH)}${status.padEnd(STATUS_WIDTH)}${detail}`;
  const isTold = verbose || status === 'failed' || status === 'not-replayable';
  return [line.trimEnd(), ...(isTold ? subRows.map(({ key, value }) => `     ${key}: ${value}`) : [])];
}

function findingLines(findings: readonly Finding[]): readonly string[] {
  if (findings.length === 0) return [];
  return [
    '',
    'Findings',
    ...findings.flatMap(({ code, severity, detail, hint }) => [
      `  ${severity} ${code}: ${detail}`,
      ...(severity === 'info' ? [] : [`    ${hint}`]),
    ]),
  ];
}
