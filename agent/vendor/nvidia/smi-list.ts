import { Tally, toMeasurements, type Field, type Parsed } from '../parsed.ts';
import { decodeSource, invalidSource, sourceLines, type SourceLine } from '../source-text.ts';
import { readValue } from '../value.ts';

const TOOL = 'nvidia-smi-L';
const GPU_LINE = /^GPU (\d{1,4}): (.{1,120}) \(UUID: ([^()\s]{1,80})\)$/;
const MIG_LINE = /^ {2,}MIG (\S{1,40}) +Device +(\d{1,4}): \(UUID: ([^()\s]{1,80})\)$/;
const FAILED_LINE = /^Unable to determine the (?:device handle|gpu) .{0,200}$/i;

/** A MIG device; the XML form has neither its UUID nor its profile. */
export interface ListedMig {
  readonly profile: string;
  readonly index: number;
  readonly uuid: Field;
}

/** One GPU of the listing. */
export interface ListedGpuLine {
  readonly index: number;
  readonly name: Field;
  readonly uuid: Field;
  readonly migDevices: readonly ListedMig[];
}

/**
 * Parses `nvidia-smi -L`. A line that names a GPU without handle is kept in `partial`.
 * @throws VENDOR_OUTPUT_INVALID with line; VENDOR_OUTPUT_LIMIT
 */
export function parseNvidiaSmiList(bytes: Uint8Array): Parsed<{ readonly gpus: readonly ListedGpuLine[] }> {
  const tally = new Tally(TOOL);
  const gpus: (ListedGpuLine & { migDevices: ListedMig[] })[] = [];
  for (const line of sourceLines(decodeSource(TOOL, bytes))) {
    if (line.text.trim() === '') continue;
    const gpu = GPU_LINE.exec(line.text.trimEnd());
    const mig = MIG_LINE.exec(line.text.trimEnd());
    if (gpu !== null) gpus.push({ index: Number(gpu[1]), ...gpuFields(gpu, line), migDevices: [] });
    else if (mig !== null && gpus.length > 0) gpus.at(-1)?.migDevices.push(toMig(mig, line));
    else if (FAILED_LINE.test(line.text.trim())) tally.partial(`line ${line.number}: ${line.text.trim()}`);
    else throw invalidSource(TOOL, `no GPU line: "${line.text.trim().slice(0, 80)}"`, { line: line.number });
    tally.typed(3);
  }
  if (gpus.length === 0) throw invalidSource(TOOL, 'no GPU is listed', { line: 1 });
  const measurements = gpus.flatMap((gpu) => [
    ...toMeasurements([gpu.name, gpu.uuid], { subtype: 'nvidia', item: `gpu${gpu.index}`, source: 'nvidia-smi -L' }),
    ...gpu.migDevices.flatMap((mig) =>
      toMeasurements([mig.uuid, { key: 'mig.profile', path: mig.uuid.path, reading: { state: 'read', value: mig.profile } }], {
        subtype: 'nvidia',
        item: `gpu${gpu.index}/mig${mig.index}`,
        source: 'nvidia-smi -L',
      }),
    ),
  ]);
  return tally.finish({ gpus }, measurements);
}

function gpuFields(match: RegExpExecArray, line: SourceLine): { readonly name: Field; readonly uuid: Field } {
  const path = `line ${line.number}`;
  return {
    name: { key: 'name', path, ...readValue('text', match[2] ?? '') },
    uuid: { key: 'uuid', path, ...readValue('identity', match[3] ?? '') },
  };
}

function toMig(match: RegExpExecArray, line: SourceLine): ListedMig {
  return {
    profile: match[1] ?? '',
    index: Number(match[2]),
    uuid: { key: 'mig.uuid', path: `line ${line.number}`, ...readValue('identity', match[3] ?? '') },
  };
}
