import { AssayError } from '#core/error.ts';

/** The largest captured output that is looked at; an 8-GPU `nvidia-smi -q -x` has 0.4 MB, a day of kernel log 2 MB. */
export const MAX_SOURCE_BYTES = 8 * 1024 * 1024;
const MAX_LINES = 200_000;

/** A place in a captured file; line and column count from 1. */
export interface Place {
  readonly line?: number;
  readonly column?: number;
  /** Element or key path, for formats that nest. */
  readonly path?: string;
}

/** One line of captured text without its line break. */
export interface SourceLine {
  readonly number: number;
  readonly text: string;
}

/** Decoded text of one captured output. */
export interface SourceText {
  readonly tool: string;
  readonly text: string;
  /** False when the last line has no line break, so that it may have been cut short. */
  readonly closed: boolean;
}

/** How {@link decodeSource} treats what no tool prints. */
export interface DecodeOptions {
  /** Keep going over bytes that are no UTF-8 (kernel logs hold what devices say); they become U+FFFD. */
  readonly lenient?: boolean;
}

/**
 * The error of a captured output that is cut short, damaged or another tool's.
 * @param tool tool name of the catalog, put first in the message
 */
export function invalidSource(tool: string, problem: string, place: Place = {}): AssayError {
  return new AssayError('VENDOR_OUTPUT_INVALID', `${tool}: ${problem}${placeText(place)}`, {
    hint: 'Check that the file is the complete, unedited output of this tool; `assay parse --help` lists the tool names.',
    details: { tool, ...place },
  });
}

/** The error of an output that is larger, deeper or longer than any real one. */
export function sourceLimit(tool: string, problem: string, place: Place = {}): AssayError {
  return new AssayError('VENDOR_OUTPUT_LIMIT', `${tool}: ${problem}${placeText(place)}`, {
    hint: 'No tool prints this much; the file was not parsed.',
    details: { tool, ...place },
  });
}

/**
 * Decodes captured bytes: size cap, UTF-8 with or without byte order mark, ANSI escapes removed, no other control characters.
 * @throws VENDOR_OUTPUT_INVALID with line and column; VENDOR_OUTPUT_LIMIT
 */
export function decodeSource(tool: string, bytes: Uint8Array, options: DecodeOptions = {}): SourceText {
  if (bytes.length > MAX_SOURCE_BYTES) throw sourceLimit(tool, `the output has ${bytes.length} bytes, more than ${MAX_SOURCE_BYTES}`);
  const text = stripAnsi(new TextDecoder('utf-8').decode(bytes));
  if (text.trim() === '') throw invalidSource(tool, 'the output is empty', { line: 1, column: 1 });
  if (options.lenient !== true) refuseForeignBytes(tool, text);
  return { tool, text, closed: text.endsWith('\n') };
}

/**
 * Lines of a decoded output, without `\r`.
 * @throws VENDOR_OUTPUT_LIMIT
 */
export function sourceLines(source: SourceText): readonly SourceLine[] {
  const texts = source.text.split('\n');
  if (texts.at(-1) === '') texts.pop();
  if (texts.length > MAX_LINES) throw sourceLimit(source.tool, `the output has ${texts.length} lines, more than ${MAX_LINES}`);
  return texts.map((text, index) => ({ number: index + 1, text: text.endsWith('\r') ? text.slice(0, -1) : text }));
}

/** Line and column of a character offset. */
export function placeAt(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  return { line, column: offset - before.lastIndexOf('\n') };
}

const ANSI = new RegExp(String.raw`\u001b(?:\[[0-9;?]*[ -/]*[@-~]|[@-Z\\-_])`, 'g');
const FOREIGN = new RegExp(String.raw`[\u0000-\u0008\u000b\u000e-\u001f\u007f\ufffd]`);

function stripAnsi(text: string): string {
  return text.includes('\u001b') ? text.replaceAll(ANSI, '') : text;
}

function refuseForeignBytes(tool: string, text: string): void {
  const offset = text.search(FOREIGN);
  if (offset < 0) return;
  const code = text.codePointAt(offset) ?? 0;
  const what = code === 0xfffd ? 'a byte that is no UTF-8' : `control character U+${code.toString(16).padStart(4, '0').toUpperCase()}`;
  const wide = text.includes('\u0000') ? '; the file looks like UTF-16' : '';
  throw invalidSource(tool, `${what}${wide}`, placeAt(text, offset));
}

function placeText(place: Place): string {
  const parts = [
    ...(place.line === undefined ? [] : [`line ${place.line}`]),
    ...(place.column === undefined ? [] : [`column ${place.column}`]),
    ...(place.path === undefined ? [] : [`at ${place.path}`]),
  ];
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}
