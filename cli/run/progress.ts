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
    if (status === 'passed') return `  ${paint(style, mark)} ${check}`;
    return `  ${paint(style, mark)} ${check} ${status}${message === undefined ? '' : paint('dim', `: ${message}`)}`;
  },
  'phase-ended': () => undefined,
  'node-finished': ({ node }) => `${node}: finished`,
  absent: ({ node, reason, detail }, paint) => paint('red', `${node}: absent, ${reason}: ${detail}`),
  stalled: ({ message }, paint) => paint('yellow', `waiting: ${message}`),
  resumed: () => 'resumed',
  deadline: (_, paint) => paint('yellow', 'deadline reached'),
  sealed: ({ complete, expected, records }) => `sealed: ${complete} of ${expected} nodes, ${records} records`,
  assembled: ({ bundle }) => `assembled ${bundle}`,
  signed: ({ identity, issuer, trust }) => `signed as ${identity} (${trust === 'lab' ? 'LAB TRUST' : issuer})`,
  pending: ({ reason }, paint) => paint('yellow', `not signed: ${reason}`),
  published: ({ oci, digest }) => `published ${oci} as ${digest}`,
  failed: ({ code, message }, paint) => paint('red', `${code}: ${message}`),
};

/**
 * One line of progress for an event, or undefined for an event that people need not see.
 * Colour follows the stream (TTY, NO_COLOR); the text is the same without it.
 * @param stream where the line will be written
 */
export function progressLine(event: RunEvent, stream: NodeJS.WriteStream): string | undefined {
  const line = LINES[event.event] as Line<RunEvent['event']>;
  return line(event, (style, text) => styleText(style, text, { stream }));
}
