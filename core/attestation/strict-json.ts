import { AssayError, errorText } from '#core/error.ts';

/** Deepest nesting that is read; evidence documents stay below ten. */
const MAX_DEPTH = 64;
const MARK = /["{}[\]:,]/g;
const BACKSLASH = 0x5c;

/**
 * Parses exactly one JSON document and refuses what lenient readers disagree about: bytes that are not UTF-8, a byte
 * order mark, text after the document, nesting over 64 levels, and an object that names the same key twice.
 * @param bytes exact bytes of the document; the caller has bounded their number
 * @param what how the document is called in the message
 * @throws JSON_INVALID
 */
export function parseStrictJson(bytes: Uint8Array, what: string): unknown {
  const text = decodeUtf8(bytes, what);
  const value = parseText(text, what);
  checkStructure(text, what);
  return value;
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

/** Walks the tokens of text that is known to be valid JSON: a string is a key when an object is open and no colon came yet. */
function checkStructure(text: string, what: string): void {
  const open: (Set<string> | undefined)[] = [];
  let keyNext = false;
  for (const token of tokens(text)) {
    const keys = open.at(-1);
    if (token === '{' || token === '[') {
      if (open.push(token === '{' ? new Set() : undefined) > MAX_DEPTH)
        throw new AssayError('JSON_INVALID', `${what} nests deeper than ${MAX_DEPTH} levels`);
    } else if (token === '}' || token === ']') open.pop();
    else if (token.startsWith('"') && keyNext && keys !== undefined) addKey(keys, token, what);
    keyNext = token === '{' || (token === ',' && open.at(-1) !== undefined);
  }
}

/** Strings and punctuation. Strings are cut by searching, since a regular expression over megabytes runs out of stack. */
function* tokens(text: string): Iterable<string> {
  const mark = new RegExp(MARK);
  for (let match = mark.exec(text); match !== null; match = mark.exec(text)) {
    if (match[0] === '"') mark.lastIndex = stringEnd(text, match.index) + 1;
    yield text.slice(match.index, mark.lastIndex);
  }
}

/** Position of the quote that ends the string which starts at `start`: the first one with an even run of backslashes before it. */
function stringEnd(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let first = end;
    while (text.charCodeAt(first - 1) === BACKSLASH) first--;
    if ((end - first) % 2 === 0) return end;
  }
}

function addKey(keys: Set<string>, token: string, what: string): void {
  const key = String(JSON.parse(token));
  if (keys.has(key)) throw new AssayError('JSON_INVALID', `${what} has the key ${JSON.stringify(key)} twice in one object`);
  keys.add(key);
}
