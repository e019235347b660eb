import { indentedEntries, splitAtColon, type IndentedEntry } from '../indented-text.ts';
import { isIdle, wholeLines } from '../lines.ts';
import { Tally, toMeasurements, type Field, type Parsed } from '../parsed.ts';
import { invalidSource } from '../source-text.ts';
import { readValue, type Kind } from '../value.ts';
import { lookup } from '../lookup.ts';

const TOOL = 'ibstat';

/** One port of an adapter. */
export interface IbPort {
  readonly port: number;
  readonly fields: readonly Field[];
}

/** One adapter. */
export interface IbAdapter {
  readonly name: string;
  readonly fields: readonly Field[];
  readonly ports: readonly IbPort[];
}

const ADAPTER: Readonly<Record<string, readonly [key: string, kind: Kind]>> = {
  'CA type': ['hca_type', 'text'],
  'Number of ports': ['port_count', 'count'],
  'Firmware version': ['firmware_version', 'text'],
  'Hardware version': ['hardware_version', 'text'],
  'Node GUID': ['node_guid', 'identity'],
  'System image GUID': ['system_image_guid', 'identity'],
};

const PORT: Readonly<Record<string, readonly [key: string, kind: Kind]>> = {
  State: ['state', 'text'],
  'Physical state': ['physical_state', 'text'],
  Rate: ['rate', 'Gb/s'],
  'Base lid': ['base_lid', 'number'],
  LMC: ['lmc', 'count'],
  'SM lid': ['sm_lid', 'number'],
  'Capability mask': ['capability_mask', 'hex'],
  'Port GUID': ['port_guid', 'identity'],
  'Link layer': ['link_layer', 'text'],
};

/**
 * Parses `ibstat`. A port that cannot be queried ends the output with an `ibpanic` line: the blocks before it are kept.
 * @throws VENDOR_OUTPUT_INVALID with line; VENDOR_OUTPUT_LIMIT
 */
export function parseIbstat(bytes: Uint8Array): Parsed<{ readonly adapters: readonly IbAdapter[] }> {
  const tally = new Tally(TOOL);
  const lines = wholeLines(tally, bytes, (text) => /^(?:Link layer: (?:InfiniBand|Ethernet)|ib(?:panic|warn): .*)$/.test(text)).filter(
    (line) => !isIdle(line.text),
  );
  const adapters: {
    readonly name: string;
    readonly fields: Field[];
    readonly ports: { readonly port: number; readonly fields: Field[] }[];
  }[] = [];
  for (const entry of indentedEntries(TOOL, lines, splitAtColon)) {
    const name = /^CA '([\w.-]{1,64})'$/.exec(entry.label)?.[1];
    const adapter = adapters.at(-1);
    if (name !== undefined) {
      tally.typed();
      adapters.push({ name, fields: [], ports: [] });
    } else if (/^ib(?:panic|warn)$/.test(entry.label)) {
      tally.typed();
      tally.partial(`line ${entry.line}: ${entry.label}: ${entry.value?.slice(0, 200) ?? ''}`);
    } else if (adapter === undefined) throw invalidSource(TOOL, `no adapter line: "${entry.label.slice(0, 80)}"`, { line: entry.line });
    else readEntry(adapter, entry, tally);
  }
  if (adapters.length === 0) throw invalidSource(TOOL, 'no adapter is listed', { line: 1 });
  for (const adapter of adapters) reportMissing(adapter, tally);
  return tally.finish({ adapters }, adapters.flatMap(measure));
}

function readEntry(
  adapter: { readonly fields: Field[]; readonly ports: { readonly port: number; readonly fields: Field[] }[] },
  entry: IndentedEntry,
  tally: Tally,
): void {
  const port = /^Port (\d{1,3})$/.exec(entry.label)?.[1];
  const isPortLeaf = entry.path.length > 2;
  const rule = lookup(isPortLeaf ? PORT : ADAPTER, entry.label);
  const target = isPortLeaf ? adapter.ports.at(-1)?.fields : adapter.fields;
  if (port !== undefined && entry.value === undefined) {
    tally.typed();
    adapter.ports.push({ port: Number(port), fields: [] });
  } else if (rule === undefined || target === undefined) tally.unread(`line ${entry.line}: ${entry.label}`);
  else {
    tally.typed();
    target.push({ key: rule[0], path: `line ${entry.line}: ${entry.label}`, ...readValue(rule[1], entry.value ?? '') });
  }
}

/** The adapter says how many ports it has, and a whole port has a state. */
function reportMissing(adapter: IbAdapter, tally: Tally): void {
  const count = adapter.fields.find((field) => field.key === 'port_count')?.reading;
  if (count?.state !== 'read') tally.partial(`${adapter.name} does not say how many ports it has`);
  if (count?.state === 'read' && count.value !== adapter.ports.length)
    tally.partial(`${adapter.name} has ${count.value} ports, ${adapter.ports.length} are listed`);
  for (const port of adapter.ports)
    for (const key of ['state', 'physical_state', 'rate', 'link_layer'])
      if (!port.fields.some((field) => field.key === key)) tally.partial(`${adapter.name} port ${port.port} has no ${key}`);
}

function measure(adapter: IbAdapter): ReturnType<typeof toMeasurements> {
  return [
    ...toMeasurements(adapter.fields, { subtype: 'rdma', item: adapter.name, source: 'ibstat' }),
    ...adapter.ports.flatMap((port) =>
      toMeasurements(port.fields, { subtype: 'rdma', item: `${adapter.name}/${port.port}`, source: 'ibstat' }),
    ),
  ];
}
