/** A character outside of strings that no JSON writer produces: every other white space is one of its kind. */
const ODD_SPACE = /[\t\r\v\f]/;
const STRING = /"(?:[^"\\]|\\.)*"/g;
const UPPERCASE_ESCAPE = /\\u(?=[0-9a-fA-F]{4})(?![0-9a-f]{4})/;
const ODD_NUMBER = /E|-0(?![.\d])/;

/**
 * Tells whether a JSON text is spelled as writers spell it, so that no byte of it can change without being noticed: besides
 * the values, only spaces and well-placed line breaks are left, escapes are lowercase, numbers plain.
 * @param text text that is known to be one JSON document
 * @returns what is odd, or undefined
 */
export function spellingProblem(text: string): string | undefined {
  if (UPPERCASE_ESCAPE.test(text)) return 'it spells an escape in capitals';
  const bare = text.replace(STRING, '""');
  if (ODD_SPACE.test(bare)) return 'it has tabs or carriage returns between its values';
  if (ODD_NUMBER.test(bare)) return 'it spells a number with a capital exponent or as minus zero';
  if (/ [,:]/.test(bare)) return 'it has space before a comma or colon';
  return oddBreak(bare.replace(/\n$/, ''));
}

/** In a document on one line there is no break but the last; in an indented one each stands after a bracket or comma, or before a closing bracket. */
function oddBreak(bare: string): string | undefined {
  if (!bare.includes('\n')) return /^\s|\s$/.test(bare) ? 'it has space around it' : undefined;
  if (!/^[{[]\n/.test(bare)) return 'it breaks a line in a document that is not indented';
  return /[^{[,\]}"\w]\n|[\]}"\w]\n(?! *[\]}])|\n\n/.test(bare) ? 'it breaks a line where no writer does' : undefined;
}

/**
 * Tells whether a text is one that Assay's own writer of Sigstore bundles produced: compact, keys as they are, one line end.
 * @param text text that is known to be one JSON document
 */
export function isCompact(text: string): boolean {
  return `${JSON.stringify(JSON.parse(text))}\n` === text;
}
