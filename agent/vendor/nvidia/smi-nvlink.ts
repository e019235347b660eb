import { given } from '../given.ts';
import { isIdle, wholeLines } from '../lines.ts';
import { Tally, toMeasurements, type Field, type Parsed } from '../parsed.ts';
import { invalidSource, type SourceLine } from '../source-text.ts';
import { readValue } from '../value.ts';

const TOOL = 'nvidia-smi-nvlink';
const GPU_LINE = /^GPU (\d{1,4}): (.{1,120}) \(UUID: ([^()\s]{1,80})\)$/;
const LINK_LINE = /^Link (\d{1,3})(?:: |, )(.{1,160})$/;

/** One NVLink of a GPU. */
export interface NvLink {
  readonly link: number;
  /** From `-s`: `active` with a speed in GB/s, or `inactive`. */
  readonly state?: 'active' | 'inactive';
  readonly speed?: number;
  /** From `-e`, `-ec`, `-c`: counters and capabilities of this link. */
  readonly fields: readonly Field[];
}

/** The NVLinks of one GPU, or why the tool shows none. */
export interface NvLinkGpu {
  readonly index: number;
  readonly name: string;
  readonly uuid: Field;
  readonly links: readonly NvLink[];
  /** `none`: the board has no NVLink; `mig`: hidden while MIG is on; `inactive`: all links are down; `other`: another message. */
  readonly without?: { readonly reason: 'none' | 'mig' | 'inactive' | 'other'; readonly message: string };
}

type OpenGpu = Omit<NvLinkGpu, 'links' | 'without'> & {
  readonly links: Map<number, NvLink & { fields: Field[] }>;
  without?: NvLinkGpu['without'];
};

/**
 * Parses `nvidia-smi nvlink -s`, `-e` and their like: one block per GPU, one or more lines per link.
 * @throws VENDOR_OUTPUT_INVALID with line; VENDOR_OUTPUT_LIMIT
 */
export function parseNvidiaNvlink(bytes: Uint8Array): Parsed<{ readonly gpus: readonly NvLinkGpu[] }> {
  const tally = new Tally(TOOL);
  const gpus: OpenGpu[] = [];
  for (const line of wholeLines(tally, bytes)) {
    const text = line.text.trim();
    const heading = GPU_LINE.exec(text);
    const gpu = gpus.at(-1);
    if (heading !== null) gpus.push(openGpu(heading, line, tally));
    else if (/^(?:\[\.{3}\]|\.{3})$/.test(text)) tally.partial(`line ${line.number}: the output is elided here`);
    else if (isIdle(text)) continue;
    else if (gpu === undefined) throw invalidSource(TOOL, `no GPU line: "${text.slice(0, 80)}"`, { line: line.number });
    else readLine(gpu, line, tally);
  }
  if (gpus.length === 0) throw invalidSource(TOOL, 'no GPU is listed', { line: 1 });
  const value = {
    gpus: gpus.map(({ index, name, uuid, links, without }) => ({ index, name, uuid, links: [...links.values()], ...given({ without }) })),
  };
  return tally.finish(value, value.gpus.flatMap(measureGpu));
}

function openGpu(heading: RegExpExecArray, line: SourceLine, tally: Tally): OpenGpu {
  tally.typed(3);
  const uuid = { key: 'uuid', path: `line ${line.number}`, ...readValue('identity', heading[3] ?? '') };
  return { index: Number(heading[1]), name: heading[2] ?? '', uuid, links: new Map() };
}

function readLine(gpu: OpenGpu, line: SourceLine, tally: Tally): void {
  const match = LINK_LINE.exec(line.text.trim());
  if (match === null) {
    tally.typed();
    gpu.without = { reason: reasonOf(line.text), message: line.text.trim().slice(0, 200) };
    return;
  }
  const number = Number(match[1]);
  const link = gpu.links.get(number) ?? { link: number, fields: [] };
  const next = readLink(link, match[2] ?? '', line);
  if (next === undefined) tally.unread(`line ${line.number}: Link ${number}`);
  else {
    tally.typed();
    gpu.links.set(number, next);
  }
}

function readLink(link: NvLink & { fields: Field[] }, text: string, line: SourceLine): (NvLink & { fields: Field[] }) | undefined {
  const speed = /^(\d{1,4}(?:\.\d{1,4})?) GB\/s$/.exec(text)?.[1];
  if (speed !== undefined) return { ...link, state: 'active', speed: Number(speed) };
  if (text === '<inactive>') return { ...link, state: 'inactive' };
  const pair = /^(.{1,80}?): (.{1,80})$/.exec(text);
  if (pair?.[1] === undefined) return undefined;
  link.fields.push({
    key: `nvlink.${pair[1].toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')}`,
    path: `line ${line.number}`,
    ...readValue('any', pair[2] ?? ''),
  });
  return link;
}

function reasonOf(text: string): 'none' | 'mig' | 'inactive' | 'other' {
  if (/does not have or support nvlink/i.test(text)) return 'none';
  if (/\bMIG\b/.test(text)) return 'mig';
  return /inactive/i.test(text) ? 'inactive' : 'other';
}

function measureGpu(gpu: NvLinkGpu): ReturnType<typeof toMeasurements> {
  const { index, name, uuid, links, without } = gpu;
  const path = `GPU ${index}`;
  const own: Field[] = [{ key: 'name', path, ...readValue('text', name) }, uuid];
  if (without !== undefined)
    own.push({ key: 'nvlink', path, reading: { state: 'unsupported', reason: `the tool printed "${without.message}"` } });
  return [
    ...toMeasurements(own, { subtype: 'nvidia', item: `gpu${index}`, source: 'nvidia-smi nvlink' }),
    ...links.flatMap((link) => measureLink(link, `gpu${index}/link${link.link}`)),
  ];
}

function measureLink(link: NvLink, item: string): ReturnType<typeof toMeasurements> {
  const fields: Field[] = [...link.fields];
  if (link.state !== undefined)
    fields.push({ key: 'nvlink.active', path: item, reading: { state: 'read', value: link.state === 'active' } });
  if (link.speed !== undefined)
    fields.push({ key: 'nvlink.speed', path: item, reading: { state: 'read', value: link.speed }, unit: 'GB/s' });
  return toMeasurements(fields, { subtype: 'nvidia', item, source: 'nvidia-smi nvlink' });
}
