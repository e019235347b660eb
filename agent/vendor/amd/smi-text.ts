import { indentedEntries, splitAtColon, type IndentedEntry } from '../indented-text.ts';
import { isIdle } from '../lines.ts';
import type { Tally } from '../parsed.ts';
import type { SourceLine } from '../source-text.ts';
import { AmdDevice, keyPart } from './smi-device.ts';
import { isTableTitle, readAmdTable, type AmdTable } from './smi-table.ts';

/** What the text form of an amd-smi command holds: device blocks, tables, or both. */
export interface AmdText {
  readonly devices: readonly AmdDevice[];
  readonly tables: readonly AmdTable[];
}

/** Reads amd-smi text: `GPU: n` blocks nested by indent, and tables. Notes and elisions go to `partial`. */
export function readAmdText(tool: string, lines: readonly SourceLine[], tally: Tally): AmdText {
  const { blocks, tables } = splitParts(joinWrapped(lines, tally), tally);
  const devices: AmdDevice[] = [];
  let current: AmdDevice | undefined;
  for (const entry of indentedEntries(tool, blocks, splitAtColon)) {
    const device = deviceHeading(entry);
    if (device !== undefined) {
      current = new AmdDevice(device.kind, device.index, tally);
      tally.typed();
      devices.push(current);
    } else if (current === undefined || entry.indent === 0) tally.unread(`line ${entry.line}: ${entry.label}`);
    else addEntry(current, entry);
  }
  return { devices, tables: tables.map((table) => readAmdTable(table, tally)) };
}

function deviceHeading(entry: IndentedEntry): { readonly kind: 'gpu' | 'cpu'; readonly index: number } | undefined {
  const isDevice = entry.indent === 0 && /^(?:GPU|CPU)$/.test(entry.label) && /^\d{1,4}$/.test(entry.value ?? '');
  return isDevice ? { kind: entry.label === 'GPU' ? 'gpu' : 'cpu', index: Number(entry.value) } : undefined;
}

function addEntry(device: AmdDevice, entry: IndentedEntry): void {
  const [, ...labels] = entry.path;
  const source = `line ${entry.line}: ${labels.join('/')}`;
  const value = entry.value ?? '';
  const isListMember = entry.value === undefined && !entry.label.includes(' ') && /^(?:0x[0-9a-f]+|\d+(?:-\d+)?)$/i.test(entry.label);
  if (isListMember) {
    const parent = labels.slice(0, -1).map(keyPart).join('.');
    device.add(`${parent}[${device.list.filter((field) => field.key.startsWith(`${parent}[`)).length}]`, entry.label, source);
  } else if (value.startsWith('[') && value.endsWith(']')) {
    for (const [index, member] of value.slice(1, -1).split(/,\s*/).entries())
      device.add(`${labels.map(keyPart).join('.')}[${index}]`, member, `${source}[${index}]`);
  } else if (entry.value !== undefined) device.add(labels.map(keyPart).join('.'), value, source);
}

interface Parts {
  readonly blocks: readonly SourceLine[];
  readonly tables: readonly (readonly SourceLine[])[];
}

/** Takes tables, prompts, notes and elisions apart from the device blocks. */
function splitParts(lines: readonly SourceLine[], tally: Tally): Parts {
  const blocks: SourceLine[] = [];
  const tables: SourceLine[][] = [];
  let table: SourceLine[] | undefined;
  for (const line of lines) {
    const text = line.text.trim();
    if (/^legend:/i.test(text)) break;
    if (readNote(line, tally)) continue;
    const isNewTable = isTableTitle(line.text) && (table === undefined || table.length > 1);
    if (isNewTable) tables.push((table = [line]));
    else if (text === '') table = table !== undefined && table.length > 1 ? undefined : table;
    else if (table === undefined || /^(?:GPU|CPU): \d+$/.test(line.text)) {
      table = undefined;
      blocks.push(line);
    } else table.push(line);
  }
  return { blocks, tables };
}

/** Lines that are no data: starred warnings, elisions, prompts of a pasted session, the key below a table. */
function readNote(line: SourceLine, tally: Tally): boolean {
  const text = line.text.trim();
  const note = /^\*\* (.*) \*\*$/.exec(text)?.[1]?.trim();
  const isElided = /^(?:\.{3}|\[\.{3}\])$/.test(text);
  if (note !== undefined && !note.endsWith(':')) tally.partial(`line ${line.number}: ${note}`);
  if (isElided) tally.partial(`line ${line.number}: the output is elided here`);
  return note !== undefined || isElided || /^\*{3,}$|^\* [A-Z=]/.test(text) || (text !== '' && isIdle(text));
}

/** Lists are wrapped at 90 columns: a line is joined to the next until its bracket closes. */
function joinWrapped(lines: readonly SourceLine[], tally: Tally): SourceLine[] {
  const joined: SourceLine[] = [];
  let open: { number: number; text: string } | undefined;
  for (const line of lines) {
    if (open !== undefined) open.text += ` ${line.text.trim()}`;
    else if (/: \[[^\]]*$/.test(line.text)) open = { ...line };
    else joined.push(line);
    if (open?.text.endsWith(']') === true || (open?.text.length ?? 0) > 10_000) {
      joined.push(open as SourceLine);
      open = undefined;
    }
  }
  if (open !== undefined) {
    tally.unread(`line ${open.number}`);
    tally.partial(`the list of line ${open.number} is not closed: the output was cut there`);
  }
  return joined;
}
