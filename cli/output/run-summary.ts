import type { NotPassed, RunResult } from '../run/run-result.ts';

/** First line of everything that rests on a lab signature. */
export const LAB_BANNER =
  'LAB TRUST: signed by an authority that lived only in this run. It proves integrity since signing, not who signed.';

/** The end of `assay run` as Markdown: what happened, what did not pass and why, where everything is, how to check it. */
export function runSummary(result: RunResult): string {
  const lines = [
    ...(result.trust === 'lab' ? [LAB_BANNER, ''] : []),
    ...(result.trust === 'none' ? ['PENDING SIGNATURE: the bundle is sealed and unsigned; sign it later with the same digest.', ''] : []),
    `## Evidence for ${result.recipe}: ${result.verdict} (exit ${result.exit})`,
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

/** One line per check that failed or broke; skipped checks together by reason, because they are many where there is no GPU. */
function notPassedLines(tests: readonly NotPassed[]): readonly string[] {
  if (tests.length === 0) return [];
  const skipped = Map.groupBy(
    tests.filter(({ status }) => status === 'skipped'),
    ({ reason }) => reason,
  );
  const named = ({ phase, check }: NotPassed): string => `${phase}/${check}`;
  return [
    'Not passed:',
    '',
    ...tests
      .filter(({ status }) => status !== 'skipped')
      .map((test) => `- ${test.status} ${named(test)}${test.reason === '' ? '' : `: ${test.reason}`}`),
    ...[...skipped].map(
      ([reason, group]) => `- ${group.length} skipped, ${reason === '' ? 'no reason recorded' : reason}: ${group.map(named).join(', ')}`,
    ),
    '',
  ];
}

function findingLines(findings: RunResult['findings']): readonly string[] {
  return findings.length === 0 ? [] : ['Findings:', '', ...findings.map(({ code, detail }) => `- ${code}: ${detail}`), ''];
}

function fileRows(result: RunResult): readonly (readonly [string, string])[] {
  const rows: readonly (readonly [string, string | null])[] = [
    ['bundle', result.bundle],
    ['OCI artifact', result.oci],
    ['artifact digest', result.digest],
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
