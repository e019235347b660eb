import { invalidSource, placeAt, sourceLimit, type SourceText } from './source-text.ts';

const MAX_DEPTH = 24;
const MAX_NODES = 500_000;

/** A JSON value whose integers beyond 2^53 are kept as decimal text. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** A JSON document and what stood before it. */
export interface JsonSource {
  readonly value: JsonValue;
  /** Lines before the document: warnings and banners that tools print first. */
  readonly preamble: readonly string[];
}

/** True when a line of the text starts a JSON object or array. */
export function holdsJson(source: SourceText): boolean {
  return documentStart(source.text) >= 0;
}

/**
 * Parses the one JSON document of a tool's output; lines before it are kept as preamble, nothing may follow.
 * @throws VENDOR_OUTPUT_INVALID with line and column; VENDOR_OUTPUT_LIMIT
 */
export function parseJson(source: SourceText): JsonSource {
  const start = documentStart(source.text);
  if (start < 0) throw invalidSource(source.tool, `no JSON document: "${source.text.trim().slice(0, 80)}"`, { line: 1, column: 1 });
  const text = source.text.slice(start);
  refuseDeepNesting(source, start);
  const preamble = source.text
    .slice(0, start)
    .split('\n')
    .map((line) => line.trim());
  return { value: parseText(source, text, start), preamble: preamble.filter((line) => line !== '' && !line.startsWith('$ ')) };
}

function documentStart(text: string): number {
  const match = /^[ \t]*(?=\{|\[\s*(?:[\]{["\d]|$))/m.exec(text);
  return match === null ? -1 : match.index + match[0].length;
}

function parseText(source: SourceText, text: string, start: number): JsonValue {
  let nodes = 0;
  try {
    return JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) => {
      nodes += 1;
      if (nodes > MAX_NODES) throw sourceLimit(source.tool, `more than ${MAX_NODES} JSON values`);
      const isLong = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
      return isLong && context?.source !== undefined && /^-?\d+$/.test(context.source) ? context.source : value;
    }) as JsonValue;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const offset = start + errorOffset(text, error);
    const problem = offset >= source.text.trimEnd().length ? 'the document ends before it is complete' : `no JSON: ${reasonOf(error)}`;
    throw invalidSource(source.tool, problem, placeAt(source.text, Math.min(offset, source.text.length)));
  }
}

function reasonOf(error: SyntaxError): string {
  return error.message
    .split(/ in JSON|, \.{0,3}"/, 1)
    .join('')
    .slice(0, 80);
}

/** Where the document breaks. V8 names the position of some errors only; the others are found by halving. */
function errorOffset(text: string, error: SyntaxError): number {
  const position = positionOf(error);
  if (position !== undefined || isUnfinished(text, error)) return position ?? text.length;
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (breaks(text.slice(0, middle + 1))) high = middle;
    else low = middle + 1;
  }
  return low;
}

function breaks(prefix: string): boolean {
  try {
    JSON.parse(prefix);
    return false;
  } catch (error) {
    return error instanceof SyntaxError && !isUnfinished(prefix, error);
  }
}

function isUnfinished(text: string, error: SyntaxError): boolean {
  return /^(?:Unexpected end|Unterminated)/.test(error.message) || positionOf(error) === text.length;
}

function positionOf(error: SyntaxError): number | undefined {
  const position = /at position (\d+)/.exec(error.message)?.[1];
  return position === undefined ? undefined : Number(position);
}

/** JSON.parse recurses: depth is capped before. Brackets inside strings do not count. */
function refuseDeepNesting(source: SourceText, start: number): void {
  let depth = 0;
  const marks = /["[\]{}]/g;
  marks.lastIndex = start;
  for (let mark = marks.exec(source.text); mark !== null; mark = marks.exec(source.text)) {
    if (mark[0] === '"') marks.lastIndex = stringEnd(source.text, mark.index + 1);
    else depth += mark[0] === '[' || mark[0] === '{' ? 1 : -1;
    if (depth > MAX_DEPTH) throw sourceLimit(source.tool, `JSON nests deeper than ${MAX_DEPTH}`, placeAt(source.text, mark.index));
  }
}

function stringEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') return at + 1;
  }
  return text.length;
}

/** A JSON object, or undefined for every other value. */
export function asObject(value: JsonValue | undefined): { readonly [key: string]: JsonValue } | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as { readonly [key: string]: JsonValue })
    : undefined;
}

/** A JSON array, or undefined for every other value. */
export function asArray(value: JsonValue | undefined): readonly JsonValue[] | undefined {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : undefined;
}
