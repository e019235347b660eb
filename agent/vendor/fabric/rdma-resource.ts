import { asArray, asObject, holdsJson, parseJson } from '../json-source.ts';
import { wholeLines } from '../lines.ts';
import { Tally, toMeasurements, type Field, type Parsed } from '../parsed.ts';
import { decodeSource, invalidSource, type SourceLine } from '../source-text.ts';
import { readValue } from '../value.ts';

/** One object of `rdma resource` or one counter set of `rdma statistic`. */
export interface RdmaObject {
  /** `mlx5_0`, or `mlx5_0/1` with the port. */
  readonly device: string;
  readonly fields: readonly Field[];
}

const LISTING = /^(?:echo\s+"+)?(?:\d{1,6}: )?(?:dev|link) ([\w.-]{1,64}(?:\/(?:\d{1,3}|-))?):? (\S.*?)"*$/;

/**
 * Parses `rdma resource show …` and `rdma statistic …`, text or `-j`. Lines that are no listing lines (a script around
 * recorded output) are unread, one entry per run of lines. Process names are dropped while parsing.
 * @param tool name of the catalog, for messages
 * @source iproute2 `rdma/res.c`, `rdma/stat.c`
 * @throws VENDOR_OUTPUT_INVALID with line; VENDOR_OUTPUT_LIMIT
 */
export function parseRdmaObjects(tool: string, bytes: Uint8Array): Parsed<{ readonly objects: readonly RdmaObject[] }> {
  const tally = new Tally(tool);
  const source = decodeSource(tool, bytes);
  const objects =
    holdsJson(source) && !source.text.startsWith('#!') ? readJson(tool, bytes, tally) : readText(wholeLines(tally, bytes), tally);
  if (objects.length === 0) throw invalidSource(tool, 'no line starts with "dev <name>" or "link <name>/<port>"', { line: 1 });
  return tally.finish(
    { objects },
    objects.flatMap(({ device, fields }) => toMeasurements(fields, { subtype: 'rdma', item: device, source: tool.replace('-', ' ') })),
  );
}

function readText(lines: readonly SourceLine[], tally: Tally): RdmaObject[] {
  const objects: (RdmaObject & { readonly fields: Field[] })[] = [];
  let isForeignRun = false;
  for (const line of lines) {
    const text = line.text.trim();
    const match = LISTING.exec(text);
    const numbers = /^LQPN: <([\d,]{1,4000})>"*$/.exec(text)?.[1];
    if (match?.[1] !== undefined) {
      tally.typed();
      objects.push({ device: match[1], fields: readPairs((match[2] ?? '').split(/\s+/), line, tally) });
    } else if (numbers !== undefined) {
      tally.typed();
      objects.at(-1)?.fields.push({ key: 'lqpn', path: `line ${line.number}`, ...readValue('text', numbers) });
    } else if (text !== '' && !isForeignRun) tally.unread(`line ${line.number}: ${text.slice(0, 60)}`);
    isForeignRun = match === null && numbers === undefined && (isForeignRun || text !== '');
  }
  return objects;
}

function readPairs(words: readonly string[], line: SourceLine, tally: Tally): Field[] {
  return Array.from({ length: Math.ceil(words.length / 2) }, (_, index) => {
    const key = words[2 * index] ?? '';
    const text = words[2 * index + 1] ?? '';
    tally.typed();
    return typed(key, text, `line ${line.number}: ${key}`);
  });
}

function typed(key: string, text: string, path: string): Field {
  if (key === 'comm') return { key, path, reading: { state: 'absent', reason: 'not kept: a process name can hold user names and paths' } };
  return { key, path, ...(/^\d+$/.test(text) ? readValue('count', text) : readValue('any', text)) };
}

function readJson(tool: string, bytes: Uint8Array, tally: Tally): RdmaObject[] {
  const list = asArray(parseJson(decodeSource(tool, bytes)).value) ?? [];
  return list.flatMap((member, index) => {
    const object = asObject(member);
    if (typeof object?.['ifname'] !== 'string') {
      tally.unread(`/[${index}]`);
      return [];
    }
    const port = object['port'];
    const fields = Object.entries(object).map(([key, value]) => {
      tally.typed();
      return typed(key, value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value), `/[${index}]/${key}`);
    });
    return [{ device: port === undefined ? object['ifname'] : `${object['ifname']}/${String(port)}`, fields }];
  });
}
