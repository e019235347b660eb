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
  const starts = header === undefined ? [] : Array.from(header.text.matchAll(/\S+/g), (match) => match.index);
  const rows = body.flatMap((line) => readRow(line, { columns, isLabelled, starts }, tally));
  return { title: hasTitle ? first.text.trim().slice(0, -1) : '', columns, rows };
}

interface Header {
  readonly columns: readonly string[];
  /** Where each column starts. */
  readonly starts: readonly number[];
  readonly isLabelled: boolean;
}

function readRow(line: SourceLine, { columns, starts, isLabelled }: Header, tally: Tally): AmdRow[] {
  const cells = cellsOf(line.text);
  const label = cells[0]?.text ?? '';
  const values = isLabelled ? cells.slice(1) : cells;
  const names = isLabelled ? columnsFor(values, label, columns) : columnsAt(values, columns, starts);
  if (names === undefined) {
    tally.unread(`line ${line.number}: ${label}`);
    return [];
  }
  tally.typed(cells.length);
  const typed = values.map(({ text }, index) => ({ column: names[index] ?? '', ...readAmdText(names[index]?.toLowerCase() ?? '', text) }));
  return [{ label: isLabelled ? label : '', line: line.number, cells: typed }];
}

/** A full row, or one that leaves out what the row above says (`RESOURCE_INDEX` and on): each cell then starts where its column does. */
function columnsAt(cells: readonly Cell[], columns: readonly string[], starts: readonly number[]): readonly string[] | undefined {
  if (cells.length === columns.length) return columns;
  const names = cells.flatMap((cell) => columns[starts.indexOf(cell.start)] ?? []);
  return names.length === cells.length ? names : undefined;
}

/** XGMI rows have the first columns (`GPU0 …`), the peers at the end (`Read …`), or one letter per link in the last column. */
function columnsFor(cells: readonly Cell[], label: string, columns: readonly string[]): readonly string[] | undefined {
  const count = cells.length;
  const peers = columns.findIndex((column) => /^[0-9a-f]{4}:/i.test(column));
  const last = columns.at(-1) ?? '';
  const letters = cells.slice(columns.length - 1);
  if (/status$/i.test(last) && letters.length > 0 && letters.every((cell) => /^(?:[UDX]|N\/A)$/.test(cell.text)))
    return [...columns.slice(0, -1), ...letters.map((_, index) => `${last}[${index}]`)];
  if (count === columns.length) return columns;
  if (/^GPU\d+$/.test(label) && count === peers) return columns.slice(0, peers);
  return /^(?:Read|Write)$/.test(label) && count === columns.length - peers ? columns.slice(peers) : undefined;
}

interface Cell {
  readonly text: string;
  readonly start: number;
}

/** Cells of a row: words, with a unit joined to the number before it. */
function cellsOf(text: string): Cell[] {
  const cells: Cell[] = [];
  for (const { 0: word, index } of text.matchAll(/\S+/g)) {
    const last = cells.at(-1);
    if (last !== undefined && unitOf(word) !== undefined && /^(?:-?\d+(?:\.\d+)?|N\/A)$/.test(last.text))
      cells[cells.length - 1] = { ...last, text: last.text === 'N/A' ? last.text : `${last.text} ${word}` };
    else cells.push({ text: word, start: index });
  }
  return cells;
}
