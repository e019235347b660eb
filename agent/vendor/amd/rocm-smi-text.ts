import { lookup } from '../lookup.ts';
import { isIdle } from '../lines.ts';
import type { SourceLine } from '../source-text.ts';
import { readValue, type Kind } from '../value.ts';
import { addLabel, cardFields, type RocmSink } from './rocm-sink.ts';
import { keyPart } from './smi-device.ts';

const COLUMN_KINDS: Readonly<Record<string, Kind>> = {
  temp: 'Cel',
  power: 'W',
  avgpwr: 'W',
  pwrcap: 'W',
  sclk: 'MHz',
  mclk: 'MHz',
  fan: '%',
  'vram%': '%',
  'gpu%': '%',
  node: 'count',
};

/** What the lines read so far say about the next ones. */
interface View {
  /** Title between rules, such as `Weight between two GPUs`. */
  title: string;
  /** Columns of the concise view, or the `GPU<n>` columns of a matrix. */
  header: readonly string[];
}

/** Reads the text forms: the concise view, labelled lines and the matrices of `--showtopo`. */
export function readRocmText(lines: readonly SourceLine[], sink: RocmSink): void {
  if (!lines.some((line) => line.text.includes('End of ROCm SMI Log')))
    sink.tally.partial('no "End of ROCm SMI Log" line: the output ends before it');
  const view: View = { title: '', header: [] };
  for (const line of lines) if (!isIdle(line.text)) readLine(line, view, sink);
}

function readLine(line: SourceLine, view: View, sink: RocmSink): void {
  const text = line.text.trim();
  const labelled = /^GPU\[(\d{1,4})\]\s*: (.{1,120}?): (.{1,200})$/.exec(text);
  const rule = /^=+(?: (.{1,60}) )?=+$/.exec(text);
  if (rule !== null) view.title = rule[1] ?? view.title;
  else if (labelled !== null)
    addLabel(
      cardFields(sink, Number(labelled[1])),
      { label: labelled[2] ?? '', text: labelled[3] ?? '', path: `line ${line.number}` },
      sink.tally,
    );
  else if (/^(?:GPU|Device)\s+\S/.test(text) && /\bSCLK\b/.test(text))
    view.header = text.split(/ {2,}/).map((cell) => cell.split(' (', 1).join('').toLowerCase());
  else if (/^GPU\d{1,4}(?:\s+GPU\d{1,4})*$/.test(text)) view.header = text.split(/\s+/);
  else if (/^\d{1,4}\s/.test(text) && view.header.length > 0) readConciseRow(line, view.header, sink);
  else if (!readMatrixRow(line, view, sink)) readOther(line, sink);
}

/** A row such as `GPU0   0   15` below a header of GPUs. */
function readMatrixRow(line: SourceLine, { title, header }: View, sink: RocmSink): boolean {
  const [label = '', ...cells] = line.text.trim().split(/\s+/);
  const index = /^GPU(\d{1,4})$/.exec(label)?.[1];
  if (index === undefined || cells.length !== header.length) return false;
  sink.tally.typed(cells.length + 1);
  const fields = cardFields(sink, Number(index));
  for (const [at, peer] of header.entries())
    fields.push({
      key: `${keyPart(title)}.${peer.toLowerCase()}`,
      path: `line ${line.number}: ${peer}`,
      ...readValue('any', cells[at] ?? ''),
    });
  return true;
}

function readConciseRow(line: SourceLine, header: readonly string[], sink: RocmSink): void {
  const cells = conciseCells(line.text);
  if (cells.length !== header.length) {
    sink.tally.unread(`line ${line.number}`);
    sink.tally.partial(`line ${line.number} has ${cells.length} cells for ${header.length} columns`);
    return;
  }
  const fields = cardFields(sink, Number(cells[0]));
  sink.tally.typed(cells.length);
  for (const [index, column] of header.entries())
    if (index > 0)
      fields.push({
        key: keyPart(column).replaceAll(/^_+|_+$/g, ''),
        path: `line ${line.number}: ${column}`,
        ...readValue(lookup(COLUMN_KINDS, column) ?? 'text', cells[index] ?? ''),
      });
  const model = /^\[(0x[0-9a-f]{1,6}) :/.exec(cells[1] ?? '')?.[1] ?? /^(0x[0-9a-f]{1,6}),/.exec(cells[2] ?? '')?.[1];
  if (model !== undefined) fields.push({ key: 'device_id', path: `line ${line.number}`, ...readValue('text', model) });
}

/** Words of a row; `0x74a0, 50375`, `NPS1, SPX, 0` and `[0x74a1 : 0x00]` are one cell each. */
function conciseCells(text: string): string[] {
  const cells: string[] = [];
  for (const word of text.trim().split(/\s+/)) {
    const last = cells.at(-1) ?? '';
    if (last.endsWith(',') || (last.startsWith('[') && !last.endsWith(']'))) cells[cells.length - 1] = `${last} ${word}`;
    else cells.push(word);
  }
  return cells;
}

/** The second header line, the name below a row, or a line of another view. */
function readOther(line: SourceLine, sink: RocmSink): void {
  const text = line.text.trim();
  const last = [...sink.cards.values()].at(-1);
  if (/^(?:Name \(|\(DID,|\(Junction\)|\(Edge\)|\(Socket\)|\(Sensor)/.test(text)) return;
  if (/^\s{6,}\S/.test(line.text) && last !== undefined && !text.includes(':')) {
    sink.tally.typed();
    last.push({ key: 'device_name', path: `line ${line.number}`, ...readValue('text', text) });
  } else if (/^Driver version: \S/.test(text))
    addLabel(sink.system, { label: 'Driver version', text: text.slice(16), path: `line ${line.number}` }, sink.tally);
  else if (/^(?:WARNING|ERROR):/.test(text)) sink.tally.partial(`line ${line.number}: ${text.slice(0, 200)}`);
  else sink.tally.unread(`line ${line.number}: ${text.slice(0, 60)}`);
}
