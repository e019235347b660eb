import { decodeSource, invalidSource, sourceLimit, sourceLines, type SourceLine } from './source-text.ts';

const MAX_COLUMNS = 2_000;

/** A table with named columns. */
export interface CsvTable {
  readonly header: readonly string[];
  readonly rows: readonly CsvRow[];
  /** Line of a last row without line break, whose last cell may be cut short. */
  readonly openLine?: number;
}

/** One row; it has as many cells as the header has columns. */
export interface CsvRow {
  readonly line: number;
  readonly cells: readonly string[];
}

/** How cells are told apart. */
export interface CsvDialect {
  /** `comma-blank` is nvidia-smi's: `, ` between cells, no quotes; `quoted` is RFC 4180. */
  readonly separator: 'comma-blank' | 'quoted';
}

/**
 * Reads a table with a header line.
 * @throws VENDOR_OUTPUT_INVALID with line when a row has another number of cells than the header; VENDOR_OUTPUT_LIMIT
 */
export function parseCsv(tool: string, bytes: Uint8Array, dialect: CsvDialect): CsvTable {
  const source = decodeSource(tool, bytes);
  const lines = sourceLines(source).filter((line) => line.text.trim() !== '');
  const split = (line: SourceLine): string[] => (dialect.separator === 'quoted' ? splitQuoted(tool, line) : splitCommaBlank(line.text));
  const [first, ...rest] = lines;
  if (first === undefined) throw invalidSource(tool, 'no header line', { line: 1 });
  const header = split(first);
  if (header.length > MAX_COLUMNS) throw sourceLimit(tool, `${header.length} columns, more than ${MAX_COLUMNS}`, { line: first.number });
  const rows = rest.map((line) => {
    const cells = split(line);
    if (cells.length !== header.length)
      throw invalidSource(tool, `${cells.length} cells where the header has ${header.length} columns`, { line: line.number });
    return { line: line.number, cells };
  });
  const last = lines.at(-1)?.number ?? 1;
  return source.closed ? { header, rows } : { header, rows, openLine: last };
}

function splitCommaBlank(text: string): string[] {
  return text.split(/, |,$/).map((cell) => cell.trim());
}

function splitQuoted(tool: string, line: SourceLine): string[] {
  const cells: string[] = [];
  let at = 0;
  while (at <= line.text.length) {
    if (line.text[at] === '"') {
      const end = closingQuote(line.text, at + 1);
      const next = line.text[end + 1];
      if (end < 0 || (next !== undefined && next !== ','))
        throw invalidSource(tool, 'a quoted cell is not closed', { line: line.number, column: at + 1 });
      cells.push(line.text.slice(at + 1, end).replaceAll('""', '"'));
      at = end + 2;
      if (next === undefined) return cells;
    } else {
      const end = line.text.indexOf(',', at);
      cells.push(line.text.slice(at, end < 0 ? undefined : end));
      if (end < 0) return cells;
      at = end + 1;
    }
  }
  return cells;
}

function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 2)) if (text[at + 1] !== '"') return at;
  return -1;
}
