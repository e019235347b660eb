import { AssayError } from '../error.ts';
import { isOldSpelling, resolveScalar } from './resolve-scalar.ts';

/** How a text is written. */
export type TextStyle = 'plain' | 'single' | 'double' | 'literal';

/** A text with the style it must keep. */
export interface StyledText {
  readonly text: string;
  readonly style: TextStyle;
}

/** Where a text stands: the column of its key or dash, the column of its continuation lines, the indent unit. */
export interface TextPlace {
  readonly parent: number;
  readonly content: number;
  readonly unit: number;
}

const SAFE_PLAIN = /^[A-Za-z_/][\w./@=+-]*$/;
const SPECIAL = /[^\n\t\u0020-\u007e\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd]/;
const INDICATOR_FIRST = /^(?:[#,[\]{}&*!|>'"%@`]|[?:-](?:[ \t\n\r\u0085\u2028\u2029]|$)|---|\.\.\.)/;
const INDICATOR_INSIDE = /:(?:[ \t\n\r\u0085\u2028\u2029]|$)|[ \t\n\r\u0085\u2028\u2029]#/;
const SPACE_BEFORE_BREAK = / [\n\r\u0085\u2028\u2029]/;
const BREAK_BEFORE_SPACE = /[\n\r\u0085\u2028\u2029] /;
const BREAK = /[\n\r\u0085\u2028\u2029]/;
const FIRST_BREAK_OR_SPACE = /^[ \n\u2028\u2029]/;
const MAX_SIMPLE_KEY_BYTES = 128;
/** The text of a merge key is tagged, not quoted, when it is written the second time. */
const MERGE_WORD = '<<';

/**
 * The style in which upstream's emitter writes a text, and the text that survives being written and read once: upstream
 * writes every document twice, and a literal block loses one leading line break each time.
 * @source go-yaml v3, emitter and string encoding
 */
export function styleText(text: string): StyledText {
  if (SAFE_PLAIN.test(text)) return { text, style: isReserved(text) ? 'double' : 'plain' };
  if (text.includes('\n')) return literalAllowed(text) ? { text: text.replace(/^\n/, ''), style: 'literal' } : { text, style: 'double' };
  return { text, style: isReserved(text) ? 'double' : possibleStyle(text) };
}

/** True when a key with this text is written as `key:`; others need the `? key` form. */
export function isSimpleKey(text: string): boolean {
  return !BREAK.test(text) && (text.length < MAX_SIMPLE_KEY_BYTES / 3 || Buffer.byteLength(text) <= MAX_SIMPLE_KEY_BYTES);
}

/**
 * Writes a styled text. A literal block ends with a line break, the other styles do not.
 * @throws YAML_UNWRITABLE when the emitter's indent digit would not match the block's real indent
 */
export function writeText(styled: StyledText, place: TextPlace): string {
  const { text } = styled;
  switch (styled.style) {
    case 'plain':
      return text === MERGE_WORD ? `!!merge ${text}` : text;
    case 'single':
      return singleQuoted(text, place);
    case 'double':
      return doubleQuoted(text);
    case 'literal':
      return literalAllowed(text) ? literalBlock(text, place) : doubleQuoted(text);
  }
}

function isReserved(text: string): boolean {
  return typeof resolveScalar(text) !== 'string' || isOldSpelling(text);
}

function possibleStyle(text: string): TextStyle {
  if (SPECIAL.test(text) || text.includes('\t') || SPACE_BEFORE_BREAK.test(text) || BREAK_BEFORE_SPACE.test(text)) return 'double';
  if (INDICATOR_FIRST.test(text) || INDICATOR_INSIDE.test(text) || BREAK.test(text)) return 'single';
  return text.startsWith(' ') || text.endsWith(' ') ? 'single' : 'plain';
}

function literalAllowed(text: string): boolean {
  return text !== '' && !text.endsWith(' ') && !SPACE_BEFORE_BREAK.test(text) && !SPECIAL.test(text);
}

function literalBlock(text: string, place: TextPlace): string {
  const digit = FIRST_BREAK_OR_SPACE.test(text) ? String(place.unit) : '';
  if (digit !== '' && place.content !== Math.max(place.parent, 0) + place.unit) throw unwritable(text);
  const pad = ' '.repeat(place.content);
  const body = text.replaceAll(/(^|[\n\u2028\u2029])(?=[^\n\u2028\u2029])/g, `$1${pad}`);
  const opening = /^[\n\u2028\u2029]/.test(text) ? '' : '\n';
  return `|${digit}${chomping(text)}${opening}${body}${text.endsWith('\n') ? '' : '\n'}`;
}

function chomping(text: string): string {
  if (!/[\n\u2028\u2029]$/.test(text)) return '-';
  return text.length === 1 || /[\n\u2028\u2029]{2}$/.test(text) ? '+' : '';
}

function singleQuoted(text: string, place: TextPlace): string {
  const quoted = text.replaceAll("'", "''");
  const body = BREAK.test(quoted) ? quoted.replaceAll(/([\u2028\u2029])(?=[^\u2028\u2029])/g, `$1${' '.repeat(place.content)}`) : quoted;
  return `'${body}'`;
}

const ESCAPES: ReadonlyMap<number, string> = new Map([
  [0x00, '0'],
  [0x07, 'a'],
  [0x08, 'b'],
  [0x09, 't'],
  [0x0a, 'n'],
  [0x0b, 'v'],
  [0x0c, 'f'],
  [0x0d, 'r'],
  [0x1b, 'e'],
  [0x22, '"'],
  [0x5c, '\\'],
  [0x85, 'N'],
  [0xa0, '_'],
  [0x2028, 'L'],
  [0x2029, 'P'],
]);
const NEEDS_ESCAPE = /[^\u0020-\u0021\u0023-\u005b\u005d-\u007e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]/gu;

function doubleQuoted(text: string): string {
  // Upstream's emitter asks whether the text, not the character, starts with a byte order mark: then all is escaped.
  const pattern = text.startsWith('\ufeff') ? /[^]/gu : NEEDS_ESCAPE;
  return `"${text.replaceAll(pattern, escape)}"`;
}

function escape(character: string): string {
  const point = character.codePointAt(0) ?? 0;
  const short = ESCAPES.get(point);
  if (short !== undefined) return `\\${short}`;
  const hex = point.toString(16).toUpperCase();
  if (point <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return point <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

function unwritable(text: string): AssayError {
  return new AssayError(
    'YAML_UNWRITABLE',
    `a text of several lines that starts with a space or a line break cannot stand here: ${JSON.stringify(text.slice(0, 60))}`,
    {
      hint: 'Start the text with a printable character: upstream writes it with a wrong indent digit and cannot read it back.',
    },
  );
}
