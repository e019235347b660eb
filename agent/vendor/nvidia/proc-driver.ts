import { given } from '../given.ts';
import { Tally, textOf, toMeasurements, type Field, type Parsed } from '../parsed.ts';
import { pciAddress } from '../pci-address.ts';
import { decodeSource, invalidSource, sourceLines, type SourceLine } from '../source-text.ts';
import { readValue, type Kind } from '../value.ts';

const TOOL = 'proc-driver-nvidia';

/** One of the text files below `/proc/driver/nvidia`. */
export interface ProcDriverNvidia {
  readonly file: 'version' | 'information' | 'params';
  /** `version` only: the loaded kernel module, which is the record of truth for the driver version. */
  readonly module?: { readonly version: string; readonly flavour: 'open' | 'proprietary'; readonly arch?: string };
  /** `information` only: the GPU the file belongs to. */
  readonly pciBusId?: string;
  readonly fields: readonly Field[];
}

const INFORMATION: ReadonlyMap<string, readonly [key: string, kind: Kind]> = new Map([
  ['Model', ['name', 'text']],
  ['IRQ', ['irq', 'count']],
  ['GPU UUID', ['uuid', 'identity']],
  ['Video BIOS', ['vbios_version', 'text']],
  ['Bus Type', ['bus_type', 'text']],
  ['DMA Size', ['dma_size', 'text']],
  ['DMA Mask', ['dma_mask', 'hex']],
  ['Bus Location', ['pci.bus_id', 'text']],
  ['Device Minor', ['minor_number', 'count']],
  ['GPU Firmware', ['gsp.firmware_version', 'text']],
  ['GPU Excluded', ['gpu_excluded', 'flag']],
  ['Blacklisted', ['gpu_excluded', 'flag']],
]);

/**
 * `NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build  …` and
 * `NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.135  Fri Jan 10 …`.
 */
const VERSION =
  /^NVRM version: NVIDIA UNIX (?:(Open) Kernel Module for (\S{1,20})|(\S{1,20}) (Open )?Kernel Module)\s+(\d{2,4}\.\d{1,4}(?:\.\d{1,4})?)(?:\s|$)/;

/**
 * Parses `version`, `gpus/<address>/information` and `params` of `/proc/driver/nvidia`, told apart by their content.
 * @throws VENDOR_OUTPUT_INVALID with line; VENDOR_OUTPUT_LIMIT
 */
export function parseProcDriverNvidia(bytes: Uint8Array): Parsed<ProcDriverNvidia> {
  const source = decodeSource(TOOL, bytes);
  const lines = sourceLines(source).filter((line) => line.text.trim() !== '');
  const tally = new Tally(TOOL);
  const [first] = lines;
  const cut = source.closed ? undefined : lines.at(-1);
  const value = first?.text.startsWith('NVRM version:') === true ? readVersion(lines, cut, tally) : readRows(lines, cut, tally);
  if (cut !== undefined) tally.partial(`line ${cut.number} has no line break: it may be cut`);
  return tally.finish(
    value,
    toMeasurements(value.fields, { subtype: 'nvidia', ...given({ item: value.pciBusId }), source: `/proc/driver/nvidia ${value.file}` }),
  );
}

function readVersion(lines: readonly SourceLine[], cut: SourceLine | undefined, tally: Tally): ProcDriverNvidia {
  const [first = { number: 1, text: '' }, ...rest] = lines;
  const match = VERSION.exec(first.text);
  const version = match?.[5];
  const mayBeCut = first === cut && first.text.trimEnd() === match?.[0].trimEnd();
  if (match === null || version === undefined || mayBeCut)
    throw invalidSource(TOOL, `no module version: "${first.text.slice(0, 120)}"`, { line: first.number });
  const flavour = match[1] === undefined && match[4] === undefined ? 'proprietary' : 'open';
  tally.typed(3);
  const fields: Field[] = [
    { key: 'kernel_module.version', path: 'line 1', reading: { state: 'read', value: version } },
    { key: 'kernel_module.flavour', path: 'line 1', reading: { state: 'read', value: flavour } },
    ...rest.flatMap((line) => readCompiler(line, line === cut, tally)),
  ];
  return { file: 'version', module: { version, flavour, ...given({ arch: match[2] ?? match[3] }) }, fields };
}

function readCompiler(line: SourceLine, isCut: boolean, tally: Tally): Field[] {
  const compiler = isCut ? undefined : /^GCC version:\s+(.{1,200})$/.exec(line.text.trimEnd())?.[1];
  if (compiler === undefined) tally.unread(`line ${line.number}`);
  else tally.typed();
  return compiler === undefined ? [] : [{ key: 'kernel_module.compiler', path: `line ${line.number}`, ...readValue('text', compiler) }];
}

/** Settings that every `params` file has. */
const PARAMS_MARK = /^params\.(?:ResmanDebugLevel|RmLogonRC|ModifyDeviceFiles|DeviceFileUID)$/;

function readRows(lines: readonly SourceLine[], cut: SourceLine | undefined, tally: Tally): ProcDriverNvidia {
  const fields: Field[] = [];
  for (const line of lines) {
    const field = readRow(line);
    if (line === cut) tally.unread(field.path);
    else {
      tally.typed();
      fields.push(field);
    }
  }
  const isParams = fields.some((field) => PARAMS_MARK.test(field.key));
  const isInformation = fields.some((field) => field.key === 'name' || field.key === 'pci.bus_id');
  if (!isParams && !isInformation) throw invalidSource(TOOL, 'neither version, information nor params', { line: 1 });
  for (const key of isParams ? [] : ['name', 'uuid', 'pci.bus_id', 'minor_number'])
    if (!fields.some((field) => field.key === key)) tally.partial(`no ${key} line`);
  const busId = fields.find((field) => field.key === 'pci.bus_id');
  return { file: isParams ? 'params' : 'information', ...given({ pciBusId: busId && pciAddress(textOf(busId) ?? '') }), fields };
}

function readRow(line: SourceLine): Field {
  const match = /^\s*([A-Za-z][\w ]{0,60}):(?:\s+(.*))?$/.exec(line.text);
  if (match?.[1] === undefined) throw invalidSource(TOOL, `no "name: value" line: "${line.text.slice(0, 80)}"`, { line: line.number });
  const [key, kind] = INFORMATION.get(match[1]) ?? [`params.${match[1]}`, 'any' as const];
  return { key, path: `line ${line.number}: ${match[1]}`, ...readValue(kind, match[2] ?? '') };
}
