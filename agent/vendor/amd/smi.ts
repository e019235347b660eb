import type { Measurement } from '#core/snapshot/measurement.ts';
import { holdsJson, parseJson } from '../json-source.ts';
import { Tally, toMeasurements, type Parsed } from '../parsed.ts';
import { decodeSource, invalidSource, sourceLines } from '../source-text.ts';
import { keyPart, type AmdDevice, type AmdGpu } from './smi-device.ts';
import { readAmdJson } from './smi-json.ts';
import type { AmdTable } from './smi-table.ts';
import { readAmdText } from './smi-text.ts';

/** What one amd-smi command says. */
export interface AmdSmi {
  readonly gpus: readonly AmdGpu[];
  readonly tables: readonly AmdTable[];
}

/**
 * Parses the JSON or text form of `amd-smi static | metric | list | partition | xgmi | topology | monitor`, ROCm 6 and 7.
 * @param tool name of the catalog, for messages
 * @throws VENDOR_OUTPUT_INVALID with line and column; VENDOR_OUTPUT_LIMIT
 */
export function parseAmdSmi(tool: string, bytes: Uint8Array): Parsed<AmdSmi> {
  const source = decodeSource(tool, bytes);
  const tally = new Tally(tool);
  let devices: readonly AmdDevice[];
  let tables: readonly AmdTable[] = [];
  if (holdsJson(source)) {
    const json = parseJson(source);
    devices = readAmdJson(json.value, tally);
    for (const line of json.preamble) tally.partial(`before the document: ${line.slice(0, 200)}`);
  } else {
    const lines = sourceLines(source);
    const complete = source.closed ? lines : lines.slice(0, -1);
    if (!source.closed) {
      tally.unread(`line ${lines.length}`);
      tally.partial(`line ${lines.length} has no line break: the output was cut there`);
    }
    ({ devices, tables } = readAmdText(tool, complete, tally));
  }
  if (!tally.hasTyped) throw invalidSource(tool, `no GPU and no table: "${source.text.trim().slice(0, 80)}"`, { line: 1, column: 1 });
  const measurements = [
    ...devices.flatMap((device) => toMeasurements(device.list, { subtype: 'amd', item: device.item, source: 'amd-smi:' })),
    ...tables.flatMap(measureTable),
  ];
  return tally.finish({ gpus: devices.filter((device) => device.kind === 'gpu').map((device) => device.toGpu()), tables }, measurements);
}

/** Cells as measurements of the device that their row names. */
function measureTable(table: AmdTable): Measurement[] {
  const title = table.title === '' ? 'monitor' : keyPart(table.title);
  let device = '';
  return table.rows.flatMap((row) => {
    if (/^GPU\d+$/.test(row.label)) device = row.label.toLowerCase();
    const item =
      row.label === ''
        ? `row ${row.line}`
        : /^(?:Read|Write)$/.test(row.label)
          ? `${device} ${row.label.toLowerCase()}`
          : row.label.toLowerCase();
    const fields = row.cells.map(({ column, ...value }) => ({ key: `${title}.${column}`, path: `line ${row.line}`, ...value }));
    return toMeasurements(fields, { subtype: 'amd', item, source: 'amd-smi:' });
  });
}
