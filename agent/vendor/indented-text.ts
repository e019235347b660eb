import { sourceLimit, type SourceLine } from './source-text.ts';

const MAX_DEPTH = 16;

/** One line of indented text: `label: value`, or a heading without value. */
export interface IndentedEntry {
  readonly line: number;
  /** Labels of the enclosing entries and of this one. */
  readonly path: readonly string[];
  readonly label: string;
  /** Undefined for a heading. */
  readonly value: string | undefined;
  readonly indent: number;
}

/** Splits the text of one line, without its indent, into label and value. */
export type SplitLine = (text: string) => { readonly label: string; readonly value: string | undefined };

/**
 * Reads lines whose nesting is their indent; a deeper line belongs to the nearest shallower one above. Blank lines are skipped.
 * @throws VENDOR_OUTPUT_LIMIT
 */
export function indentedEntries(tool: string, lines: readonly SourceLine[], split: SplitLine): IndentedEntry[] {
  const entries: IndentedEntry[] = [];
  const open: IndentedEntry[] = [];
  for (const { number, text } of lines) {
    const body = text.trim();
    if (body === '') continue;
    const indent = indentOf(text);
    while (open.length > 0 && (open.at(-1)?.indent ?? 0) >= indent) open.pop();
    const { label, value } = split(body);
    const entry = { line: number, path: [...(open.at(-1)?.path ?? []), label], label, value, indent };
    if (entry.path.length > MAX_DEPTH) throw sourceLimit(tool, `lines nest deeper than ${MAX_DEPTH}`, { line: number });
    entries.push(entry);
    open.push(entry);
  }
  return entries;
}

/** `label: value` at the first colon that a blank or the end follows; everything else is a heading. */
export function splitAtColon(text: string): { readonly label: string; readonly value: string | undefined } {
  const match = /:(?=\s|$)/.exec(text);
  if (match === null) return { label: text, value: undefined };
  const value = text.slice(match.index + 1).trim();
  return { label: text.slice(0, match.index).trim(), value: value === '' ? undefined : value };
}

function indentOf(text: string): number {
  let width = 0;
  for (const char of text) {
    if (char === ' ') width += 1;
    else if (char === '\t') width += 8 - (width % 8);
    else break;
  }
  return width;
}
