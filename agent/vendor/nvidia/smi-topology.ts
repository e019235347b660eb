import { given } from '../given.ts';
import { isIdle, wholeLines } from '../lines.ts';
import { Tally, toMeasurements, type Field, type Parsed } from '../parsed.ts';
import { invalidSource, type SourceLine } from '../source-text.ts';
import { readValue } from '../value.ts';

const TOOL = 'nvidia-smi-topo';
const CONNECTION = /^(?:X|SYS|NODE|PHB|PXB|PIX|SOC|PSB|N\/A|NV(\d{1,3}))$/;

const LAST_LEGEND = /^NV# += Connection traversing a bonded set of # NVLinks$/;
const LEGEND = /^(?:NIC )?Legend:$|^[A-Z][A-Z#]{0,4} +=/;

/** How two devices of a node are connected. */
export interface TopologyPair {
  readonly from: string;
  readonly to: string;
  /** `NV18`, `PIX`, `PXB`, `PHB`, `NODE`, `SYS`; `X` is the device itself. */
  readonly connection: string;
  /** Bonded NVLinks of an `NV` connection. */
  readonly links?: number;
}

/** What `nvidia-smi topo -m` says. */
export interface NvidiaTopology {
  readonly devices: readonly string[];
  readonly pairs: readonly TopologyPair[];
  readonly affinities: readonly { readonly device: string; readonly fields: readonly Field[] }[];
  /** RDMA device behind each `NIC<n>`. */
  readonly nics: Readonly<Record<string, string>>;
}

/**
 * Parses the matrix of `nvidia-smi topo -m`, tab-separated or pasted with blanks; terminal escapes are removed.
 * @throws VENDOR_OUTPUT_INVALID with line; VENDOR_OUTPUT_LIMIT
 */
export function parseNvidiaTopology(bytes: Uint8Array): Parsed<NvidiaTopology> {
  const tally = new Tally(TOOL);
  const lines = wholeLines(tally, bytes, (text) => LAST_LEGEND.test(text)).filter((line) => !isIdle(line.text));
  const [header, ...body] = lines;
  const columns = header === undefined ? [] : splitCells(header.text);
  if (header === undefined || !columns.some((column) => /^GPU\d+$/.test(column)))
    throw invalidSource(TOOL, `no matrix header: "${header?.text.trim().slice(0, 80) ?? ''}"`, { line: header?.number ?? 1 });
  const names = columns.filter((column) => column !== '');
  const devices = names.filter((name) => !/Affinity|NUMA ID/i.test(name));
  const context: Context = { tally, devices, affinityColumns: names.filter((name) => /Affinity|NUMA ID/i.test(name)) };
  tally.typed(names.length);
  const result = {
    devices,
    pairs: [] as TopologyPair[],
    affinities: [] as { device: string; fields: readonly Field[] }[],
    nics: {} as Record<string, string>,
  };
  for (const line of body) readLine(line, context, result);
  for (const device of devices) if (!result.pairs.some((pair) => pair.from === device)) tally.partial(`no row for ${device}`);
  if (result.pairs.length === 0) throw invalidSource(TOOL, 'the matrix has no rows', { line: header.number + 1 });
  return tally.finish(result, [
    ...result.pairs.flatMap(({ from, to, connection }) =>
      toMeasurements([{ key: `topology.${to}`, path: `row ${from}`, reading: { state: 'read', value: connection } }], {
        subtype: 'nvidia',
        item: from,
        source: 'nvidia-smi topo -m',
      }),
    ),
    ...result.affinities.flatMap(({ device, fields }) =>
      toMeasurements(fields, { subtype: 'nvidia', item: device, source: 'nvidia-smi topo -m' }),
    ),
  ]);
}

interface Context {
  readonly tally: Tally;
  readonly devices: readonly string[];
  readonly affinityColumns: readonly string[];
}

interface Result {
  readonly pairs: TopologyPair[];
  readonly affinities: { device: string; fields: readonly Field[] }[];
  readonly nics: Record<string, string>;
}

function readLine(line: SourceLine, context: Context, result: Result): void {
  const { tally, devices } = context;
  const text = line.text.trim();
  const nic = /^(NIC\d{1,3}): (\S{1,64})$/.exec(text);
  const [label = '', ...cells] = splitCells(line.text);
  if (nic?.[1] !== undefined && nic[2] !== undefined) {
    tally.typed();
    result.nics[nic[1]] = nic[2];
  } else if (devices.includes(label.trim())) readRow(line, { from: label.trim(), cells }, { ...context, result });
  else if (!LEGEND.test(text)) tally.unread(`line ${line.number}: ${text.slice(0, 40)}`);
}

function readRow(
  line: SourceLine,
  row: { readonly from: string; readonly cells: readonly string[] },
  context: Context & { readonly result: Result },
): void {
  const { tally, devices, result } = context;
  if (row.cells.length < devices.length) {
    tally.unread(`line ${line.number}: ${row.from}`);
    tally.partial(`line ${line.number}: ${row.from} has ${row.cells.length} cells for ${devices.length} devices`);
    return;
  }
  tally.typed();
  for (const [index, to] of devices.entries()) {
    const connection = row.cells[index]?.trim() ?? '';
    const match = CONNECTION.exec(connection);
    if (match === null) tally.unread(`line ${line.number}: ${row.from} to ${to} is "${connection.slice(0, 20)}"`);
    else {
      tally.typed();
      result.pairs.push({ from: row.from, to, connection, ...given({ links: match[1] === undefined ? undefined : Number(match[1]) }) });
    }
  }
  const fields = readAffinity(line, row.cells.slice(devices.length), context);
  if (fields.length > 0) result.affinities.push({ device: row.from, fields });
}

/** The tool prints one empty cell too many before the last affinity column. */
function readAffinity(line: SourceLine, cells: readonly string[], { affinityColumns, tally }: Context): Field[] {
  const surplus = cells.length === affinityColumns.length + 1 && cells.at(-2)?.trim() === '' ? cells.length - 2 : -1;
  const values = cells.filter((_, index) => index !== surplus).slice(0, affinityColumns.length);
  if (values.every((value) => value.trim() === '')) return [];
  tally.typed(values.length);
  return affinityColumns.map((column, index) => ({
    key: `topology.${column.toLowerCase().replaceAll(' ', '_')}`,
    path: `line ${line.number}: ${column}`,
    ...readValue('text', values[index] ?? ''),
  }));
}

function splitCells(text: string): string[] {
  const cells = text.includes('\t') ? text.split('\t') : text.trimEnd().split(/ {2,}/);
  return cells.map((cell) => cell.trim());
}
