import { AssayError } from '#core/error.ts';
import type { RunEvent } from '#core/wire/run-event.ts';

/**
 * The collector's events from the lines of its stdout.
 * @throws PROGRAM_FAILED for a line that is no event: then something else writes there
 */
export async function* readEvents(lines: AsyncIterable<string>): AsyncGenerator<RunEvent> {
  for await (const line of lines) {
    if (line !== '') yield parseEvent(line);
  }
}

function parseEvent(line: string): RunEvent {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null && 'event' in value) return value as RunEvent;
  } catch {
    // Falls through to the one error below: the line itself says more than the parser.
  }
  throw new AssayError('PROGRAM_FAILED', `the collector printed something that is no event: ${line.slice(0, 200)}`, {
    hint: 'Run with --log-level debug and report it.',
  });
}
