import { shown } from '#core/verify/foreign-text.ts';
import type { Compared, StepReport, Verdict } from '#core/verify/verdict.ts';
import { headline, phaseRows, signerWords } from './verdict-words.ts';

const STYLE =
  'body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1a1a1a;background:#fff}table{border-collapse:collapse;width:100%}' +
  'td,th{border:1px solid #ccc;padding:.3rem .5rem;text-align:left;vertical-align:top}code{overflow-wrap:anywhere}.failed,.error,.undecided{color:#a00000}.findings,.warning,.not-replayable{color:#7a4a00}.passed{color:#006020}' +
  '@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}td,th{border-color:#444}.failed,.error,.undecided{color:#ff8a80}.findings,.warning,.not-replayable{color:#ffcc80}.passed{color:#a5d6a7}}';
/** Nothing is loaded and nothing runs, whatever text is in the page. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

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
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}"><title>Evidence verification</title><style>${STYLE}</style></head>
<body>
<h1>${escape(headline(verdict))}</h1>
<table>${facts.map(({ key, value }) => `<tr><th scope="row">${escape(key)}</th><td><code>${escape(value)}</code></td></tr>`).join('\n')}</table>
<h2>Steps</h2>
<table><tr><th>#</th><th>Step</th><th>Status</th><th>Detail</th></tr>
${verdict.steps.map(stepRow).join('\n')}
</table>
<h2>Findings</h2>
${verdict.findings.length === 0 ? '<p>None.</p>' : `<table><tr><th>Severity</th><th>Code</th><th>What</th><th>Next</th></tr>\n${verdict.findings.map(({ code, severity, detail, hint }) => `<tr><td class="${severity}">${severity}</td><td>${code}</td><td><code>${escape(detail)}</code></td><td>${escape(hint)}</td></tr>`).join('\n')}</table>`}
</body>
</html>
`;
}

function stepRow({ step, name, status, detail, subRows = [] }: StepReport): string {
  const rows = subRows.map(({ key, value }) => `<li><code>${escape(key)}</code>: <code>${escape(value)}</code></li>`).join('');
  const compared = rows === '' ? '' : `<details><summary>compared</summary><ul>${rows}</ul></details>`;
  return `<tr><td>${step}</td><td>${name}</td><td class="${status}">${status}</td><td>${escape(detail)}${compared}</td></tr>`;
}

/** Text that cannot leave its element or attribute. */
function escape(text: string): string {
  return shown(text, 800)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
