import type { Reading } from '#core/snapshot/measurement.ts';
import { asObject, holdsJson, parseJson, type JsonValue } from '../json-source.ts';
import { isIdle, wholeLines } from '../lines.ts';
import { pciAddress } from '../pci-address.ts';
import { Tally, textOf, toMeasurements, type Field, type Parsed } from '../parsed.ts';
import { resolveShape, type Resolved } from '../shape.ts';
import { decodeSource, invalidSource, type SourceLine } from '../source-text.ts';
import { readValue, unitOf, type Kind, type TypedValue } from '../value.ts';
import { keyPart } from './smi-device.ts';
import { lookup } from '../lookup.ts';

const TOOL = 'rocm-smi';
const MISSING: Reading = { state: 'absent', reason: 'not in this output' };

/** The facts of a card; the case of rocm-smi's labels varies, so keys are lower case. */
const CARD_SHAPE = {
  name: ['device_name', 'card_series', 'model_name', 'card_model'],
  deviceId: ['device_id', 'gpu_id', 'did'],
  uniqueId: ['unique_id'],
  serial: ['serial_number'],
  vbios: ['vbios_version'],
  graphicsVersion: ['gfx_version'],
  pciBus: ['pci_bus'],
  temperatureEdge: ['temperature_sensor_edge_c'],
  temperatureJunction: ['temperature_sensor_junction_c'],
  /** The one sensor of the concise view. */
  temperatureConcise: ['temp'],
  temperatureMemory: ['temperature_sensor_memory_c'],
  power: ['current_socket_graphics_package_power_w', 'average_graphics_package_power_w', 'power', 'avgpwr'],
  powerCap: ['max_graphics_package_power_w', 'pwrcap'],
  vramTotal: ['vram_total_memory_b'],
  vramUsed: ['vram_total_used_memory_b'],
  pcieReplayCount: ['pcie_replay_count'],
  partitions: ['partitions', 'compute_partition'],
} as const;

/** One card as rocm-smi describes it. */
export interface RocmCard extends Resolved<typeof CARD_SHAPE> {
  readonly index: number;
  readonly pciBusId: string | undefined;
}

/** What rocm-smi says; deprecated, use it only where amd-smi is missing. */
export interface RocmSmi {
  readonly cards: readonly RocmCard[];
  /** Facts of the whole system, such as the driver version. */
  readonly system: readonly Field[];
}

/**
 * Parses rocm-smi: `--json`, the `GPU[n] : label: value` lines, and the concise table.
 * @throws VENDOR_OUTPUT_INVALID with place; VENDOR_OUTPUT_LIMIT
 */
export function parseRocmSmi(bytes: Uint8Array): Parsed<RocmSmi> {
  const tally = new Tally(TOOL);
  const source = decodeSource(TOOL, bytes);
  const cards = new Map<number, Field[]>();
  const system: Field[] = [];
  if (holdsJson(source)) {
    const json = parseJson(source);
    for (const line of json.preamble) tally.partial(`before the document: ${line.slice(0, 200)}`);
    readJson(json.value, { cards, system, tally });
  } else
    readText(
      wholeLines(tally, bytes, (text) => /^={10,}.*={10,}$/.test(text)),
      { cards, system, tally },
    );
  if (cards.size === 0 && system.length === 0) throw invalidSource(TOOL, 'no card is listed', { line: 1 });
  const measurements = [
    ...[...cards].flatMap(([index, fields]) =>
      toMeasurements(fields, { subtype: 'amd', item: addressOf(fields) ?? `card${index}`, source: 'rocm-smi:' }),
    ),
    ...toMeasurements(system, { subtype: 'amd', source: 'rocm-smi:' }),
  ];
  return tally.finish({ cards: [...cards].map(([index, fields]) => toCard(index, fields)), system }, measurements);
}

interface Sink {
  readonly cards: Map<number, Field[]>;
  readonly system: Field[];
  readonly tally: Tally;
}

function cardFields(sink: Sink, index: number): Field[] {
  const fields = sink.cards.get(index) ?? [];
  sink.cards.set(index, fields);
  return fields;
}

function toCard(index: number, fields: readonly Field[]): RocmCard {
  const shape = resolveShape(CARD_SHAPE, new Map(fields.map((field) => [field.key, field])), MISSING);
  return { ...shape, index, pciBusId: addressOf(fields) };
}

function addressOf(fields: readonly Field[]): string | undefined {
  const bus = fields.find((field) => field.key === 'pci_bus');
  return bus === undefined ? undefined : pciAddress(textOf(bus) ?? '');
}

function readJson(value: JsonValue, sink: Sink): void {
  for (const [name, member] of Object.entries(asObject(value) ?? {})) {
    const card = /^card(\d{1,4})$/.exec(name)?.[1];
    const object = asObject(member);
    const isKnown = object !== undefined && (card !== undefined || name === 'system');
    const target = !isKnown ? undefined : card === undefined ? sink.system : cardFields(sink, Number(card));
    if (object === undefined || target === undefined) sink.tally.unread(`/${name}`);
    else for (const [label, text] of Object.entries(object)) addLabel(target, { label, text, path: `/${name}/${label}` }, sink.tally);
  }
}

/** A label carries its unit in parentheses: `Temperature (Sensor edge) (C)`. */
function addLabel(target: Field[], leaf: { readonly label: string; readonly text: JsonValue; readonly path: string }, tally: Tally): void {
  if (typeof leaf.text === 'object') return tally.unread(leaf.path);
  tally.typed();
  target.push({ key: keyPart(leaf.label).replaceAll(/^_+|_+$/g, ''), path: leaf.path, ...readLabelled(leaf.label, String(leaf.text)) });
}

function readLabelled(label: string, text: string): TypedValue {
  const unit = unitOf(/\((%|[A-Za-z]{1,3})\)\s*:?$/.exec(label)?.[1] ?? '');
  const bare = /^\((.*)\)$/.exec(text)?.[1] ?? text;
  if (/unique id|serial number/i.test(label)) return readValue('identity', bare);
  if (/version|name|series|model|vendor|sku|guid|\bid\b|pci bus|driver/i.test(label)) return readValue('text', bare);
  return readValue(unit ?? 'any', bare);
}

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

function readText(lines: readonly SourceLine[], sink: Sink): void {
  if (!lines.some((line) => line.text.includes('End of ROCm SMI Log')))
    sink.tally.partial('no "End of ROCm SMI Log" line: the output ends before it');
  let header: readonly string[] = [];
  for (const line of lines) {
    const text = line.text.trim();
    const labelled = /^GPU\[(\d{1,4})\]\s*: (.{1,120}?): (.{1,200})$/.exec(text);
    if (isIdle(text) || /^=+( .{1,60} )?=+$/.test(text)) continue;
    if (labelled !== null)
      addLabel(
        cardFields(sink, Number(labelled[1])),
        { label: labelled[2] ?? '', text: labelled[3] ?? '', path: `line ${line.number}` },
        sink.tally,
      );
    else if (/^(?:GPU|Device)\s+\S/.test(text) && /\bSCLK\b/.test(text))
      header = text.split(/ {2,}/).map((cell) => cell.split(' (', 1).join('').toLowerCase());
    else if (/^\d{1,4}\s/.test(text) && header.length > 0) readConciseRow(line, header, sink);
    else readOther(line, sink);
  }
}

function readConciseRow(line: SourceLine, header: readonly string[], sink: Sink): void {
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
function readOther(line: SourceLine, sink: Sink): void {
  const text = line.text.trim();
  const last = [...sink.cards.values()].at(-1);
  if (/^(?:Name \(|\(DID,|\(Junction\)|\(Edge\)|\(Socket\)|\(Sensor)/.test(text)) return;
  if (/^\s{6,}\S/.test(line.text) && last !== undefined && !text.includes(':')) {
    sink.tally.typed();
    last.push({ key: 'device_name', path: `line ${line.number}`, ...readValue('text', text) });
  } else if (/^(?:WARNING|ERROR):/.test(text)) sink.tally.partial(`line ${line.number}: ${text.slice(0, 200)}`);
  else sink.tally.unread(`line ${line.number}: ${text.slice(0, 60)}`);
}
