import type { Tally } from '../parsed.ts';
import type { SourceLine } from '../source-text.ts';
import { unitOf, type TypedValue } from '../value.ts';
import { readAmdText } from './smi-device.ts';

/** One cell with its column name. */
export interface AmdCell extends TypedValue {
  readonly column: string;
}

/** One row of a table. */
export interface AmdRow {
  /** First word of a row that the header has no column for: `GPU0`, `Read`, a PCI address; empty otherwise. */
  readonly label: string;
  readonly line: number;
  readonly cells: readonly AmdCell[];
}

/** A table of amd-smi: topology, XGMI, partition, monitor. */
export interface AmdTable {
  /** Title without colon, or empty for a table that starts with its header. */
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly AmdRow[];
}

const TITLE = /^[A-Z][A-Z_ -]{3,60}(?:TABLE|PROFILES|RESOURCES|PARTITION|STATUS|INFO):$/;
const HEADER = /^\s*(?:GPU|TIMESTAMP\s+GPU)\s{2,}[A-Z]/;

/** True for a line that starts a table: its title, or the header of a monitor table. */
export function isTableTitle(text: string): boolean {
  return TITLE.test(text.trimEnd()) || HEADER.test(text);
}

/** Reads one table; a row whose cells do not fit the header stays unread. */
export function readAmdTable(lines: readonly SourceLine[], tally: Tally): AmdTable {
  const [first = { number: 0, text: '' }, ...rest] = lines;
  const hasTitle = TITLE.test(first.text.trimEnd());
  const [header, ...body] = hasTitle ? rest : lines;
  const columns = header === undefined ? [] : header.text.trim().split(/\s+/);
  // A header that is indented leaves room for the labels of its rows.
  const isLabelled = header !== undefined && hasTitle && /^\s/.test(header.text);
  const rows = body.flatMap((line) => readRow(line, { columns, isLabelled }, tally));
  return { title: hasTitle ? first.text.trim().slice(0, -1) : '', columns, rows };
}

interface Header {
  readonly columns: readonly string[];
  readonly isLabelled: boolean;
}

function readRow(line: SourceLine, { columns, isLabelled }: Header, tally: Tally): AmdRow[] {
  const cells = cellsOf(line.text);
  const [label = ''] = cells;
  const values = isLabelled ? cells.slice(1) : cells;
  const names = isLabelled ? columnsFor(values.length, label, columns) : values.length === columns.length ? columns : undefined;
  if (names === undefined) {
    tally.unread(`line ${line.number}: ${label}`);
    return [];
  }
  tally.typed(cells.length);
  const typed = values.map((value, index) => ({
    column: names[index] ?? '',
    ...readAmdText(names[index]?.toLowerCase() ?? '', value),
  }));
  return [{ label: isLabelled ? label : '', line: line.number, cells: typed }];
}

/** XGMI rows have either the first columns (`GPU0 …`) or the peers at the end (`Read …`). */
function columnsFor(count: number, label: string, columns: readonly string[]): readonly string[] | undefined {
  const peers = columns.findIndex((column) => /^[0-9a-f]{4}:/i.test(column));
  if (count === columns.length) return columns;
  if (/^GPU\d+$/.test(label) && count === peers) return columns.slice(0, peers);
  return /^(?:Read|Write)$/.test(label) && count === columns.length - peers ? columns.slice(peers) : undefined;
}

/** Cells of a row: words, with a unit joined to the number before it. */
function cellsOf(text: string): string[] {
  const cells: string[] = [];
  for (const word of text.trim().split(/\s+/)) {
    const last = cells.at(-1) ?? '';
    if (unitOf(word) !== undefined && /^(?:-?\d+(?:\.\d+)?|N\/A)$/.test(last))
      cells[cells.length - 1] = last === 'N/A' ? last : `${last} ${word}`;
    else cells.push(word);
  }
  return cells;
}
