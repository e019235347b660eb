import { wholeLines } from '../lines.ts';
import { pciAddress } from '../pci-address.ts';
import { Tally, toMeasurements, type Field, type Parsed } from '../parsed.ts';
import { decodeSource, invalidSource, type SourceLine } from '../source-text.ts';
import { readValue, type Kind } from '../value.ts';
import { parseRocmSmi } from './rocm-smi.ts';
import { parseAmdSmi } from './smi.ts';

const TOOL = 'amd-smi-text';

/** The summary box that `amd-smi` prints without arguments since ROCm 7; for people, cut to its columns. */
export interface AmdSmiView {
  readonly versions: readonly Field[];
  readonly gpus: readonly { readonly pciBusId: string; readonly fields: readonly Field[] }[];
}

const FIRST =
  /^\|\s*([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])\s+(\S.{0,40}?)\s*\|\s*(\S{1,6}(?: %)?)\s+(\S{1,8}(?: \u00b0C)?)\s+(\S{1,12})\s+(\S{1,10})\/(\S{1,10}) W\s*\|$/i;
const SECOND =
  /^\|\s*(\d{1,4})\s+(\S{1,6})\s+(\S{1,6})\s+(\S{1,20})\s*\|\s*(\S{1,6}(?: %)?)\s+(\S{1,8}(?: %)?)\s+(\S{1,10})\/(\S{1,10}) MB\s*\|$/;
const FIRST_FIELDS: readonly (readonly [group: number, key: string, kind: Kind])[] = [
  [2, 'asic.market_name', 'text'],
  [3, 'usage.umc_activity', '%'],
  [4, 'temperature.hotspot', 'Cel'],
  [5, 'ecc.total_uncorrectable_count', 'count'],
  [6, 'power.socket_power', 'W'],
  [7, 'limit.socket_power', 'W'],
];
const SECOND_FIELDS: readonly (readonly [group: number, key: string, kind: Kind])[] = [
  [1, 'gpu', 'count'],
  [2, 'hip_id', 'count'],
  [3, 'asic.oam_id', 'count'],
  [4, 'partition.mode', 'text'],
  [5, 'usage.gfx_activity', '%'],
  [6, 'fan.usage', '%'],
  [7, 'mem_usage.used_vram', 'MB'],
  [8, 'mem_usage.total_vram', 'MB'],
];

/**
 * Parses any text that AMD's tools print for people: blocks and tables of amd-smi, its summary box, or rocm-smi's concise view.
 * @throws VENDOR_OUTPUT_INVALID with line; VENDOR_OUTPUT_LIMIT
 */
export function parseAmdSmiText(bytes: Uint8Array): Parsed<unknown> {
  const { text } = decodeSource(TOOL, bytes);
  if (/ROCm System Management Interface|^GPU\[\d+\]/m.test(text)) return { ...parseRocmSmi(bytes), tool: TOOL };
  return /^\| AMD-SMI /m.test(text) ? readBox(bytes) : parseAmdSmi(TOOL, bytes);
}

function readBox(bytes: Uint8Array): Parsed<AmdSmiView> {
  const tally = new Tally(TOOL);
  const lines = wholeLines(tally, bytes, (text) => /^\+-{40,}\+$/.test(text));
  const versions: Field[] = [];
  const gpus: { readonly pciBusId: string; readonly fields: Field[] }[] = [];
  const end = lines.findIndex((line) => /^\|\s*Processes:/.test(line.text));
  for (const line of lines.slice(0, end < 0 ? undefined : end)) readBoxLine(line, { versions, gpus, tally });
  if (gpus.length === 0) throw invalidSource(TOOL, 'the box lists no GPU', { line: 1 });
  return tally.finish({ versions, gpus }, [
    ...toMeasurements(versions, { subtype: 'amd', source: 'amd-smi' }),
    ...gpus.flatMap((gpu) => toMeasurements(gpu.fields, { subtype: 'amd', item: gpu.pciBusId, source: 'amd-smi' })),
  ]);
}

interface BoxState {
  readonly versions: Field[];
  readonly gpus: { readonly pciBusId: string; readonly fields: Field[] }[];
  readonly tally: Tally;
}

function readBoxLine(line: SourceLine, { versions, gpus, tally }: BoxState): void {
  const text = line.text.trimEnd();
  const first = FIRST.exec(text);
  const second = first === null ? SECOND.exec(text) : null;
  const head = /^\| AMD-SMI (\S{1,40})\s+amdgpu version: (\S{1,80})\s+ROCm version: (\S{1,20})/.exec(text);
  const platform = /^\| Platform: (\S.{0,60}?)\s*\|$/.exec(text)?.[1];
  if (first !== null) {
    gpus.push({ pciBusId: pciAddress(first[1] ?? '') ?? '', fields: fieldsOf(first, FIRST_FIELDS, line) });
    tally.typed(FIRST_FIELDS.length + 1);
  } else if (second !== null && gpus.length > 0) {
    gpus.at(-1)?.fields.push(...fieldsOf(second, SECOND_FIELDS, line));
    tally.typed(SECOND_FIELDS.length);
  } else if (head !== null) {
    versions.push(
      ...fieldsOf(
        head,
        [
          [1, 'version.amd_smi', 'text'],
          [2, 'driver.version', 'text'],
          [3, 'version.rocm', 'text'],
        ],
        line,
      ),
    );
    tally.typed(3);
  } else if (platform !== undefined) {
    versions.push({ key: 'platform', path: `line ${line.number}`, ...readValue('text', platform) });
    tally.typed();
  } else if (gpus.length > 0 && /[A-Za-z0-9]/.test(text)) tally.unread(`line ${line.number}`);
}

function fieldsOf(
  match: RegExpExecArray,
  rules: readonly (readonly [group: number, key: string, kind: Kind])[],
  line: SourceLine,
): Field[] {
  return rules.map(([group, key, kind]) => ({ key, path: `line ${line.number}`, ...readValue(kind, match[group] ?? '') }));
}
