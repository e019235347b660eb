const ESCAPED = /[<>&\u2028\u2029]/g;

/**
 * JSON text as Go's indenting encoder writes it: two-space indent, keys in insertion order, `<`, `>`, `&` and the two
 * line separators escaped, final newline. Used for every JSON file of a bundle, so that bytes equal upstream's habits.
 * @param value JSON-able value
 * @source Go `encoding/json`, SetIndent("", "  ")
 */
export function goJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2).replace(ESCAPED, escapeCharacter)}\n`;
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
