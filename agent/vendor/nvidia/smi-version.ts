import { wholeLines } from '../lines.ts';
import { Tally, toMeasurements, type Field, type Parsed } from '../parsed.ts';
import { invalidSource } from '../source-text.ts';
import { readValue } from '../value.ts';
import { lookup } from '../lookup.ts';

const TOOL = 'nvidia-smi-version';

/** Versions of the user space, the library, the kernel module and the CUDA ceiling, each on its own. */
export interface NvidiaSmiVersion {
  readonly smi?: string;
  /** Two components only, also where the driver has three. */
  readonly nvml?: string;
  readonly driver?: string;
  readonly cuda?: string;
}

const LABELS: Readonly<Record<string, keyof NvidiaSmiVersion>> = {
  'nvidia-smi version': 'smi',
  'nvml version': 'nvml',
  'driver version': 'driver',
  'kmd version': 'driver',
  'cuda version': 'cuda',
  'cuda umd version': 'cuda',
};

/**
 * Parses `nvidia-smi --version`.
 * @throws VENDOR_OUTPUT_INVALID with line; VENDOR_OUTPUT_LIMIT
 */
export function parseNvidiaSmiVersion(bytes: Uint8Array): Parsed<NvidiaSmiVersion> {
  const tally = new Tally(TOOL);
  const value: { -readonly [K in keyof NvidiaSmiVersion]: NvidiaSmiVersion[K] } = {};
  const fields: Field[] = [];
  for (const { number, text } of wholeLines(tally, bytes)) {
    const match = /^([A-Za-z][A-Za-z -]{1,40}?)\s*: (.{1,80})$/.exec(text.trim());
    const name = lookup(LABELS, match?.[1]?.toLowerCase() ?? '');
    if (match === null || name === undefined) {
      if (text.trim() !== '') tally.unread(`line ${number}: ${text.trim().slice(0, 60)}`);
      continue;
    }
    tally.typed();
    const field: Field = { key: `version.${name}`, path: `line ${number}`, ...readValue('text', match[2] ?? '') };
    fields.push(field);
    if (field.reading.state === 'read') value[name] = String(field.reading.value);
  }
  if (fields.length === 0) throw invalidSource(TOOL, 'no version line', { line: 1 });
  for (const name of ['smi', 'nvml', 'driver', 'cuda'] as const) if (value[name] === undefined) tally.partial(`no ${name} version`);
  return tally.finish(value, toMeasurements(fields, { subtype: 'nvidia', source: 'nvidia-smi --version' }));
}
