import { parseFileTree, propertyLines, type FileTree } from '../file-tree.ts';
import { given } from '../given.ts';
import { wholeLines } from '../lines.ts';
import { Tally, toMeasurements, type Field, type Parsed } from '../parsed.ts';
import { invalidSource } from '../source-text.ts';
import { readValue } from '../value.ts';

const TOOL = 'kfd-topology';

/** A link of a node. */
export interface KfdLink {
  readonly to: number;
  readonly kind: 'xgmi' | 'pcie' | 'other';
  /** 13 inside one package, 15 one xGMI hop, 20 to the CPU. */
  readonly weight: number;
}

/** One node of the KFD topology: a CPU, a GPU, or one partition of a GPU. */
export interface KfdNode {
  readonly node: number;
  readonly isGpu: boolean;
  /** `simd_count / simd_per_cu`. */
  readonly computeUnits?: number;
  /** PCI ids as four hex digits. */
  readonly vendorId?: string;
  readonly deviceId?: string;
  readonly pciBusId?: string;
  /** `gfx942` for target version 90402. */
  readonly graphicsTarget?: string;
  /** Shared by all partitions of one package; absent when the guest shows zero. */
  readonly uniqueId?: string;
  readonly hiveId?: string;
  readonly memoryBytes: readonly number[];
  readonly links: readonly KfdLink[];
}

/** What `/sys/class/kfd/kfd/topology` says. */
export interface KfdTopology {
  readonly nodes: readonly KfdNode[];
  /** Distinct packages among the GPU nodes; undefined when no GPU shows its unique id. */
  readonly packages?: number;
}

/** Parses a captured topology tree. @throws VENDOR_OUTPUT_INVALID with place; VENDOR_OUTPUT_LIMIT */
export function parseKfdTopology(bytes: Uint8Array): Parsed<KfdTopology> {
  return readKfdTopology(parseFileTree(TOOL, bytes));
}

/** Types the files below `topology/`, live or captured; paths may start anywhere above `nodes/`. @throws VENDOR_OUTPUT_INVALID */
export function readKfdTopology(files: FileTree): Parsed<KfdTopology> {
  const tally = new Tally(TOOL);
  const parts = new Map<number, NodeParts>();
  const measured: { readonly item: string; readonly field: Field }[] = [];
  for (const [path, text] of files) {
    const match = /(?:^|\/)nodes\/(\d{1,5})\/(.+)$/.exec(path);
    const node = match === null ? undefined : nodeParts(parts, Number(match[1]));
    const fields = readFile(path, text, tally);
    for (const field of fields) measured.push({ item: match === null ? 'topology' : `node${match[1] ?? ''}`, field });
    if (node !== undefined && match?.[2] !== undefined) fileInto(node, match[2], fields);
  }
  if (parts.size === 0) throw invalidSource(TOOL, 'no "nodes/<n>/" file', { path: '/' });
  const nodes = [...parts].toSorted(([left], [right]) => left - right).map(([node, part]) => toNode(node, part));
  const ids = new Set(nodes.flatMap((node) => (node.isGpu && node.uniqueId !== undefined ? [node.uniqueId] : [])));
  const measurements = measured.flatMap(({ item, field }) =>
    toMeasurements([field], { subtype: 'amd', item, source: '/sys/class/kfd/kfd' }),
  );
  return tally.finish({ nodes, ...given({ packages: ids.size === 0 ? undefined : ids.size }) }, measurements);
}

/** Parses one `mem_banks/<n>/properties` file. @throws VENDOR_OUTPUT_INVALID with line; VENDOR_OUTPUT_LIMIT */
export function parseKfdMemoryBank(bytes: Uint8Array): Parsed<{ readonly sizeBytes?: number; readonly fields: readonly Field[] }> {
  const tally = new Tally('kfd-membank');
  const fields = wholeLines(tally, bytes).flatMap((line): Field[] => {
    const [property] = propertyLines(line.text);
    if (property === undefined) {
      if (line.text.trim() !== '') tally.unread(`line ${line.number}`);
      return [];
    }
    tally.typed();
    return [{ key: property.name, path: `line ${line.number}`, ...readValue('count', property.value) }];
  });
  const size = fields.find((field) => field.key === 'size_in_bytes')?.reading;
  if (!fields.some((field) => field.key === 'heap_type' || field.key === 'size_in_bytes'))
    throw invalidSource('kfd-membank', 'neither heap_type nor size_in_bytes', { line: 1 });
  for (const name of ['heap_type', 'size_in_bytes', 'flags', 'width', 'mem_clk_max'])
    if (!fields.some((field) => field.key === name)) tally.partial(`no ${name}`);
  const sizeBytes = size?.state === 'read' && typeof size.value === 'number' ? size.value : undefined;
  return tally.finish({ ...given({ sizeBytes }), fields }, toMeasurements(fields, { subtype: 'amd', source: 'mem_banks/properties' }));
}

interface NodeParts {
  readonly properties: Map<string, string>;
  readonly memory: Map<string, string>;
  readonly links: Map<string, Map<string, string>>;
}

function nodeParts(parts: Map<number, NodeParts>, node: number): NodeParts {
  const part = parts.get(node) ?? { properties: new Map(), memory: new Map(), links: new Map() };
  parts.set(node, part);
  return part;
}

/** A file is either `name value` lines or one value. */
function readFile(path: string, text: string, tally: Tally): Field[] {
  const trimmed = text.trim();
  const properties = propertyLines(trimmed);
  const lines = trimmed === '' ? [] : trimmed.split('\n');
  if (lines.length > 0 && properties.length === lines.length) {
    tally.typed(properties.length);
    return properties.map(({ name, value }) => ({
      key: name,
      path: `${path} ${name}`,
      ...readValue(name === 'unique_id' ? 'identity' : /^-?\d+$/.test(value) ? 'number' : 'text', value),
    }));
  }
  if (lines.length > 1) {
    tally.unread(path);
    tally.partial(`${path} has lines that are no "name value" pairs`);
    return [];
  }
  tally.typed();
  return [{ key: path.split('/').at(-1) ?? path, path, ...readValue(/^-?\d+$/.test(trimmed) ? 'number' : 'text', trimmed) }];
}

function fileInto(part: NodeParts, below: string, fields: readonly Field[]): void {
  const values = new Map(fields.flatMap(({ key, reading }) => (reading.state === 'read' ? [[key, String(reading.value)] as const] : [])));
  const link = /^(?:io|p2p)_links\/\d+\/properties$/.exec(below)?.[0];
  if (below === 'properties') for (const [key, value] of values) part.properties.set(key, value);
  else if (/^mem_banks\/\d+\/properties$/.test(below)) part.memory.set(below, values.get('size_in_bytes') ?? '');
  else if (link !== undefined) part.links.set(link, values);
}

function toNode(node: number, { properties, memory, links }: NodeParts): KfdNode {
  const simds = Number(properties.get('simd_count') ?? 0);
  const perCu = Number(properties.get('simd_per_cu') ?? 0);
  const location = Number(properties.get('location_id') ?? 0);
  const isGpu = simds > 0;
  const unique = properties.get('unique_id');
  return {
    node,
    isGpu,
    ...given({
      computeUnits: isGpu && perCu > 0 ? simds / perCu : undefined,
      vendorId: isGpu ? hex4(properties.get('vendor_id')) : undefined,
      deviceId: isGpu ? hex4(properties.get('device_id')) : undefined,
      pciBusId: isGpu && properties.has('location_id') ? addressOf(Number(properties.get('domain') ?? 0), location) : undefined,
      graphicsTarget: isGpu ? graphicsTarget(Number(properties.get('gfx_target_version') ?? 0)) : undefined,
      uniqueId: unique,
      hiveId: properties.get('hive_id') === '0' ? undefined : properties.get('hive_id'),
    }),
    memoryBytes: [...memory.values()].flatMap((size) => (size === '' ? [] : [Number(size)])),
    links: [...links.values()].map((link) => ({
      to: Number(link.get('node_to')),
      kind: linkKind(link.get('type')),
      weight: Number(link.get('weight')),
    })),
  };
}

/** @source Linux kernel, `include/uapi/linux/kfd_sysfs.h`: io link types */
function linkKind(type: string | undefined): KfdLink['kind'] {
  return type === '11' ? 'xgmi' : type === '2' ? 'pcie' : 'other';
}

function hex4(decimal: string | undefined): string | undefined {
  return decimal === undefined ? undefined : Number(decimal).toString(16).padStart(4, '0');
}

/** `location_id` packs bus, device and function as PCI does. */
function addressOf(domain: number, location: number): string {
  const hex = (value: number, width: number): string => value.toString(16).padStart(width, '0');
  return `${hex(domain, 4)}:${hex((location >> 8) & 0xff, 2)}:${hex((location >> 3) & 0x1f, 2)}.${location & 7}`;
}

/** 90402 is gfx942, 90010 is gfx90a: major and minor decimal, stepping hexadecimal. */
function graphicsTarget(version: number): string | undefined {
  if (version === 0) return undefined;
  return `gfx${Math.floor(version / 10_000)}${Math.floor(version / 100) % 100}${(version % 100).toString(16)}`;
}
