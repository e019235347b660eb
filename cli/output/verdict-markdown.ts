import { shown } from '#core/verify/foreign-text.ts';
import type { Finding } from '#core/verify/finding.ts';
import type { StepReport, Verdict } from '#core/verify/verdict.ts';
import { headline, LAB_WORDS, matchRows, phaseRows, signerWords } from './verdict-words.ts';

/** A comment on a pull request holds 65,536 characters; something has to be left for the frame around a report. */
const MAX_LENGTH = 60_000;
const MAX_FINDINGS = 100;
const JOINER = '\u200d';

/**
 * A verdict as GitHub-flavoured Markdown for a pull request comment. Everything that comes from the bundle stands in code
 * spans, without links, mentions, images or markup; the frame is fixed.
 */
export function verdictMarkdown(verdict: Verdict): string {
  const sections = [
    title(verdict),
    fingerprintSection(verdict),
    phaseSection(verdict),
    bomSection(verdict),
    redactionSection(verdict),
    stepSection(verdict.steps),
    findingSection(verdict.findings),
    conclusion(verdict),
  ];
  const text = `${sections.filter((section) => section !== '').join('\n\n')}\n`;
  if (text.length <= MAX_LENGTH) return text;
  return `${[title(verdict), stepSection(verdict.steps.map(({ subRows: _rows, ...step }) => step)), '_The report was shortened: it is over the length of a comment._', conclusion(verdict)].join('\n\n')}\n`;
}

/** Foreign text as a code span: it cannot end the span, make a link or mention, or break a table. */
export function code(text: string, limit = 200): string {
  const safe = shown(text, limit)
    .replaceAll('`', "'")
    .replaceAll('|', '\\|')
    .replaceAll('<', '‹')
    .replaceAll('>', '›')
    .replaceAll('@', `@${JOINER}`)
    .replaceAll('](', `]${JOINER}(`);
  return safe.trim() === '' ? '—' : `\`${safe}\``;
}

function title(verdict: Verdict): string {
  const { recipeName, trust, predicate, bundleDigest, ageDays, coverage } = verdict;
  const lab = trust === 'lab' ? `${LAB_WORDS} · ` : '';
  const facts = [
    ...(predicate === undefined
      ? []
      : [`**Tool:** ${code(String(predicate['aicrVersion'] ?? ''))}`, `**Schema:** ${code(String(predicate['schemaVersion'] ?? ''))}`]),
    ...(bundleDigest === undefined ? [] : [`**Bundle digest:** ${code(bundleDigest)}`]),
    ...(ageDays === undefined ? [] : [`**Age:** ${ageDays} day(s)`]),
    ...(coverage === undefined ? [] : [`**Coverage:** ${coverage.reported} of ${coverage.expected} node(s)`]),
  ];
  const heading = `## ${lab}Evidence verification${recipeName === undefined ? '' : ` — ${code(recipeName)}`}`;
  return [
    heading,
    '',
    `**Signer:** ${signerWords(verdict, code)}`,
    ...(facts.length === 0 ? [] : ['', facts.join(' • ')]),
    ...(verdict.mode === 'upstream' ? ['', '_Only the checks of the upstream verifier were made._'] : []),
  ].join('\n');
}

function fingerprintSection(verdict: Verdict): string {
  const rows = matchRows(verdict);
  if (rows.length === 0) return '';
  const isMatched = rows.every(({ match }) => match !== 'mismatched');
  const line = isMatched ? '✓ no criteria dimension is contradicted' : '✗ one or more criteria dimensions mismatched';
  const table = rows.map(
    ({ dimension, match, recipe, cluster }) => `| ${code(dimension, 40)} | ${code(`${match} recipe=${recipe} snapshot=${cluster}`)} |`,
  );
  return ['### Cluster fingerprint', line, '', '| Dimension | Outcome |', '|---|---|', ...table].join('\n');
}

function phaseSection(verdict: Verdict): string {
  const rows = phaseRows(verdict);
  if (rows.length === 0) return '';
  return [
    '### Phase results',
    ...rows.map(
      ({ phase, passed, failed, skipped }) =>
        `- ${failed > 0 ? '✗' : '✓'} **${phase}** passed=${passed} failed=${failed} skipped=${skipped}`,
    ),
  ].join('\n');
}

function bomSection({ predicate }: Verdict): string {
  const bom = predicate?.['bom'] as { readonly imageCount?: number; readonly digest?: string } | undefined;
  return bom?.digest === undefined ? '' : `### BOM\nCycloneDX 1.6 — ${bom.imageCount ?? 0} components (digest ${code(bom.digest)})`;
}

function redactionSection({ predicate }: Verdict): string {
  const redaction = predicate?.['redaction'] as
    | { readonly policy?: string; readonly version?: string; readonly applied?: readonly string[] }
    | undefined;
  if (redaction?.policy === undefined) return '';
  const rules = (redaction.applied ?? []).slice(0, 20).map((rule) => `- ${code(rule)}`);
  return [
    '### Redaction',
    `Policy ${code(redaction.policy)} (version ${code(redaction.version ?? '')}): the content is minimized; what is signed stays bound.`,
    ...rules,
  ].join('\n');
}

function stepSection(steps: readonly StepReport[]): string {
  const table = steps.map(({ step, name, status, detail }) => `| ${step} | ${name} | ${status} | ${code(detail, 400)} |`);
  const compared = steps
    .filter(({ subRows = [] }) => subRows.length > 0)
    .flatMap(({ name, subRows = [] }) => [`- **${name}**`, ...subRows.map(({ key, value }) => `  - ${code(key)}: ${code(value)}`)]);
  const details =
    compared.length === 0 ? [] : ['', '<details><summary>What each step compared</summary>', '', ...compared, '', '</details>'];
  return ['### Verification steps', '| # | Step | Status | Detail |', '|---|---|---|---|', ...table, ...details].join('\n');
}

function findingSection(findings: readonly Finding[]): string {
  if (findings.length === 0) return '';
  const rows = findings
    .slice(0, MAX_FINDINGS)
    .map(
      ({ code: name, severity, detail, hint }) =>
        `| ${severity} | \`${name}\` | ${code(detail, 600)} | ${severity === 'info' ? '' : code(hint, 300)} |`,
    );
  const more = findings.length > MAX_FINDINGS ? [`| | | ${findings.length - MAX_FINDINGS} more | |`] : [];
  return ['### Findings', '| Severity | Code | What | Next |', '|---|---|---|---|', ...rows, ...more].join('\n');
}

function conclusion(verdict: Verdict): string {
  const { failureCause } = verdict;
  const cause =
    failureCause === undefined
      ? []
      : [
          '',
          `**Cause:** \`${failureCause.class}\`${failureCause.httpStatus === undefined ? '' : ` (HTTP ${failureCause.httpStatus})`} ${code(failureCause.detail, 600)}`,
        ];
  return ['---', '', `**Verdict:** ${headline(verdict)}`, ...cause].join('\n');
}
