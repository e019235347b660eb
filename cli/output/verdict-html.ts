import { shown } from '#core/verify/foreign-text.ts';
import type { Compared, StepReport, Verdict } from '#core/verify/verdict.ts';
import { escapeHtml, htmlPage } from './html-page.ts';
import { headline, phaseRows, signerWords } from './verdict-words.ts';

/** A verdict as one self-contained page: no scripts, no links, nothing loaded. */
export function verdictHtml(verdict: Verdict): string {
  const { recipeName, bundleDigest, ageDays, coverage } = verdict;
  const facts: Compared[] = [
    { key: 'Recipe', value: recipeName ?? '—' },
    { key: 'Signer', value: signerWords(verdict, shown) },
    ...(bundleDigest === undefined ? [] : [{ key: 'Artifact', value: bundleDigest }]),
    ...(ageDays === undefined ? [] : [{ key: 'Age', value: `${ageDays} day(s)` }]),
    ...(coverage === undefined ? [] : [{ key: 'Coverage', value: `${coverage.reported} of ${coverage.expected} node(s)` }]),
    ...phaseRows(verdict).map(({ phase, passed, failed, skipped }) => ({
      key: phase,
      value: `${passed} passed, ${failed} failed, ${skipped} skipped`,
    })),
  ];
  const body = `<h1>${escapeHtml(headline(verdict))}</h1>
<table>${facts.map(({ key, value }) => `<tr><th scope="row">${escapeHtml(key)}</th><td><code>${escapeHtml(value)}</code></td></tr>`).join('\n')}</table>
<h2>Steps</h2>
<table><tr><th>#</th><th>Step</th><th>Status</th><th>Detail</th></tr>
${verdict.steps.map(stepRow).join('\n')}
</table>
<h2>Findings</h2>
${verdict.findings.length === 0 ? '<p>None.</p>' : `<table><tr><th>Severity</th><th>Code</th><th>What</th><th>Next</th></tr>\n${verdict.findings.map(({ code, severity, detail, hint }) => `<tr><td class="${severity}">${severity}</td><td>${code}</td><td><code>${escapeHtml(detail)}</code></td><td>${escapeHtml(hint)}</td></tr>`).join('\n')}</table>`}`;
  return htmlPage('Evidence verification', body);
}

function stepRow({ step, name, status, detail, subRows = [] }: StepReport): string {
  const rows = subRows.map(({ key, value }) => `<li><code>${escapeHtml(key)}</code>: <code>${escapeHtml(value)}</code></li>`).join('');
  const compared = rows === '' ? '' : `<details><summary>compared</summary><ul>${rows}</ul></details>`;
  return `<tr><td>${step}</td><td>${name}</td><td class="${status}">${status}</td><td>${escapeHtml(detail)}${compared}</td></tr>`;
}
