import type { Measurement, Reading } from '#core/snapshot/measurement.ts';
import { indentedEntries, type IndentedEntry } from '../indented-text.ts';
import { Tally, toMeasurements, type Field, type Parsed } from '../parsed.ts';
import { decodeSource, invalidSource, sourceLines, type SourceLine } from '../source-text.ts';
import { readValue } from '../value.ts';
import { GpuFields } from './smi-gpu.ts';
import { addMigLeaf, toMigDevice } from './smi-mig.ts';
import { addProcessLeaf } from './smi-process.ts';
import { finishSmi, SMI_HEADER_KINDS, type ListedGpu, type NvidiaSmi } from './smi-xml.ts';
import { lookup } from '../lookup.ts';

const TOOL = 'nvidia-smi-q';
const SOURCE = 'nvidia-smi -q:';
const MISSING: Reading = { state: 'absent', reason: 'not in this output' };
const CUT: Reading = { state: 'unreadable', reason: 'the output breaks off inside this GPU' };
const GPU_HEADING = /^GPU ([0-9A-F]{4,8}:[0-9A-F]{2}:[0-9A-F]{2}\.[0-7])$/i;

/**
 * Parses the text of `nvidia-smi -q`, the fallback when the XML is not to be had.
 * Labels are matched with their whole section path; a renamed label stays unread and its fact does not come out healthy.
 * A GPU whose sections break off answers `unreadable` for everything missing.
 * @throws VENDOR_OUTPUT_INVALID with line; VENDOR_OUTPUT_LIMIT
 */
export function parseNvidiaSmiQuery(bytes: Uint8Array): Parsed<NvidiaSmi> {
  const source = decodeSource(TOOL, bytes);
  const lines = sourceLines(source);
  const tally = new Tally(TOOL);
  requireBanner(lines);
  const body = source.closed ? lines : lines.slice(0, -1);
  if (!source.closed) noteCutLine(lines, tally);
  const entries = indentedEntries(TOOL, body, splitQueryLine).filter((entry) => !entry.label.startsWith('===='));
  const header = new Map<string, Field>();
  const blocks: IndentedEntry[][] = [];
  for (const entry of entries) {
    if (entry.indent === 0 && GPU_HEADING.test(entry.label)) blocks.push([entry]);
    else if (blocks.length > 0) blocks.at(-1)?.push(entry);
    else readHeader(entry, header, tally);
  }
  if (blocks.length === 0 && header.size === 0)
    throw invalidSource(TOOL, 'the log holds neither versions nor GPUs', { line: lines.length });
  const gpus = blocks.map((block, index) => readBlock(block, index, tally));
  const measurements: Measurement[] = [
    ...toMeasurements(header.values(), { subtype: 'nvidia', source: SOURCE }),
    ...gpus.flatMap((gpu) => gpu.measurements),
  ];
  return finishSmi({ tally, header, gpus: gpus.map((gpu) => gpu.gpu), measurements });
}

function requireBanner(lines: readonly SourceLine[]): void {
  const first = lines.find((line) => line.text.trim() !== '');
  if (first !== undefined && !/^=+NVSMI LOG=+$/.test(first.text.trim()))
    throw invalidSource(TOOL, `expected "==============NVSMI LOG==============", found "${first.text.trim().slice(0, 80)}"`, {
      line: first.number,
    });
}

function noteCutLine(lines: readonly SourceLine[], tally: Tally): void {
  const last = lines.at(-1);
  tally.unread(`line ${last?.number ?? 0}`);
  tally.partial(`line ${last?.number ?? 0} has no line break: the output was cut there`);
}

function splitQueryLine(text: string): { readonly label: string; readonly value: string | undefined } {
  const at = text.indexOf(' : ');
  if (at >= 0) return { label: text.slice(0, at).trim(), value: text.slice(at + 3).trim() };
  return text.endsWith(' :') ? { label: text.slice(0, -2).trim(), value: '' } : { label: text, value: undefined };
}

function readHeader(entry: IndentedEntry, header: Map<string, Field>, tally: Tally): void {
  const key = entry.label.toLowerCase().replaceAll(' ', '_');
  const kind = lookup(SMI_HEADER_KINDS, key);
  if (entry.value === undefined || kind === undefined) return tally.unread(`line ${entry.line}: ${entry.label}`);
  tally.typed();
  header.set(key, { key, path: `line ${entry.line}`, ...readValue(kind, entry.value) });
}

interface Block {
  readonly tally: Tally;
  readonly fields: GpuFields;
  readonly migs: Field[][];
  readonly processes: Field[][];
}

function readBlock(lines: readonly IndentedEntry[], index: number, tally: Tally): { gpu: ListedGpu; measurements: Measurement[] } {
  const [heading, ...entries] = lines;
  const block: Block = { tally, fields: new GpuFields('query', tally), migs: [], processes: [] };
  tally.typed();
  for (const entry of entries) readEntry(entry, `gpu[${index}]`, block);
  const isCut = breaksOff(entries);
  if (isCut)
    tally.partial(
      `gpu[${index}] breaks off after "${entries.at(-1)?.path.slice(1).join(' / ') ?? ''}" (line ${entries.at(-1)?.line ?? 0})`,
    );
  const gpu: ListedGpu = {
    ...block.fields.toGpu(index, heading?.label.slice(4) ?? '', isCut ? CUT : MISSING),
    migDevices: block.migs.map((mig) => toMigDevice(mig)),
    processes: block.processes.map((process) => ({ fields: process })),
    supportedClocks: [],
  };
  const item = gpu.pciBusId ?? `gpu[${index}]`;
  const migs = gpu.migDevices.flatMap((mig) =>
    toMeasurements(mig.fields, { subtype: 'nvidia', item: `${item}/mig${mig.index ?? '?'}`, source: SOURCE }),
  );
  return { gpu, measurements: [...toMeasurements(block.fields.list, { subtype: 'nvidia', item, source: SOURCE }), ...migs] };
}

/** A whole listing (one with a product name) ends with the processes; without them the rest of the GPU is missing. */
function breaksOff(entries: readonly IndentedEntry[]): boolean {
  const has = (label: string): boolean => entries.some((entry) => entry.path.length === 2 && entry.label === label);
  return has('Product Name') && !has('Processes');
}

function readEntry(entry: IndentedEntry, root: string, block: Block): void {
  const [, ...labels] = entry.path;
  const [section = ''] = labels;
  const source = `${root}/${labels.join('/')} line ${entry.line}`;
  const isBelow = labels.length > 1;
  if (entry.value === undefined) {
    if (section === 'MIG Device' && !isBelow) block.migs.push([]);
  } else if (section === 'MIG Device' && isBelow)
    addMigLeaf(block.migs.at(-1) ?? [], { path: labels.slice(1).join('/'), text: entry.value, source }, block.tally);
  else if (section === 'Processes' && isBelow) addProcess(block.processes, { name: entry.label, text: entry.value, source }, block.tally);
  else block.fields.add(labels.join('/').toLowerCase(), entry.value, source);
}

/** A process starts with its instance ids, or with its process id where the driver prints none. */
function addProcess(
  processes: Field[][],
  leaf: { readonly name: string; readonly text: string; readonly source: string },
  tally: Tally,
): void {
  const current = processes.at(-1);
  const hasPid = current?.some((field) => field.key === 'process.pid') ?? true;
  if (current === undefined || (hasPid && (leaf.name === 'GPU instance ID' || leaf.name === 'Process ID'))) processes.push([]);
  addProcessLeaf(processes.at(-1) ?? [], leaf, tally);
}
