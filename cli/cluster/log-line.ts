import type { RunEvent } from '#core/wire/run-event.ts';
import { shown } from '#core/verify/foreign-text.ts';

/** A line of a container's log, taken apart. */
export interface LogLine {
  /** When it was written, milliseconds since the epoch; undefined without a time at its begin. */
  readonly atMs?: number;
  readonly text: string;
  /** The event that it holds, when it is one of the collector's. */
  readonly event?: RunEvent;
}

const TIMED = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z) ([\s\S]*)$/;
/** Anything that looks like a token or a password is not shown, whoever wrote it. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/eyJ[\w-]+(?:\.[\w-]*){1,2}/g, '[token]'],
  [/\b(bearer|basic)\s+[\w.~+/-]+=*/gi, '$1 [secret]'],
  [/\b(password|passwd|token|secret|authorization)(["']?\s*[=:]\s*["']?)[^\s"',;}]+/gi, '$1$2[secret]'],
  [/(\/\/[^\s:/@]+):[^\s@/]+@/g, '$1:[secret]@'],
];
/** A log line is cut here; the longest of ours are far shorter. */
const LINE_LENGTH = 4_000;

/** Takes a line of a log apart; a line that is no event is only text. */
export function parseLogLine(line: string): LogLine {
  const [, time, rest] = TIMED.exec(line) ?? [];
  const text = rest ?? line;
  const event = eventIn(text);
  return { ...(time === undefined ? {} : { atMs: Date.parse(time) }), text, ...(event === undefined ? {} : { event }) };
}

/** A text without what looks like a secret. */
export function redacted(text: string): string {
  return SECRETS.reduce((line, [pattern, replacement]) => line.replaceAll(pattern, replacement), text);
}

/** A text of somebody else's log, safe on a terminal: no control characters, nothing that looks like a secret. */
export function safeLine(text: string): string {
  return shown(redacted(text.slice(0, LINE_LENGTH * 2)), LINE_LENGTH);
}

/** An event with every text in it made safe. @param safe {@link safeLine} for a terminal, {@link redacted} for JSON */
export function safeEvent(event: RunEvent, safe: (text: string) => string): RunEvent {
  return JSON.parse(JSON.stringify(event), (_key, value: unknown) => (typeof value === 'string' ? safe(value) : value)) as RunEvent;
}

/** The text after it names an event, as only the collector writes it; the log of its program stands between. */
function eventIn(text: string): RunEvent | undefined {
  if (!text.startsWith('{"event":"')) return undefined;
  try {
    return JSON.parse(text) as RunEvent;
  } catch {
    return undefined;
  }
}
