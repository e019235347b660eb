import { AssayError, errorText } from '#core/error.ts';

/** Deepest nesting that is read; evidence documents stay below ten. */
const MAX_DEPTH = 64;
/** Values of one document: what they take in memory is many times their text, so their number is bounded before they are made. */
const MAX_VALUES = 2_000_000;
const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Parses exactly one JSON document and refuses what lenient readers disagree about: bytes that are not UTF-8, a byte
 * order mark, text after the document, nesting over 64 levels, over two million values, and an object that names the same
 * key twice.
 * @param bytes exact bytes of the document; the caller has bounded their number
 * @param what how the document is called in the message
 * @throws JSON_INVALID
 */
export function parseStrictJson(bytes: Uint8Array, what: string): unknown {
  const text = decodeUtf8(bytes, what);
  checkStructure(text, what);
  return parseText(text, what);
}

function decodeUtf8(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new AssayError('JSON_INVALID', `${what} is not UTF-8 text`, { cause });
  }
}

function parseText(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AssayError('JSON_INVALID', `${what} is not one JSON document: ${errorText(cause)}`, { cause });
  }
}

/**
 * Walks the marks of a text that may still turn out to be no JSON, before any value is made of it: a string is a key when an
 * object is open and neither key nor colon came yet.
 */
function checkStructure(text: string, what: string): void {
  const open: (Set<string> | undefined)[] = [];
  let keyNext = false;
  let values = 0;
  for (let at = 0; at < text.length; at++) {
    const mark = text.charCodeAt(at);
    if (mark === QUOTE) {
      const end = stringEnd(text, at);
      const keys = open.at(-1);
      if (keyNext && keys !== undefined) addKey(keys, text.slice(at, end + 1), what);
      keyNext = false;
      at = end;
    } else if (mark === OPEN_OBJECT || mark === OPEN_LIST) {
      keyNext = mark === OPEN_OBJECT;
      if (open.push(keyNext ? new Set() : undefined) > MAX_DEPTH) throw tooMuch(what, `nests deeper than ${MAX_DEPTH} levels`);
      values += 1;
    } else if (mark === COMMA) {
      keyNext = open.at(-1) !== undefined;
      values += 1;
    } else if (mark === CLOSE_OBJECT || mark === CLOSE_LIST) open.pop();
    if (values > MAX_VALUES) throw tooMuch(what, `holds more than ${MAX_VALUES} values`);
  }
}

/** Position of the quote that ends the string which starts at `start`: the first one with an even run of backslashes before it. */
function stringEnd(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let first = end;
    while (text.charCodeAt(first - 1) === BACKSLASH) first--;
    if ((end - first) % 2 === 0) return end;
  }
  return text.length;
}

function addKey(keys: Set<string>, token: string, what: string): void {
  const key = token.includes('\\') ? unescapedKey(token) : token.slice(1, -1);
  if (keys.has(key)) throw tooMuch(what, `has the key ${JSON.stringify(key)} twice in one object`);
  keys.add(key);
}

/** A key with a broken escape stays as it is: the parser will refuse it. */
function unescapedKey(token: string): string {
  try {
    return String(JSON.parse(token));
  } catch {
    return token;
  }
}

function tooMuch(what: string, problem: string): AssayError {
  return new AssayError('JSON_INVALID', `${what} ${problem}`);
}
