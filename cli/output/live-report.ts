import type { NotPassedTest, RunResults } from '../cluster/run-results.ts';
import { escapeHtml, htmlPage } from './html-page.ts';
import { code } from './verdict-markdown.ts';

/** What is said first of a report that no evidence stands behind. */
const PRELIMINARY = 'Preliminary: read from the log of a run. Nothing here is sealed, signed or verified.';
/** A report is for people: of more the JSON document has the names. */
const MAX_ROWS = 200;

interface Row {
  readonly head: string;
  readonly cells: readonly string[];
}

interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

/** The results of a run that has no pushed evidence, as Markdown: foreign text stands in code spans. */
export function liveMarkdown(results: RunResults): string {
  const tables = tablesOf(results).map(({ title, columns, rows }) =>
    [
      `### ${title}`,
      '',
      `| ${columns.join(' | ')} |`,
      `|${'---|'.repeat(columns.length)}`,
      ...rows.map(({ head, cells }) => `| ${[head, ...cells].map((cell) => code(cell, 400)).join(' | ')} |`),
    ].join('\n'),
  );
  return `${[`## Run ${code(results.run)}: ${code(results.state)}`, PRELIMINARY, ...tables].join('\n\n')}\n`;
}

/** The same as one self-contained page. */
export function liveHtml(results: RunResults): string {
  const tables = tablesOf(results).map(
    ({ title, columns, rows }) =>
      `<h2>${title}</h2>\n<table><tr>${columns.map((column) => `<th>${column}</th>`).join('')}</tr>\n${rows.map(htmlRow).join('\n')}\n</table>`,
  );
  const head = `<h1>Run ${escapeHtml(results.run)}: ${escapeHtml(results.state)}</h1>\n<p class="findings">${PRELIMINARY}</p>`;
  return htmlPage('Run', [head, ...tables].join('\n'));
}

function htmlRow({ head, cells }: Row): string {
  return `<tr><th scope="row"><code>${escapeHtml(head)}</code></th>${cells.map((cell) => `<td><code>${escapeHtml(cell)}</code></td>`).join('')}</tr>`;
}

function tablesOf({ phases, notPassed, absent }: RunResults): readonly Table[] {
  const counts = Object.entries(phases).map(([phase, { passed, failed, skipped, other }]) => ({
    head: phase,
    cells: [passed, failed, skipped, other].map(String),
  }));
  const bad = notPassed.filter(({ status }) => status !== 'skipped');
  const skipped = notPassed.filter(({ status }) => status === 'skipped');
  const tables: readonly Table[] = [
    { title: 'Phases', columns: ['phase', 'passed', 'failed', 'skipped', 'other'], rows: counts },
    {
      title: 'Nodes that did not report',
      columns: ['node', 'reason', 'detail'],
      rows: absent.map(({ node, reason, detail }) => ({ head: node, cells: [reason, detail] })),
    },
    { title: 'Failed', columns: ['check', 'node', 'status', 'reason'], rows: bad.map(testRow) },
    { title: 'Skipped', columns: ['check', 'node', 'status', 'reason'], rows: skipped.map(testRow) },
  ];
  return tables.filter(({ rows }) => rows.length > 0).map((table) => ({ ...table, rows: shortened(table) }));
}

function testRow({ phase, check, node, status, reason }: NotPassedTest): Row {
  return { head: `${phase}/${check}`, cells: [node ?? 'cluster', status, reason] };
}

function shortened({ columns, rows }: Table): readonly Row[] {
  if (rows.length <= MAX_ROWS) return rows;
  const cells = columns.slice(1).map(() => '');
  return [...rows.slice(0, MAX_ROWS), { head: `${rows.length - MAX_ROWS} more`, cells }];
}
