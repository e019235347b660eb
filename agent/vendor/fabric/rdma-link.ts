import { asArray, asObject, holdsJson, parseJson } from '../json-source.ts';
import { isIdle, wholeLines } from '../lines.ts';
import { Tally, toMeasurements, type Field, type Parsed } from '../parsed.ts';
import { decodeSource, invalidSource, type SourceLine } from '../source-text.ts';
import { readValue, type Kind } from '../value.ts';
import { lookup } from '../lookup.ts';

const TOOL = 'rdma-link';

/** One RDMA link; `netdev` is missing when it lives in another network namespace. */
export interface RdmaLink {
  readonly device: string;
  readonly port: number;
  /** NOP, DOWN, INIT, ARMED, ACTIVE, ACTIVE_DEFER. */
  readonly state: Field;
  /** NOP, SLEEP, POLLING, DISABLED, ARMED, LINK_UP, LINK_ERROR_RECOVER, PHY_TEST. */
  readonly physicalState: Field;
  readonly fields: readonly Field[];
}

const KINDS: Readonly<Record<string, Kind>> = {
  state: 'text',
  physical_state: 'text',
  netdev: 'text',
  netdev_index: 'count',
  ifindex: 'count',
  ifname: 'text',
  port: 'count',
  subnet_prefix: 'identity',
  lid: 'count',
  sm_lid: 'count',
  lmc: 'count',
};

/**
 * Parses `rdma link show`, text or `-j`.
 * @source iproute2 `rdma/link.c`
 * @throws VENDOR_OUTPUT_INVALID with line; VENDOR_OUTPUT_LIMIT
 */
export function parseRdmaLink(bytes: Uint8Array): Parsed<{ readonly links: readonly RdmaLink[] }> {
  const tally = new Tally(TOOL);
  const source = decodeSource(TOOL, bytes);
  const links = holdsJson(source) ? readJson(bytes, tally) : wholeLines(tally, bytes).flatMap((line) => readLine(line, tally));
  if (links.length === 0) throw invalidSource(TOOL, 'no link is listed', { line: 1 });
  return tally.finish(
    { links },
    links.flatMap((link) => toMeasurements(link.fields, { subtype: 'rdma', item: `${link.device}/${link.port}`, source: 'rdma link' })),
  );
}

function readLine(line: SourceLine, tally: Tally): RdmaLink[] {
  if (isIdle(line.text)) return [];
  const match = /^link ([\w.-]{1,64})\/(\d{1,3})((?: \S{1,80}){2,})\s*$/.exec(line.text);
  if (match === null) throw invalidSource(TOOL, `no link line: "${line.text.trim().slice(0, 80)}"`, { line: line.number });
  const words = (match[3] ?? '').trim().split(' ');
  const pairs = Array.from(
    { length: Math.ceil(words.length / 2) },
    (_, index) => [words[2 * index] ?? '', words[2 * index + 1] ?? ''] as const,
  );
  tally.typed(2);
  return [toLink({ device: match[1] ?? '', port: Number(match[2]) }, readPairs(pairs, `line ${line.number}`, tally))];
}

function readJson(bytes: Uint8Array, tally: Tally): RdmaLink[] {
  const list = asArray(parseJson(decodeSource(TOOL, bytes)).value) ?? [];
  return list.flatMap((member, index) => {
    const object = asObject(member);
    if (object === undefined || typeof object['ifname'] !== 'string') {
      tally.unread(`/[${index}]`);
      return [];
    }
    const pairs = Object.entries(object).map(([key, value]) => [key, value === null ? '' : String(value)] as const);
    return [toLink({ device: object['ifname'], port: Number(object['port'] ?? 0) }, readPairs(pairs, `/[${index}]`, tally))];
  });
}

function readPairs(pairs: readonly (readonly [key: string, text: string])[], path: string, tally: Tally): Field[] {
  return pairs.flatMap(([key, text]) => {
    const kind = lookup(KINDS, key);
    if (kind === undefined) {
      tally.unread(`${path}/${key}`);
      return [];
    }
    tally.typed();
    return [{ key, path: `${path}/${key}`, ...readValue(kind, text) }];
  });
}

function toLink(name: { readonly device: string; readonly port: number }, fields: readonly Field[]): RdmaLink {
  const of = (key: string): Field =>
    fields.find((field) => field.key === key) ?? { key, path: '', reading: { state: 'absent', reason: 'not in this output' } };
  return { ...name, state: of('state'), physicalState: of('physical_state'), fields };
}
