import { styleText } from 'node:util';
import type { CtrfStatus } from '#core/ctrf/report.ts';
import type { RunEvent } from '#core/wire/run-event.ts';

type Style = Parameters<typeof styleText>[0];
type Paint = (style: Style, text: string) => string;
type Line<Kind extends RunEvent['event']> = (event: Extract<RunEvent, { event: Kind }>, paint: Paint) => string | undefined;

const MARK: Readonly<Record<CtrfStatus, readonly [string, Style]>> = {
  passed: ['✓', 'green'],
  failed: ['✗', 'red'],
  skipped: ['-', 'dim'],
  pending: ['…', 'yellow'],
  other: ['!', 'yellow'],
};

const LINES: { readonly [Kind in RunEvent['event']]: Line<Kind> } = {
  listening: ({ url, runId }, paint) => paint('dim', `collector listening on ${url} (run ${runId})`),
  'node-connected': ({ node, attempt }) => `${node}: connected${attempt > 1 ? ` again (${attempt})` : ''}`,
  'phase-started': ({ node, phase }, paint) => paint('bold', `${node}: phase ${phase}`),
  check: ({ check, status, message }, paint) => {
    const [mark, style] = MARK[status];
    if (status === 'skipped') return undefined;
    if (status === 'passed') return `  ${paint(style, mark)} ${check}`;
    return `  ${paint(style, mark)} ${check} ${status}${message === undefined ? '' : paint('dim', `: ${message}`)}`;
  },
  'phase-ended': () => undefined,
  'node-finished': ({ node }) => `${node}: finished`,
  waiting: ({ node, reason, detail }, paint) =>
    reason === undefined ? `${node}: can report again` : paint('yellow', `${node}: cannot report now, ${reason}: ${detail ?? ''}`),
  incident: ({ code, node, detail }, paint) => paint('yellow', `incident ${code}${node === undefined ? '' : ` (${node})`}: ${detail}`),
  'cluster-check': ({ check, status, message }, paint) => {
    const [mark, style] = MARK[status];
    return `  ${paint(style, mark)} ${check} ${status}${message === undefined || status === 'passed' ? '' : paint('dim', `: ${message}`)}`;
  },
  absent: ({ node, reason, detail }, paint) => paint('red', `${node}: absent, ${reason}: ${detail}`),
  stalled: ({ message }, paint) => paint('yellow', `waiting: ${message}`),
  resumed: () => 'resumed',
  deadline: (_, paint) => paint('yellow', 'deadline reached'),
  sealed: ({ complete, expected, records }) => `sealed: ${complete} of ${expected} nodes, ${records} records`,
  assembled: ({ bundle }) => `assembled ${bundle}`,
  signed: ({ identity, issuer, trust }) => `signed as ${identity} (${trust === 'lab' ? 'LAB TRUST' : issuer})`,
  pending: ({ reason }, paint) => paint('yellow', `not signed: ${reason}`),
  published: ({ oci, digest }) => `published ${oci} as ${digest}`,
  delivery: ({ state, oci, reason }) =>
    `delivery: ${state}${oci === undefined ? '' : ` ${oci}`}${reason === undefined ? '' : `, ${reason}`}`,
  // The verb ends with it, and says so with its hint.
  failed: () => undefined,
};

/** Progress of a run as lines of text; undefined for an event that people need not see. */
export type Progress = (event: RunEvent) => string | undefined;

/**
 * Progress of one run. Skipped checks are counted and told once per phase and reason: on a computer without a GPU they are many.
 * Colour follows the stream (TTY, NO_COLOR); the text is the same without it.
 * @param stream where the lines will be written
 */
export function runProgress(stream: NodeJS.WriteStream): Progress {
  const paint: Paint = (style, text) => styleText(style, text, { stream });
  const skipped = new Map<string, number>();
  return (event) => {
    if (event.event === 'check' && event.status === 'skipped') {
      const key = `${event.node}\0${event.message ?? 'no reason given'}`;
      skipped.set(key, (skipped.get(key) ?? 0) + 1);
    }
    if (event.event === 'phase-ended') return skippedLines(skipped, event.node, paint);
    return (LINES[event.event] as Line<RunEvent['event']>)(event, paint);
  };
}

function skippedLines(skipped: Map<string, number>, node: string, paint: Paint): string | undefined {
  const lines: string[] = [];
  for (const [key, count] of skipped) {
    const [of, reason = ''] = key.split('\0');
    if (of !== node) continue;
    skipped.delete(key);
    lines.push(paint('dim', `  - ${count} skipped: ${reason}`));
  }
  return lines.length === 0 ? undefined : lines.join('\n');
}
