/** White space between values that no JSON writer produces: what is left are spaces and line breaks. */
const ODD_SPACE = /[\t\r\v\f]/;
const STRING = /"(?:[^"\\]|\\.)*"/g;
const TOKEN = /""|[{}[\],:]|[^\s{}[\],:"]+/g;
const UPPERCASE_ESCAPE = /\\u(?=[0-9a-fA-F]{4})(?![0-9a-f]{4})/;
const ODD_NUMBER = /E|-0(?![.\d])/;
const OPENING: ReadonlySet<string> = new Set(['{', '[']);
const CLOSING: ReadonlySet<string> = new Set(['}', ']']);
const MISPLACED_SPACE = /[{[] | [,:]|^ | $/;

/**
 * Tells whether a JSON text is spelled as writers spell it, so that no byte of it can change without being noticed: besides
 * the values only regular white space is left, escapes are lowercase, numbers plain.
 * A document stands on one line, or is indented as a whole with one unit.
 * @param text text that is known to be one JSON document
 * @returns what is odd, or undefined
 */
export function spellingProblem(text: string): string | undefined {
  if (UPPERCASE_ESCAPE.test(text)) return 'it spells an escape in capitals';
  const bare = text.replace(STRING, '""').replace(/\n$/, '');
  if (ODD_SPACE.test(bare)) return 'it has tabs or carriage returns between its values';
  if (ODD_NUMBER.test(bare)) return 'it spells a number with a capital exponent or as minus zero';
  if (!bare.includes('\n')) return MISPLACED_SPACE.test(bare) ? 'it has space where no writer puts it' : undefined;
  return indented(bare, /^[{[]\n( *)/.exec(bare)?.[1] ?? '') === bare ? undefined : 'its lines are not broken and indented as by a writer';
}

/** The document with every line broken and indented by the one rule that Go, Python and JavaScript share. */
function indented(bare: string, unit: string): string {
  const tokens = bare.match(TOKEN) ?? [];
  const line = (depth: number): string => `\n${unit.repeat(depth)}`;
  let depth = 0;
  let text = '';
  for (const [index, token] of tokens.entries()) {
    const isEmptyEnd = CLOSING.has(token) && OPENING.has(tokens[index - 1] ?? '');
    const isEmptyStart = OPENING.has(token) && CLOSING.has(tokens[index + 1] ?? '');
    if (CLOSING.has(token)) depth -= 1;
    if (CLOSING.has(token) && !isEmptyEnd) text += line(depth);
    text += token === ':' ? ': ' : token;
    if (OPENING.has(token)) depth += 1;
    if (token === ',' || (OPENING.has(token) && !isEmptyStart)) text += line(depth);
  }
  return text;
}
