import { isIdle, wholeLines } from '../lines.ts';
import { Tally, toMeasurements, type Field, type Parsed } from '../parsed.ts';
import { invalidSource, type SourceLine } from '../source-text.ts';
import { readValue, type Kind, type TypedValue } from '../value.ts';
import { lookup } from '../lookup.ts';

const TOOL = 'ibstatus';
const HEADING = /^Infiniband device '([\w.-]{1,64})' port (\d{1,3}) status:$/;

/** One port as ibstatus shows it. */
export interface IbStatusPort {
  readonly device: string;
  readonly port: number;
  readonly fields: readonly Field[];
}

const KINDS: Readonly<Record<string, readonly [key: string, kind: Kind]>> = {
  'default gid': ['default_gid', 'identity'],
  'base lid': ['base_lid', 'hex'],
  'sm lid': ['sm_lid', 'hex'],
  state: ['state', 'text'],
  'phys state': ['physical_state', 'text'],
  rate: ['rate', 'text'],
  link_layer: ['link_layer', 'text'],
};

/**
 * Parses `ibstatus`.
 * @throws VENDOR_OUTPUT_INVALID with line; VENDOR_OUTPUT_LIMIT
 */
export function parseIbstatus(bytes: Uint8Array): Parsed<{ readonly ports: readonly IbStatusPort[] }> {
  const tally = new Tally(TOOL);
  const ports: { readonly device: string; readonly port: number; readonly fields: Field[] }[] = [];
  for (const line of wholeLines(tally, bytes, (text) => /^link_layer:\s+(?:InfiniBand|Ethernet)$/.test(text))) {
    const text = line.text.trim();
    const heading = HEADING.exec(text);
    const port = ports.at(-1);
    if (isIdle(text)) continue;
    if (heading !== null) {
      tally.typed(2);
      ports.push({ device: heading[1] ?? '', port: Number(heading[2]), fields: [] });
    } else if (port === undefined) throw invalidSource(TOOL, `no device line: "${text.slice(0, 80)}"`, { line: line.number });
    else readLine(port.fields, line, tally);
  }
  if (ports.length === 0) throw invalidSource(TOOL, 'no port is listed', { line: 1 });
  for (const { device, port, fields } of ports)
    for (const [key] of Object.values(KINDS))
      if (!fields.some((field) => field.key === key)) tally.partial(`${device} port ${port} has no ${key}`);
  return tally.finish(
    { ports },
    ports.flatMap(({ device, port, fields }) => toMeasurements(fields, { subtype: 'rdma', item: `${device}/${port}`, source: 'ibstatus' })),
  );
}

function readLine(fields: Field[], line: SourceLine, tally: Tally): void {
  const match = /^([a-z_ ]{1,30}):\s+(\S.{0,120})$/.exec(line.text.trim());
  const rule = lookup(KINDS, match?.[1] ?? '');
  if (match?.[2] === undefined || rule === undefined) return tally.unread(`line ${line.number}: ${line.text.trim().slice(0, 60)}`);
  tally.typed();
  fields.push({ key: rule[0], path: `line ${line.number}: ${match[1]}`, ...readPortValue(rule, match[2]) });
}

/** `4: ACTIVE` and `5: LinkUp` keep the name, `200 Gb/sec (4X HDR)` the number; sysfs prints the same texts. */
export function readPortValue([key, kind]: readonly [key: string, kind: Kind], text: string): TypedValue {
  if (key === 'rate') return readValue('Gb/s', /^(\d{1,5}(?:\.\d)?) Gb\/sec(?: \(.{1,20}\))?$/.exec(text)?.[1] ?? text);
  const numbered = /^\d{1,2}: ([\w ]{1,30})$/.exec(text)?.[1];
  return readValue(kind, numbered ?? text);
}
