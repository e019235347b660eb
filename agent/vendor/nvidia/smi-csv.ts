import type { Reading } from '#core/snapshot/measurement.ts';
import { parseCsv, type CsvRow } from '../csv.ts';
import { Tally, textOf, toMeasurements, type Field, type Parsed } from '../parsed.ts';
import { pciAddress } from '../pci-address.ts';
import { resolveShape, type Resolved } from '../shape.ts';
import { invalidSource } from '../source-text.ts';
import { readValue, unitOf, type Kind, type TypedValue } from '../value.ts';
import { SMI_KINDS } from './smi-fields.ts';
import { WITHHELD_NAME } from './smi-process.ts';
import { GPU_SHAPE } from './smi-gpu.ts';

const TOOL = 'nvidia-smi-csv';
const MISSING: Reading = { state: 'absent', reason: 'no such column' };

/** One row of a query: a GPU, a process, a retired page. */
export interface SmiCsvRow {
  readonly line: number;
  /** `dddd:bb:dd.f`, or undefined when the query did not ask for it. */
  readonly pciBusId: string | undefined;
  readonly fields: readonly Field[];
}

/** What one `nvidia-smi --query-…=… --format=csv` call says. */
export interface NvidiaSmiCsv {
  readonly rows: readonly SmiCsvRow[];
  /** The rows as GPUs, for queries about GPUs; facts without column are `absent`. */
  readonly gpus: readonly (Resolved<typeof GPU_SHAPE> & { readonly pciBusId: string | undefined })[];
}

/** Columns that are no fact of a GPU in `-q`; the rest is looked up in the GPU field table. */
const OTHER_KINDS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['timestamp', 'text'],
  ['driver_version', 'text'],
  ['count', 'count'],
  ['index', 'count'],
  ['hostname', 'identity'],
  ['pid', 'count'],
  ['process_name', 'text'],
  ['used_gpu_memory', 'MiB'],
  ['used_memory', 'MiB'],
  ['gpu_instance_id', 'count'],
  ['compute_instance_id', 'count'],
  ['gpu_utilization', '%'],
  ['mem_utilization', '%'],
  ['max_memory_usage', 'MiB'],
  ['time', 'ms'],
  ['vgpu_instance', 'text'],
  ['retired_pages.address', 'hex'],
  ['retired_pages.timestamp', 'text'],
  ['retired_pages.cause', 'text'],
  ['graphics', 'MHz'],
  ['memory', 'MHz'],
]);

/** Column families: the first prefix that fits gives the kind. */
const KIND_BY_PREFIX: readonly (readonly [prefix: string, kind: Kind])[] = [
  ['ecc.errors.', 'count'],
  ['power_smoothing.', 'any'],
  ['vgpu_driver_capability.', 'any'],
  ['vgpu_device_capability.', 'any'],
  ['inforom.', 'text'],
  ['clocks_event_reasons.', 'flag'],
  ['clocks_event_reasons_counters.', 'us'],
];

/** Names under which older releases or other queries print a column. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['gpu_name', 'name'],
  ['gpu_uuid', 'uuid'],
  ['gpu_serial', 'serial'],
  ['gpu_bus_id', 'pci.bus_id'],
  ['pci.baseclass', 'pci.base_class'],
  ['pci.subclass', 'pci.sub_class'],
  ['clocks.gr', 'clocks.current.graphics'],
  ['clocks.sm', 'clocks.current.sm'],
  ['clocks.mem', 'clocks.current.memory'],
  ['clocks.video', 'clocks.current.video'],
  ['clocks.max.gr', 'clocks.max.graphics'],
  ['clocks.max.mem', 'clocks.max.memory'],
  ['clocks.applications.gr', 'clocks.applications.graphics'],
  ['clocks.applications.mem', 'clocks.applications.memory'],
  ['clocks.default_applications.gr', 'clocks.default_applications.graphics'],
  ['clocks.default_applications.mem', 'clocks.default_applications.memory'],
  ['retired_pages.sbe', 'retired_pages.single_bit_ecc.count'],
  ['retired_pages.dbe', 'retired_pages.double_bit.count'],
]);

const LOWER_KEYS: ReadonlyMap<string, string> = new Map(Array.from(SMI_KINDS.keys(), (key) => [key.toLowerCase(), key]));
const INVENTED: Reading = { state: 'unsupported', reason: 'this form prints made-up platform defaults; only `-q -x` has the real values' };

interface Column {
  readonly name: string;
  readonly key: string;
  readonly kind: Kind | undefined;
  readonly unit: string | undefined;
}

/**
 * Parses `nvidia-smi --query-gpu`, `--query-compute-apps`, `--query-remapped-rows`, `--query-retired-pages` with `--format=csv`,
 * with units or `nounits`. Columns are found by their header name, never by position.
 * @throws VENDOR_OUTPUT_INVALID with line; VENDOR_OUTPUT_LIMIT
 */
export function parseNvidiaSmiCsv(bytes: Uint8Array): Parsed<NvidiaSmiCsv> {
  const table = parseCsv(TOOL, bytes, { separator: 'comma-blank' });
  const columns = table.header.map(readColumn);
  const known = columns.filter((column) => column.kind !== undefined).length;
  if (known === 0) throw invalidSource(TOOL, `no known column in the header "${table.header.join(', ').slice(0, 80)}"`, { line: 1 });
  if (table.openLine === 1) throw invalidSource(TOOL, 'the header line has no line break: the output was cut there', { line: 1 });
  const tally = new Tally(TOOL);
  if (table.openLine !== undefined) tally.partial(`line ${table.openLine} has no line break: its last cell may be cut`);
  const rows = table.rows.map((row) => readRow(row, columns, { tally, open: row.line === table.openLine }));
  const measurements = rows.flatMap((row, index) =>
    toMeasurements(row.fields, { subtype: 'nvidia', item: itemOf(row, index), source: 'nvidia-smi --format=csv:' }),
  );
  return tally.finish({ rows, gpus: columns.some((column) => column.key === 'pid') ? [] : rows.map(toCsvGpu) }, measurements);
}

function readColumn(header: string): Column {
  const match = /^([\w.]+)(?: \[([^\]]+)\])?$/.exec(header);
  const printed = match?.[1] ?? header;
  const renamed = printed.toLowerCase().replace(/^clocks_throttle_reasons/, 'clocks_event_reasons');
  const name = ALIASES.get(renamed) ?? renamed;
  const key = LOWER_KEYS.get(name) ?? (name === renamed ? printed : name);
  const kind = SMI_KINDS.get(key) ?? OTHER_KINDS.get(name) ?? KIND_BY_PREFIX.find(([prefix]) => name.startsWith(prefix.toLowerCase()))?.[1];
  return { name: printed, key, kind, unit: match?.[2] };
}

function readRow(row: CsvRow, columns: readonly Column[], context: { readonly tally: Tally; readonly open: boolean }): SmiCsvRow {
  const fields: Field[] = [];
  for (const [index, column] of columns.entries()) {
    const source = `line ${row.line}: ${column.name}`;
    const isCut = context.open && index === columns.length - 1;
    if (column.kind === undefined || isCut) context.tally.unread(source);
    else {
      context.tally.typed();
      fields.push({ key: column.key, path: source, ...readCell(column, column.kind, row.cells[index] ?? '') });
    }
  }
  const busId = fields.find((field) => field.key === 'pci.bus_id');
  return { line: row.line, pciBusId: busId === undefined ? undefined : pciAddress(textOf(busId) ?? ''), fields };
}

function readCell(column: Column, kind: Kind, cell: string): TypedValue {
  if (column.key.startsWith('platform.')) return { reading: INVENTED };
  if (column.key === 'process_name') return { reading: WITHHELD_NAME };
  const value = readValue(kind, cell);
  const unit = column.unit === undefined ? undefined : unitOf(column.unit);
  if (unit === undefined || value.unit === undefined || value.unit === unit)
    return unit === undefined || value.reading.state !== 'read' ? value : { ...value, unit };
  return { reading: { state: 'unreadable', reason: `the column is in ${column.unit}, the cell in ${value.unit}` } };
}

function toCsvGpu(row: SmiCsvRow): NvidiaSmiCsv['gpus'][number] {
  const fields = new Map(row.fields.map((field) => [field.key, field]));
  return { ...resolveShape(GPU_SHAPE, fields, MISSING), pciBusId: row.pciBusId };
}

/** Rows about a GPU are called by its address, rows below a GPU by address and process id or row number. */
function itemOf(row: SmiCsvRow, index: number): string {
  const pid = row.fields.find((field) => field.key === 'pid')?.reading;
  const isPart = row.fields.some((field) => field.key === 'retired_pages.cause');
  const device = row.pciBusId ?? `row[${index}]`;
  if (pid?.state === 'read') return `${device}/pid${pid.value}`;
  return isPart ? `${device}/row${index}` : device;
}
