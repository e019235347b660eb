import { given } from '../given.ts';
import { wholeLines } from '../lines.ts';
import { Tally, toMeasurements, type Field, type Parsed } from '../parsed.ts';
import { pciAddress } from '../pci-address.ts';
import { invalidSource, type SourceLine } from '../source-text.ts';
import { readValue, type Kind } from '../value.ts';

const TOOL = 'nvidia-smi-table';

/** A MIG device of the table: two lines, the second with its BAR1 memory. */
const MIG_FIRST =
  /^\|\s*(\d{1,4})\s+(\d{1,4})\s+(\d{1,4})\s+(\d{1,4})\s*\|\s*(\d{1,9}MiB) *\/ *(\d{1,9}MiB)\s*\|\s*(\d{1,4})\s+(\S{1,8})\s*\|\s*(\d{1,4})\s+(\d{1,4})\s+(\d{1,4})\s+(\d{1,4})\s+(\d{1,4})\s*\|$/;
const MIG_SECOND = /^\|\s+\|\s*(\d{1,9}MiB) *\/ *(\d{1,9}MiB)\s*\|\s+\|\s+\|$/;

/** One GPU of the summary table. Names are cut off by the tool; take identity and health from `-q -x`. */
export interface TableGpu {
  readonly index: number;
  readonly pciBusId: string | undefined;
  readonly fields: readonly Field[];
  /** Facts of each MIG device, keys as in `-q`. */
  readonly migDevices: readonly (readonly Field[])[];
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
  /^\|\s+(\d{1,4})\s+([^\s|][^|]{0,60}?)\s+(On|Off|N\/A)\s*\|\s*([0-9A-Fa-f]{4,8}:[0-9A-Fa-f:.]{5,12})\s+(On|Off|N\/A)\s*\|\s*([^\s|]{1,12}(?: [^\s|]{1,12})?)\s*\|$/;
const SECOND =
  /^\|\s*([^\s|]{1,10}%?)\s+([^\s|]{1,8})\s+(P\d{1,2}|[^\s|]{1,8})\s+([^\s|]{1,10}) *\/ *([^\s|]{1,10})\s*\|\s*([^\s|]{1,12}) *\/ *([^\s|]{1,12})\s*\|\s*([^\s|]{1,8})\s+([^\s|][^|]{0,20}?)\s*\|$/;
const THIRD = /^\|\s+\|\s+\|\s+([^\s|]{1,12})\s*\|$/;
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
const MIG_FIRST_FIELDS: typeof FIRST_FIELDS = [
  [4, 'mig.index', 'count'],
  [2, 'mig.gpu_instance_id', 'count'],
  [3, 'mig.compute_instance_id', 'count'],
  [5, 'mig.fb_memory_usage.used', 'MiB'],
  [6, 'mig.fb_memory_usage.total', 'MiB'],
  [7, 'mig.device_attributes.shared.multiprocessor_count', 'count'],
  [8, 'mig.ecc_error_count.volatile_count.sram_uncorrectable', 'count'],
  [9, 'mig.device_attributes.shared.copy_engine_count', 'count'],
  [10, 'mig.device_attributes.shared.encoder_count', 'count'],
  [11, 'mig.device_attributes.shared.decoder_count', 'count'],
  [12, 'mig.device_attributes.shared.ofa_count', 'count'],
  [13, 'mig.device_attributes.shared.jpg_count', 'count'],
];
const MIG_SECOND_FIELDS: typeof FIRST_FIELDS = [
  [1, 'mig.bar1_memory_usage.used', 'MiB'],
  [2, 'mig.bar1_memory_usage.total', 'MiB'],
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
    gpus.flatMap((gpu) => {
      const item = gpu.pciBusId ?? `gpu${gpu.index}`;
      const migs = gpu.migDevices.flatMap((fields, index) =>
        toMeasurements(fields, { subtype: 'nvidia', item: `${item}/mig${index}`, source: 'nvidia-smi' }),
      );
      return [...toMeasurements(gpu.fields, { subtype: 'nvidia', item, source: 'nvidia-smi' }), ...migs];
    }),
  );
}

type OpenGpu = Omit<TableGpu, 'fields' | 'migDevices'> & { readonly fields: Field[]; readonly migDevices: Field[][] };

function readGpus(lines: readonly SourceLine[], tally: Tally): TableGpu[] {
  const gpus: OpenGpu[] = [];
  for (const line of lines) {
    const text = line.text.trimEnd();
    const first = FIRST.exec(text);
    if (first !== null)
      gpus.push({
        index: Number(first[1]),
        pciBusId: pciAddress(first[4] ?? ''),
        fields: fieldsOf(first, FIRST_FIELDS, line),
        migDevices: [],
      });
    else if (!readMigLine(gpus, line) && !readLaterLine(gpus.at(-1), line) && gpus.length > 0 && isContent(text))
      tally.unread(`line ${line.number}`);
  }
  for (const gpu of gpus) tally.typed(1 + gpu.fields.length + gpu.migDevices.flat().length);
  return gpus;
}

function readLaterLine(gpu: OpenGpu | undefined, line: SourceLine): boolean {
  const text = line.text.trimEnd();
  const second = SECOND.exec(text);
  const third = second === null ? THIRD.exec(text) : null;
  if (second !== null) gpu?.fields.push(...fieldsOf(second, SECOND_FIELDS, line));
  else if (third !== null) gpu?.fields.push(...fieldsOf(third, THIRD_FIELDS, line));
  return gpu !== undefined && (second !== null || third !== null);
}

function readMigLine(gpus: readonly OpenGpu[], line: SourceLine): boolean {
  const text = line.text.trimEnd();
  const first = MIG_FIRST.exec(text);
  const second = first === null ? MIG_SECOND.exec(text) : null;
  const owner = first === null ? gpus.findLast((gpu) => gpu.migDevices.length > 0) : gpus.find((gpu) => gpu.index === Number(first[1]));
  if (first !== null) owner?.migDevices.push(fieldsOf(first, MIG_FIRST_FIELDS, line));
  else if (second !== null) owner?.migDevices.at(-1)?.push(...fieldsOf(second, MIG_SECOND_FIELDS, line));
  return owner !== undefined && (first !== null || second !== null);
}

/** Lines of letters that are neither the heading of the MIG part nor a remark. */
function isContent(text: string): boolean {
  return /[A-Za-z0-9]/.test(text) && !/No running processes|No MIG devices|MIG devices:|GPU\s+GI\s+CI|ID\s+ID\s+Dev|\|\s+ECC\|/.test(text);
}

function fieldsOf(match: RegExpExecArray, rules: typeof FIRST_FIELDS, line: SourceLine): Field[] {
  return rules.map(([group, key, kind]) => {
    const text = (match[group] ?? '').replace(/^(\d+)(MiB|W|C)$/, '$1 $2');
    const path = `line ${line.number}`;
    // While MIG is on, the column of the count says whether ECC is on.
    if (kind === 'count' && /^(?:On|Off)$/.test(text))
      return { key, path, reading: { state: 'unsupported', reason: `the tool printed "${text}" in place of a count` } };
    return { key, path, ...readValue(kind, text) };
  });
}
