/** Longest foreign text that is shown in one place; names and digests are shorter. */
const SHOWN_LENGTH = 200;

// Control and format characters (escapes, direction overrides, zero width, tags), line separators, lone surrogates.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Variation_Selector}]/gu;

/**
 * Foreign text made safe to stand in a sentence: characters that act instead of being seen are written as `\u{…}`, and what
 * is longer than the limit is cut. Output formats add their own escaping on top.
 * @param value anything taken from a bundle, a registry or an error message of a library
 * @param limit in characters of the result
 */
export function shown(value: unknown, limit = SHOWN_LENGTH): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  const visible = text.slice(0, limit * 2).replace(HIDDEN, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
  return visible.length > limit || text.length > limit * 2 ? `${visible.slice(0, limit - 1).replace(/[\ud800-\udbff]$/, '')}…` : visible;
}

/** True when the text has no character that acts instead of being seen. */
export function isVisible(text: string): boolean {
  return text.search(HIDDEN) === -1;
}
