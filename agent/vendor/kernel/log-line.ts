import { given } from '../given.ts';
import type { SourceLine } from '../source-text.ts';

/** When a kernel line was written: microseconds since boot, or wall time as printed. */
export type LogTime = { readonly bootUs: number } | { readonly wall: string };

/** One kernel message with its stamp taken off. */
export interface LogRecord {
  readonly line: number;
  readonly at?: LogTime;
  /** Syslog severity 0 (emergency) to 7 (debug), where the form has it. */
  readonly level?: number;
  readonly text: string;
}

type Stamped = Omit<LogRecord, 'line'>;

const LEVELS = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug'];
const KMSG = /^(\d{1,4}),(\d{1,20}),(\d{1,16}),[^;]{0,80};(.*)$/;
const PSTORE = /^<(\d{1,3})>(.*)$/;
const DECODED = /^[a-z0-9]{1,8}\s*:([a-z]{3,6})\s*: (.*)$/;
const SYSLOG =
  /^([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:[+-]\d\d:?\d\d|Z)) \S{1,255} kernel: ?(.*)$/;
const ISO = /^\[?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:[+-]\d\d:?\d\d|Z))\]? (.*)$/;
const HUMAN = /^\[([A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4})\] ?(.*)$/;
const UPTIME = /^\[ {0,12}(\d{1,12})\.(\d{1,9})\](?:\[ {0,8}[TC]\d{1,10}\])? ?(.*)$/;
const BARE = /^(?:NVRM: |nvidia-|amdgpu )/;

/**
 * Takes the stamp off one line, in every form a kernel log is kept in: `/dev/kmsg`, `dmesg` plain, `-T`, `--decode` and ISO, pstore, syslog.
 * @returns undefined for a line without stamp, which continues the one before
 */
export function readLogLine({ number, text }: SourceLine): LogRecord | undefined {
  const kmsg = KMSG.exec(text);
  if (kmsg !== null) return { line: number, level: Number(kmsg[1]) % 8, at: { bootUs: Number(kmsg[3]) }, text: kmsg[4] ?? '' };
  const { level, rest } = takeLevel(text);
  const stamped = readStamp(rest.trimEnd()) ?? (level !== undefined || BARE.test(rest) ? { text: rest } : undefined);
  return stamped === undefined ? undefined : { line: number, ...given({ level }), ...stamped };
}

function takeLevel(text: string): { readonly level: number | undefined; readonly rest: string } {
  const pstore = PSTORE.exec(text);
  if (pstore !== null) return { level: Number(pstore[1]) % 8, rest: pstore[2] ?? '' };
  const decoded = DECODED.exec(text);
  const level = LEVELS.indexOf(decoded?.[1] ?? '');
  return level < 0 ? { level: undefined, rest: text } : { level, rest: decoded?.[2] ?? '' };
}

function readStamp(text: string): Stamped | undefined {
  const syslog = SYSLOG.exec(text);
  if (syslog !== null) return { ...(readStamp(syslog[2] ?? '') ?? { text: syslog[2] ?? '' }), at: { wall: wallTime(syslog[1] ?? '') } };
  const iso = ISO.exec(text);
  if (iso !== null) return { at: { wall: wallTime(iso[1] ?? '') }, text: iso[2] ?? '' };
  const human = HUMAN.exec(text);
  if (human !== null) return { at: { wall: human[1] ?? '' }, text: human[2] ?? '' };
  const uptime = UPTIME.exec(text);
  if (uptime === null) return undefined;
  return { at: { bootUs: Number(uptime[1]) * 1_000_000 + Number((uptime[2] ?? '').padEnd(6, '0').slice(0, 6)) }, text: uptime[3] ?? '' };
}

/** `dmesg` separates microseconds by a comma. */
function wallTime(text: string): string {
  return text.replace(',', '.');
}
