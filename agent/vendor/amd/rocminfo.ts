import type { Reading } from '#core/snapshot/measurement.ts';
import { indentedEntries, type IndentedEntry } from '../indented-text.ts';
import { isIdle, wholeLines } from '../lines.ts';
import { Tally, toMeasurements, type Field, type Parsed } from '../parsed.ts';
import { resolveShape, type Resolved } from '../shape.ts';
import { invalidSource } from '../source-text.ts';
import { readValue, unitOf, type TypedValue } from '../value.ts';
import { keyPart } from './smi-device.ts';

const TOOL = 'rocminfo';
const MISSING: Reading = { state: 'absent', reason: 'not in this output' };

const DONE = /^\*{3} Done \*{3}$/;
const ELISION = /^(?:\[\.{3}\]|\.{3})$/;

const AGENT_SHAPE = {
  name: ['name'],
  marketingName: ['marketing_name'],
  uuid: ['uuid'],
  deviceType: ['device_type'],
  node: ['node'],
  chipId: ['chip_id'],
  bdfId: ['bdfid'],
  computeUnits: ['compute_unit'],
  simdsPerCu: ['simds_per_cu'],
} as const;

/** One HSA agent: a CPU or a GPU. */
export interface HsaAgent extends Resolved<typeof AGENT_SHAPE> {
  readonly fields: readonly Field[];
}

/** What rocminfo says. */
export interface Rocminfo {
  readonly system: readonly Field[];
  readonly agents: readonly HsaAgent[];
}

/**
 * Parses `rocminfo`.
 * @throws VENDOR_OUTPUT_INVALID with line; VENDOR_OUTPUT_LIMIT
 */
export function parseRocminfo(bytes: Uint8Array): Parsed<Rocminfo> {
  const tally = new Tally(TOOL);
  const all = wholeLines(tally, bytes, (text) => DONE.test(text)).filter((line) => !isIdle(line.text));
  const lines = all.filter((line) => !/^[=*]+(?: Done )?[=*]*$/.test(line.text.trim()));
  if (!lines.some((line) => /^HSA (?:System Attributes|Agents)$/.test(line.text.trim())))
    throw invalidSource(TOOL, 'neither "HSA System Attributes" nor "HSA Agents"', { line: 1 });
  for (const line of lines) if (ELISION.test(line.text.trim())) tally.partial(`line ${line.number}: the output is elided here`);
  if (!DONE.test(all.at(-1)?.text.trim() ?? '')) tally.partial('no "*** Done ***" line: the output ends before it');
  const system: Field[] = [];
  const agents: Field[][] = [];
  const whole = lines.filter((line) => !ELISION.test(line.text.trim()));
  for (const entry of indentedEntries(TOOL, whole, splitFirstColon)) {
    const isAgentName = entry.indent === 2 && entry.label === 'Name';
    if (isAgentName) agents.push([]);
    const target = agents.at(-1) ?? (entry.indent === 0 ? system : undefined);
    if (entry.value === undefined) continue;
    else if (target === undefined) tally.unread(`line ${entry.line}: ${entry.label}`);
    else addEntry(target, entry, tally);
  }
  const value = {
    system,
    agents: agents.map((fields) => ({ ...resolveShape(AGENT_SHAPE, new Map(fields.map((field) => [field.key, field])), MISSING), fields })),
  };
  return tally.finish(value, [
    ...toMeasurements(system, { subtype: 'amd', source: 'rocminfo' }),
    ...agents.flatMap((fields, index) => toMeasurements(fields, { subtype: 'amd', item: `agent${index + 1}`, source: 'rocminfo' })),
  ]);
}

function splitFirstColon(text: string): { readonly label: string; readonly value: string | undefined } {
  const at = text.indexOf(':');
  if (at < 0) return { label: text, value: undefined };
  const value = text
    .slice(at + 1)
    .replace(/^:/, '')
    .trim();
  return { label: text.slice(0, at).trim(), value: value === '' ? undefined : value };
}

function addEntry(target: Field[], entry: IndentedEntry, tally: Tally): void {
  tally.typed();
  const plain = entry.path
    .slice(entry.path.findIndex((label) => !/^(?:Agent \d+|HSA .*)$/.test(label)))
    .map((label) => keyPart(label).replaceAll(/^_+|_+$/g, ''));
  const key = plain.join('.');
  const repeats = target.filter((field) => field.key === key || field.key.startsWith(`${key}#`)).length;
  target.push({
    key: repeats === 0 ? key : `${key}#${repeats + 1}`,
    path: `line ${entry.line}: ${entry.label}`,
    ...readHsaValue(entry.label, entry.value ?? ''),
  });
}

/** Numbers come with their hexadecimal form: `32768(0x8000) KB`. */
function readHsaValue(label: string, text: string): TypedValue {
  const match = /^(\d{1,20})\s?\(0x[0-9a-f]{1,16}\)(?: (KB|\(timestamp count\)))?$/i.exec(text);
  if (match?.[1] !== undefined) {
    const unit = unitOf(match[2] ?? '');
    return readValue(unit ?? 'number', match[1]);
  }
  if (/^(?:Uuid)$/.test(label)) return readValue('identity', text);
  const frequency = /\((MHz)\)/.test(label);
  return readValue(frequency ? 'MHz' : /Name|Version/.test(label) ? 'text' : 'any', text);
}
