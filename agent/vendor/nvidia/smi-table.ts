import { given } from '../given.ts';
import { wholeLines } from '../lines.ts';
import { Tally, toMeasurements, type Field, type Parsed } from '../parsed.ts';
import { pciAddress } from '../pci-address.ts';
import { invalidSource, type SourceLine } from '../source-text.ts';
import { readValue, type Kind } from '../value.ts';

const TOOL = 'nvidia-smi-table';

/** One GPU of the summary table. Names are cut off by the tool; take identity and health from `-q -x`. */
export interface TableGpu {
  readonly index: number;
  readonly pciBusId: string | undefined;
  readonly fields: readonly Field[];
}

/** What `nvidia-smi` without arguments prints. */
export interface NvidiaSmiTable {
  readonly smiVersion?: string;
  readonly driverVersion?: string;
  readonly cudaVersion?: string;
  readonly gpus: readonly TableGpu[];
}

/** The three lines of a GPU: one expression each, its groups named by the rows below. */
const FIRST =
  /^\|\s+(\d{1,4})\s+(\S.{0,60}?)\s+(On|Off|N\/A)\s*\|\s*([0-9A-Fa-f]{4,8}:[0-9A-Fa-f:.]{5,12})\s+(On|Off|N\/A)\s*\|\s*(\S{1,12}(?: \S{1,12})?)\s*\|$/;
const SECOND =
  /^\|\s*(\S{1,10}%?)\s+(\S{1,8})\s+(P\d{1,2}|\S{1,8})\s+(\S{1,10}) *\/ *(\S{1,10})\s*\|\s*(\S{1,12}) *\/ *(\S{1,12})\s*\|\s*(\S{1,8})\s+(\S.{0,20}?)\s*\|$/;
const THIRD = /^\|\s+\|\s+\|\s+(\S{1,12})\s*\|$/;
const VERSIONS = /NVIDIA-SMI (\S{1,20})\s+(?:Driver Version: (\S{1,20}))(?:\s+CUDA Version: (\S{1,20}))?/;

const FIRST_FIELDS: readonly (readonly [group: number, key: string, kind: Kind])[] = [
  [2, 'name', 'text'],
  [3, 'persistence_mode', 'flag'],
  [4, 'pci.bus_id', 'text'],
  [5, 'display_active', 'flag'],
  [6, 'ecc.errors.uncorrected.volatile.total', 'count'],
];
const SECOND_FIELDS: readonly (readonly [group: number, key: string, kind: Kind])[] = [
  [1, 'fan.speed', '%'],
  [2, 'temperature.gpu', 'Cel'],
  [3, 'pstate', 'text'],
  [4, 'power.draw', 'W'],
  [5, 'enforced.power.limit', 'W'],
  [6, 'memory.used', 'MiB'],
  [7, 'memory.total', 'MiB'],
  [8, 'utilization.gpu', '%'],
  [9, 'compute_mode', 'text'],
];
const THIRD_FIELDS: readonly (readonly [group: number, key: string, kind: Kind])[] = [[1, 'mig.mode.current', 'flag']];

/**
 * Parses the summary table of `nvidia-smi`. It is a view for people: cells are cut off and `ERR!` stands for any fault.
 * @throws VENDOR_OUTPUT_INVALID with line; VENDOR_OUTPUT_LIMIT
 */
export function parseNvidiaSmiTable(bytes: Uint8Array): Parsed<NvidiaSmiTable> {
  const tally = new Tally(TOOL);
  const lines = wholeLines(tally, bytes, (text) => /^\+[-=+]{40,}\+$/.test(text));
  const head = lines.find((line) => VERSIONS.test(line.text));
  if (head === undefined) throw invalidSource(TOOL, 'no "NVIDIA-SMI … Driver Version" line', { line: 1 });
  const [, smiVersion, driverVersion, cudaVersion] = VERSIONS.exec(head.text) ?? [];
  tally.typed(cudaVersion === undefined ? 2 : 3);
  const processes = lines.findIndex((line) => /^\|\s+Processes:/.test(line.text));
  const body = lines.slice(lines.indexOf(head) + 1, processes < 0 ? undefined : processes);
  const gpus = readGpus(body, tally);
  if (processes < 0 && !/^\+[-=+]{40,}\+$/.test(lines.at(-1)?.text.trim() ?? '')) tally.partial('the table does not end with its border');
  const value = { ...given({ smiVersion, driverVersion, cudaVersion }), gpus };
  return tally.finish(
    value,
    gpus.flatMap((gpu) => toMeasurements(gpu.fields, { subtype: 'nvidia', item: gpu.pciBusId ?? `gpu${gpu.index}`, source: 'nvidia-smi' })),
  );
}

function readGpus(lines: readonly SourceLine[], tally: Tally): TableGpu[] {
  const gpus: (TableGpu & { readonly fields: Field[] })[] = [];
  for (const line of lines) {
    const text = line.text.trimEnd();
    const first = FIRST.exec(text);
    const second = first === null ? SECOND.exec(text) : null;
    const third = first === null && second === null ? THIRD.exec(text) : null;
    const gpu = gpus.at(-1);
    if (first !== null)
      gpus.push({ index: Number(first[1]), pciBusId: pciAddress(first[4] ?? ''), fields: fieldsOf(first, FIRST_FIELDS, line) });
    else if (second !== null && gpu !== undefined) gpu.fields.push(...fieldsOf(second, SECOND_FIELDS, line));
    else if (third !== null && gpu !== undefined) gpu.fields.push(...fieldsOf(third, THIRD_FIELDS, line));
    else if (gpu !== undefined && /[A-Za-z0-9]/.test(text) && !/No running processes/.test(text)) tally.unread(`line ${line.number}`);
  }
  tally.typed(gpus.reduce((sum, gpu) => sum + gpu.fields.length + 1, 0));
  return gpus;
}

function fieldsOf(match: RegExpExecArray, rules: typeof FIRST_FIELDS, line: SourceLine): Field[] {
  return rules.map(([group, key, kind]) => {
    const text = (match[group] ?? '').replace(/^(\d+)(MiB|W|C)$/, '$1 $2');
    return { key, path: `line ${line.number}`, ...readValue(kind, text) };
  });
}
