import type { NotPassed, RunResult } from '../run/run-result.ts';
import { LAB_WORDS, VERDICT_WORDS } from './verdict-words.ts';

/** What a trust that is less than a public signature means for the reader. */
const TRUST_NOTES: Readonly<Record<RunResult['trust'], readonly string[]>> = {
  lab: ['LAB TRUST: signed by an authority that lived only in this run. It proves integrity since signing, not who signed.', ''],
  none: ['PENDING SIGNATURE: the bundle is sealed and unsigned; sign it later with the same digest.', ''],
  sigstore: [],
};

/** So many checks of one reason are still named one by one; of more, the JSON document has the names. */
const NAMED_MAX = 3;

/** The end of `assay run` as Markdown: what happened, what did not pass and why, where everything is, how to check it. */
export function runSummary(result: RunResult): string {
  const lines = [
    headline(result),
    '',
    ...TRUST_NOTES[result.trust],
    `## Evidence for ${result.recipe}`,
    '',
    `Nodes: ${result.coverage.reported} of ${result.coverage.expected} reported`,
    '',
    '| phase | passed | failed | skipped | other |',
    '|---|---|---|---|---|',
    ...Object.entries(result.phases).map(
      ([phase, counts]) => `| ${phase} | ${counts.passed} | ${counts.failed} | ${counts.skipped} | ${counts.other} |`,
    ),
    '',
    ...notPassedLines(result.notPassed),
    ...findingLines(result.findings),
    '| what | where |',
    '|---|---|',
    ...fileRows(result).map(([what, where]) => `| ${what} | ${where} |`),
    '',
    'Check it yourself:',
    '',
    ...verifyCommands(result).map((command) => `    ${command}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** Whose word it rests on, the verdict and the exit code. An outage leaves the verdict of what is there, and ends 3. */
function headline({ trust, verdict, exit }: RunResult): string {
  const words = exit === 3 ? 'not finished: a service did not do its part, try again' : VERDICT_WORDS[verdict];
  return [...(trust === 'lab' ? [LAB_WORDS] : trust === 'none' ? ['UNSIGNED'] : []), `${words} (exit ${exit})`].join(' · ');
}

/** One line per check that failed or broke; skipped checks together by reason, because they are many where there is no GPU. */
function notPassedLines(tests: readonly NotPassed[]): readonly string[] {
  if (tests.length === 0) return [];
  const skipped = Map.groupBy(
    tests.filter(({ status }) => status === 'skipped'),
    ({ reason }) => reason,
  );
  return [
    'Not passed:',
    '',
    ...tests
      .filter(({ status }) => status !== 'skipped')
      .map((test) => `- ${test.status} ${named(test)}${test.reason === '' ? '' : `: ${test.reason}`}`),
    ...[...skipped].map(([reason, group]) => `- skipped ${whichOf(group)}: ${reason === '' ? 'no reason recorded' : reason}`),
    '',
  ];
}

function named({ phase, check }: NotPassed): string {
  return `${phase}/${check}`;
}

/** The checks of a group by name when they are few, else how many of each phase. */
function whichOf(group: readonly NotPassed[]): string {
  if (group.length <= NAMED_MAX) return group.map(named).join(', ');
  const byPhase = Map.groupBy(group, ({ phase }) => phase);
  return `${group.length} (${[...byPhase].map(([phase, tests]) => `${phase} ${tests.length}`).join(', ')})`;
}

function findingLines(findings: RunResult['findings']): readonly string[] {
  return findings.length === 0 ? [] : ['Findings:', '', ...findings.map(({ code, detail }) => `- ${code}: ${detail}`), ''];
}

function fileRows(result: RunResult): readonly (readonly [string, string])[] {
  const rows: readonly (readonly [string, string | null])[] = [
    ['bundle', result.bundle],
    ['OCI artifact', result.oci],
    ['artifact digest', result.digest],
    ['earlier artifacts', result.earlierArtifacts === 0 ? null : `${result.earlierArtifacts} kept in the layout, each under its own tag`],
    ['pointer', result.pointer],
    ['trusted root', result.trustedRoot],
    ['signer', result.signer === null ? null : `${result.signer.identity} (issuer ${result.signer.issuer})`],
  ];
  return rows.flatMap(([what, where]) => (where === null ? [] : [[what, where] as const]));
}

function verifyCommands(result: RunResult): readonly string[] {
  const root = result.trustedRoot === null ? '' : ` --trusted-root ${result.trustedRoot}`;
  return [`npx assay verify ${result.bundle}${root}`];
}
