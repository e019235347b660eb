import { YamlFloat, YamlTimestamp, type YamlAtom } from './yaml-value.ts';

const WORDS = new Map<string, null | boolean | number>([
  ...['', '~', 'null', 'Null', 'NULL'].map((word) => [word, null] as [string, null]),
  ...['true', 'True', 'TRUE'].map((word) => [word, true] as [string, boolean]),
  ...['false', 'False', 'FALSE'].map((word) => [word, false] as [string, boolean]),
  ...['.nan', '.NaN', '.NAN'].map((word) => [word, Number.NaN] as [string, number]),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map((word) => [word, Infinity] as [string, number]),
  ...['-.inf', '-.Inf', '-.INF'].map((word) => [word, -Infinity] as [string, number]),
]);

const INTEGER = /^(?:[-+]?(?:0[bB][01]+|0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0|[1-9][0-9]*)|0b[-+][01]+|0o[-+][0-7]+)$/;
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const DOT_FLOAT = /^\.[0-9]+(?:[eE][-+]?[0-9]+)?$/;
const TIMESTAMP =
  /^(\d{4})-(\d\d?)-(\d\d?)(?:[Tt](\d\d?):(\d\d?):(\d\d?)(?:[.,](\d+))?(Z|[-+]\d\d:\d\d)| +(\d\d?):(\d\d?):(\d\d?)(?:[.,](\d+))?)?$/;
/** Where the groups of the two clock forms begin in {@link TIMESTAMP}: hour, minute, second, fraction (and zone). */
const FIRST_CLOCK = 4;
const SECOND_CLOCK = 9;
const BASE_60 = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;
const OLD_BOOLEANS: ReadonlySet<string> = new Set('y Y yes Yes YES on On ON n N no No NO off Off OFF'.split(' '));
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const UINT64_MAX = 2n ** 64n - 1n;
const NANOSECOND_DIGITS = 9;

/**
 * What an unquoted scalar stands for: the upstream reader's rules, which are neither YAML 1.1 nor 1.2 (leading-zero
 * octals and underscores count, `yes` and `on` are text).
 * @param text the scalar without surrounding space
 * @returns the text itself when it is a string
 * @source go-yaml v3, scalar resolution
 */
export function resolveScalar(text: string): YamlAtom | string {
  const word = WORDS.get(text);
  if (word !== undefined) return word;
  const first = text.charCodeAt(0);
  if (first === 0x2e) return DOT_FLOAT.test(text) ? (finiteFloat(text) ?? text) : text;
  const numeric = (first >= 0x30 && first <= 0x39) || first === 0x2b || first === 0x2d;
  return numeric ? resolveNumeric(text) : text;
}

/** True for text that must be quoted although our reader takes it as text: YAML 1.1 booleans and base-60 numbers. */
export function isOldSpelling(text: string): boolean {
  return OLD_BOOLEANS.has(text) || BASE_60.test(text);
}

function resolveNumeric(text: string): YamlAtom | string {
  const time = timestamp(text);
  if (time !== undefined) return time;
  const plain = text.includes('_') ? text.replaceAll('_', '') : text;
  return integer(plain) ?? (FLOAT.test(plain) ? finiteFloat(plain) : undefined) ?? text;
}

function integer(plain: string): number | bigint | undefined {
  if (!INTEGER.test(plain)) return undefined;
  const sign = /^(?:0[bo])?([-+])/.exec(plain)?.[1];
  const digits = plain.replace(/[-+]/, '').toLowerCase();
  const magnitude = BigInt(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits);
  const value = sign === '-' ? -magnitude : magnitude;
  if (value < INT64_MIN || value > (sign === undefined ? UINT64_MAX : INT64_MAX)) return undefined;
  const narrow = Number(value);
  return Number.isSafeInteger(narrow) ? narrow + 0 : value;
}

function finiteFloat(plain: string): number | YamlFloat | undefined {
  const value = Number(plain);
  if (!Number.isFinite(value)) return undefined;
  return Number.isInteger(value) ? new YamlFloat(value) : value;
}

function timestamp(text: string): YamlTimestamp | undefined {
  const match = TIMESTAMP.exec(text);
  if (match === null || !isDate(Number(match[1]), Number(match[2]), Number(match[3]))) return undefined;
  const clock = clockText(match.slice(match[FIRST_CLOCK] === undefined ? SECOND_CLOCK : FIRST_CLOCK));
  if (clock === undefined) return undefined;
  return new YamlTimestamp(`${match[1]}-${twoDigits(match[2])}-${twoDigits(match[3])}T${clock}`);
}

/** @param parts hour, minute, second, fraction and zone, each possibly absent */
function clockText(parts: readonly (string | undefined)[]): string | undefined {
  const [hour, minute, second] = parts.map(Number);
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const fraction = (parts[3] ?? '').slice(0, NANOSECOND_DIGITS).replace(/0+$/, '');
  const zone = parts[4] === undefined || /^[-+]00:00$/.test(parts[4]) ? 'Z' : parts[4];
  return `${parts.slice(0, 3).map(twoDigits).join(':')}${fraction === '' ? '' : `.${fraction}`}${zone}`;
}

function twoDigits(part: string | undefined): string {
  return (part ?? '').padStart(2, '0');
}

function isDate(year: number, month: number, day: number): boolean {
  return month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}
