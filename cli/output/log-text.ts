import { safeEvent, safeLine, type LogLine } from '../cluster/log-line.ts';
import { runProgress } from '../run/progress.ts';

/** Makes the lines of a log readable; undefined for one that people need not see. */
export type LogReader = (line: LogLine) => string | undefined;

/** How much of a log is shown. */
export interface LogReading {
  /** Also what programs say about themselves in passing. */
  readonly verbose: boolean;
  readonly stream: NodeJS.WriteStream;
}

const LEVELS: Readonly<Record<number, string>> = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' };
const WARN = 40;
/** Fields of a program's log that say what every line says. */
const COMMON: ReadonlySet<string> = new Set(['level', 'time', 'pid', 'hostname', 'program', 'msg']);

/**
 * Reads a container's log for people: the collector's events as the progress of a run, the log of our programs as words, and
 * everything else as it is, without control characters and without what looks like a secret.
 */
export function logReader({ verbose, stream }: LogReading): LogReader {
  const progress = runProgress(stream);
  return ({ atMs, text, event }) => {
    const words = event === undefined ? programWords(text, verbose) : progress(safeEvent(event, safeLine));
    if (words !== undefined) return `${atMs === undefined ? '' : `${clockTime(atMs)} `}${event === undefined ? safeLine(words) : words}`;
    return verbose && event !== undefined ? safeLine(text) : undefined;
  };
}

/** A line of pino's JSON as `level message key=value`; other text unchanged. */
function programWords(text: string, verbose: boolean): string | undefined {
  const record = recordIn(text);
  if (record === undefined) return text;
  const level = Number(record['level']);
  if (level < WARN && !verbose) return undefined;
  const fields = Object.entries(record).flatMap(([key, value]) => (COMMON.has(key) ? [] : [`${key}=${wordOf(value)}`]));
  return [LEVELS[level] ?? 'log', typeof record['msg'] === 'string' ? record['msg'] : '', ...fields]
    .filter((part) => part !== '')
    .join(' ');
}

function recordIn(text: string): Readonly<Record<string, unknown>> | undefined {
  if (!text.startsWith('{"level":')) return undefined;
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}

function wordOf(value: unknown): string {
  return typeof value === 'string' && /^[^\s"]+$/.test(value) ? value : JSON.stringify(value);
}

/** Time of day in UTC, as clusters write it. */
function clockTime(atMs: number): string {
  return new Date(atMs).toISOString().slice(11, 23);
}
