import { styleText } from 'node:util';
import type { CtrfStatus } from '#core/ctrf/report.ts';
import type { RunEvent } from '#core/wire/run-event.ts';

type Style = Parameters<typeof styleText>[0];

const MARK: Readonly<Record<CtrfStatus, readonly [string, Style]>> = {
  passed: ['✓', 'green'],
  failed: ['✗', 'red'],
  skipped: ['-', 'dim'],
  pending: ['…', 'yellow'],
  other: ['!', 'yellow'],
};

/**
 * One line of progress for an event, or undefined for an event that people need not see.
 * Colour follows the stream (TTY, NO_COLOR); the text is the same without it.
 * @param stream where the line will be written
 */
export function progressLine(event: RunEvent, stream: NodeJS.WriteStream): string | undefined {
  const paint = (style: Style, text: string): string => styleText(style, text, { stream });
  switch (event.event) {
    case 'listening':
      return paint('dim', `collector listening on ${event.url} (run ${event.runId})`);
    case 'node-connected':
      return `${event.node}: connected${event.attempt > 1 ? ` again (${event.attempt})` : ''}`;
    case 'phase-started':
      return paint('bold', `${event.node}: phase ${event.phase}`);
    case 'check':
      return checkLine(event, paint);
    case 'phase-ended':
      return undefined;
    case 'node-finished':
      return `${event.node}: finished`;
    case 'absent':
      return paint('red', `${event.node}: absent, ${event.reason}: ${event.detail}`);
    case 'stalled':
      return paint('yellow', `waiting: ${event.message}`);
    case 'resumed':
      return 'resumed';
    case 'deadline':
      return paint('yellow', 'deadline reached');
    case 'sealed':
      return `sealed: ${event.complete} of ${event.expected} nodes, ${event.records} records`;
    case 'assembled':
      return `assembled ${event.bundle}`;
    case 'signed':
      return `signed as ${event.identity} (${event.trust === 'lab' ? 'LAB TRUST' : event.issuer})`;
    case 'pending':
      return paint('yellow', `not signed: ${event.reason}`);
    case 'published':
      return `published ${event.oci}@${event.digest}`;
    case 'failed':
      return paint('red', `${event.code}: ${event.message}`);
  }
}

function checkLine(event: Extract<RunEvent, { event: 'check' }>, paint: (style: Style, text: string) => string): string {
  const [mark, style] = MARK[event.status];
  const reason = event.status === 'passed' || event.message === undefined ? '' : paint('dim', `  ${event.message}`);
  return `  ${paint(style, mark)} ${event.check}${event.status === 'passed' ? '' : ` ${event.status}`}${reason}`;
}
