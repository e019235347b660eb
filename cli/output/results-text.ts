import { shown } from '#core/verify/foreign-text.ts';
import type { NotPassedTest, RunResults } from '../cluster/run-results.ts';

const NAME_WIDTH = 14;
const NUMBER_WIDTH = 9;
/** So many nodes are listed one by one; of more, those with failures. */
const NODES_LISTED = 40;
const REASON_LENGTH = 400;
const COLUMNS = ['passed', 'failed', 'skipped', 'other'] as const;

/** Results for a terminal: counts per phase and node, then everything that did not pass. */
export function resultsText(results: RunResults): string {
  const { phases, nodes, absent } = results;
  const total = Object.entries(phases).map(([phase, counts]) =>
    row(
      phase,
      COLUMNS.map((name) => counts[name]),
    ),
  );
  const perNode = nodes.map(({ node, phases: ofNode }) => ({ node, counts: sumOf(Object.values(ofNode)) }));
  const listed = perNode.length <= NODES_LISTED ? perNode : perNode.filter(({ counts }) => counts.failed + counts.other > 0);
  const lines = [
    sourceWords(results),
    '',
    row('phase', COLUMNS),
    ...(total.length === 0 ? ['nothing was checked'] : total),
    ...(listed.length === 0 ? [] : ['', row('node', COLUMNS)]),
    ...listed.map(({ node, counts }) =>
      row(
        shown(node),
        COLUMNS.map((name) => counts[name]),
      ),
    ),
    ...(listed.length === perNode.length ? [] : [`${perNode.length - listed.length} more node(s) without failures`]),
    ...(absent.length === 0 ? [] : ['', 'did not report']),
    ...absent.map(
      ({ node, reason, detail }) => `  ${shown(node)} ${shown(reason)}${detail === '' ? '' : `: ${shown(detail, REASON_LENGTH)}`}`,
    ),
    ...notPassedLines(results.notPassed),
  ];
  return `${lines.join('\n')}\n`;
}

/** Where the results come from, and whose word they are. */
export function sourceWords({ run, state, reference }: RunResults): string {
  if (reference === undefined) return `${shown(run)} ${shown(state)} · from the log of its collector`;
  return `${shown(run)} ${shown(state)} · from its evidence, not verified here: assay verify ${shown(reference, REASON_LENGTH)}`;
}

/** Failures one by one, skipped checks together by reason: on a cluster without a feature they are many. */
function notPassedLines(tests: readonly NotPassedTest[]): readonly string[] {
  if (tests.length === 0) return [];
  const bad = tests.filter(({ status }) => status !== 'skipped');
  const skipped = Map.groupBy(
    tests.filter(({ status }) => status === 'skipped'),
    ({ reason }) => reason,
  );
  return [
    '',
    ...bad.map((test) => `✗ ${test.status} ${named(test)}${test.reason === '' ? '' : `: ${shown(test.reason, REASON_LENGTH)}`}`),
    ...[...skipped].map(
      ([reason, group]) => `- skipped ${whichOf(group)}: ${reason === '' ? 'no reason recorded' : shown(reason, REASON_LENGTH)}`,
    ),
  ];
}

function named({ phase, check, node }: NotPassedTest): string {
  return `${phase}/${shown(check)}${node === null ? '' : ` on ${shown(node)}`}`;
}

function whichOf(group: readonly NotPassedTest[]): string {
  const checks = [...new Set(group.map(({ check }) => check))];
  const names = checks.length <= 3 ? checks.map((check) => shown(check)).join(', ') : `${checks.length} checks`;
  const nodes = new Set(group.flatMap(({ node }) => node ?? [])).size;
  return nodes === 0 ? names : `${names} on ${nodes} node(s)`;
}

function sumOf(
  counts: readonly (Readonly<Record<(typeof COLUMNS)[number], number>> | undefined)[],
): Record<(typeof COLUMNS)[number], number> {
  const sum = { passed: 0, failed: 0, skipped: 0, other: 0 };
  for (const one of counts) for (const name of COLUMNS) sum[name] += one?.[name] ?? 0;
  return sum;
}

function row(name: string, cells: readonly (string | number)[]): string {
  return `${name.padEnd(NAME_WIDTH)}${cells.map((cell) => String(cell).padStart(NUMBER_WIDTH)).join('')}`;
}
