import type { Reading } from '#core/snapshot/measurement.ts';

/** What a printed text became: its state and value, and the unit of a number. */
export interface TypedValue {
  readonly reading: Reading;
  readonly unit?: string;
}

/**
 * How a field's text is read. `identity` is text that names one device (never a placeholder), `flag` a two-valued word,
 * `count` a whole number, `hex` a number kept as text, `any` whatever the text itself says; a unit stands for a number in it.
 */
export type Kind = 'text' | 'identity' | 'flag' | 'count' | 'number' | 'hex' | 'any' | Unit;

/** Units after reading, UCUM where UCUM has them. */
export type Unit = (typeof UNIT_OF)[keyof typeof UNIT_OF];

const UNIT_OF = {
  '%': '%',
  A: 'A',
  B: 'By',
  bytes: 'By',
  'bank(s)': '{bank}',
  banks: '{bank}',
  C: 'Cel',
  c: 'Cel',
  '°C': 'Cel',
  'Gb/s': 'Gb/s',
  'Gb/sec': 'Gb/s',
  Gbps: 'Gb/s',
  GB: 'GB',
  'GB/s': 'GB/s',
  GiB: 'GiB',
  'GT/s': 'GT/s',
  J: 'J',
  uJ: 'uJ',
  KB: 'kB',
  KiB: 'KiB',
  'KB/s': 'kB/s',
  kHz: 'kHz',
  MB: 'MB',
  'Mb/s': 'Mb/s',
  'MB/s': 'MB/s',
  MHz: 'MHz',
  Mhz: 'MHz',
  GHz: 'GHz',
  MiB: 'MiB',
  mJ: 'mJ',
  ms: 'ms',
  mV: 'mV',
  mW: 'mW',
  ns: 'ns',
  PB: 'PB',
  RPM: '{rpm}',
  s: 's',
  TB: 'TB',
  'TB/s': 'TB/s',
  us: 'us',
  V: 'V',
  W: 'W',
  x: '{lane}',
} as const;

const UNITS: ReadonlyMap<string, Unit> = new Map(Object.entries(UNIT_OF));

/** The reading unit of a unit as tools print it (`C`, `bank(s)`, `Mhz`), or undefined for an unknown one. */
export function unitOf(printed: string): Unit | undefined {
  return UNITS.get(printed);
}

type NoValueState = 'absent' | 'unsupported' | 'unreadable';

/** Texts that stand for "no value", lower-case and without brackets; each dialect of the tools is listed, none is guessed. */
const NO_VALUE: ReadonlyMap<string, NoValueState> = new Map<string, NoValueState>([
  ['', 'absent'],
  ['n/a', 'absent'],
  ['redacted', 'absent'],
  ['not applicable', 'absent'],
  ['not supported', 'unsupported'],
  ['unsupported', 'unsupported'],
  ['not available', 'unsupported'],
  ['requested functionality has been deprecated', 'unsupported'],
  ['function not found', 'unsupported'],
  ['not found', 'unreadable'],
  ['insufficient permissions', 'unreadable'],
  ['no permission', 'unreadable'],
  ['permission denied', 'unreadable'],
  ['unknown error', 'unreadable'],
  ['unknown', 'unreadable'],
  ['error', 'unreadable'],
  ['err!', 'unreadable'],
  ['timeout', 'unreadable'],
  ['gpu is lost', 'unreadable'],
  ['gpu requires reset', 'unreadable'],
  ['gpu access blocked by the operating system', 'unreadable'],
]);

/** A GPU that does not answer, in the wordings of several releases ("GPU is lost.  Reboot the system to recover this GPU"). */
const LOST = /^(?:gpu is lost|gpu requires reset)\b/i;

const NOT_AVAILABLE: Reading = { state: 'absent', reason: 'the tool printed "N/A"' };

/** The reading of a text that says there is no value, or undefined when it does not say so. */
export function noValue(text: string): Reading | undefined {
  if (text === 'N/A') return NOT_AVAILABLE;
  const bare = (text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text).trim();
  if (bare.length > 64) return undefined;
  const state = NO_VALUE.get(bare.toLowerCase()) ?? (LOST.test(bare) ? 'unreadable' : undefined);
  return state === undefined ? undefined : { state, reason: bare === '' ? 'the tool printed nothing' : `the tool printed "${bare}"` };
}

/**
 * Types one printed text.
 * @param text as printed; surrounding blanks do not count
 * @returns a reading; text that does not fit its kind is `unreadable`, never a guess
 */
export function readValue(kind: Kind, text: string): TypedValue {
  const trimmed = text.trim();
  const none = noValue(trimmed);
  if (none !== undefined) return { reading: none };
  const reader = READERS.get(kind);
  return reader === undefined ? readQuantity(kind as Unit, trimmed) : reader(trimmed);
}

const READERS: ReadonlyMap<Kind, (text: string) => TypedValue> = new Map<Kind, (text: string) => TypedValue>([
  ['text', (text) => read(text)],
  ['identity', (text) => (isPlaceholder(text) ? { reading: { state: 'absent', reason: `placeholder ${text}` } } : read(text))],
  ['flag', readFlag],
  ['hex', (text) => (/^(0x)?[0-9a-f]{1,32}$/i.test(text) ? read(text) : misfit('a hexadecimal number', text))],
  ['any', readAny],
  ['count', (text) => (/^\d{1,20}$/.test(text) ? read(toNumber(text), '1') : misfit('a whole number', text))],
  ['number', (text) => (NUMBER.test(text) ? read(toNumber(text)) : misfit('a number', text))],
]);

const NUMBER = /^-?\d{1,20}(\.\d{1,12})?$/;
const QUANTITY = /^(-?\d{1,20}(?:\.\d{1,12})?) ?([^\s\d]\S{0,8})$/;

function readQuantity(unit: Unit, text: string): TypedValue {
  if (NUMBER.test(text)) return read(toNumber(text), unit);
  const match = QUANTITY.exec(text);
  return match?.[1] !== undefined && unitOf(match[2] ?? '') === unit ? read(toNumber(match[1]), unit) : misfit(`a number in ${unit}`, text);
}

function readAny(text: string): TypedValue {
  if (NUMBER.test(text)) return read(toNumber(text));
  const match = QUANTITY.exec(text);
  const unit = unitOf(match?.[2] ?? '');
  if (match?.[1] !== undefined && unit !== undefined) return read(toNumber(match[1]), unit);
  const flag = FLAGS.get(text.toLowerCase());
  return read(flag ?? text);
}

const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ...['yes', 'enabled', 'active', 'true', 'supported', 'valid', 'on'].map((word) => [word, true] as const),
  ...['no', 'disabled', 'not active', 'false', 'inactive', 'invalid', 'off'].map((word) => [word, false] as const),
]);

function readFlag(text: string): TypedValue {
  const flag = FLAGS.get(text.toLowerCase()) ?? (text === '1' ? true : text === '0' ? false : undefined);
  return flag === undefined ? misfit('yes or no', text) : read(flag);
}

/** A number, or its digits as text when a double would not hold them. */
function toNumber(text: string): number | string {
  const value = Number(text);
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? text : value;
}

function read(value: string | number | boolean, unit?: string): TypedValue {
  const reading: Reading = { state: 'read', value };
  return unit === undefined ? { reading } : { reading, unit };
}

function misfit(expected: string, text: string): TypedValue {
  return { reading: { state: 'unreadable', reason: `expected ${expected}, found "${clip(text)}"` } };
}

/** A text short enough for a message. */
export function clip(text: string, length = 60): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}

/**
 * True for an identifier that identifies nothing: all zeros, all `f`, masked with `x`, `*` or `?`.
 * Scrubbed captures and guests print such; they never enter an identity.
 */
export function isPlaceholder(identity: string): boolean {
  const bare = identity.replace(/^(?:GPU-|MIG-|CPU-|0x)/i, '').replaceAll(/[-:.]/g, '');
  return bare === '' || /^(?:0+|f+|x+|\*+|\?+)$/i.test(bare);
}
