import type { Reading } from '#core/snapshot/measurement.ts';
import { asObject, holdsJson, parseJson, type JsonValue } from '../json-source.ts';
import { wholeLines } from '../lines.ts';
import { pciAddress } from '../pci-address.ts';
import { Tally, textOf, toMeasurements, type Field, type Parsed } from '../parsed.ts';
import { resolveShape, type Resolved } from '../shape.ts';
import { decodeSource, invalidSource } from '../source-text.ts';
import { readRocmText } from './rocm-smi-text.ts';
import { addLabel, cardFields, type RocmSink } from './rocm-sink.ts';

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
    readRocmText(
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

function toCard(index: number, fields: readonly Field[]): RocmCard {
  const shape = resolveShape(CARD_SHAPE, new Map(fields.map((field) => [field.key, field])), MISSING);
  return { ...shape, index, pciBusId: addressOf(fields) };
}

function addressOf(fields: readonly Field[]): string | undefined {
  const bus = fields.find((field) => field.key === 'pci_bus');
  return bus === undefined ? undefined : pciAddress(textOf(bus) ?? '');
}

function readJson(value: JsonValue, sink: RocmSink): void {
  for (const [name, member] of Object.entries(asObject(value) ?? {})) {
    const card = /^card(\d{1,4})$/.exec(name)?.[1];
    const object = asObject(member);
    const isKnown = object !== undefined && (card !== undefined || name === 'system');
    const target = !isKnown ? undefined : card === undefined ? sink.system : cardFields(sink, Number(card));
    if (object === undefined || target === undefined) sink.tally.unread(`/${name}`);
    else for (const [label, text] of Object.entries(object)) addLabel(target, { label, text, path: `/${name}/${label}` }, sink.tally);
  }
}
