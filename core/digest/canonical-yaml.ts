import { compareText } from './compare-text.ts';
import { isSimpleKey, styleText, writeText } from './scalar-text.ts';
import { YamlFloat, YamlMixedMap, YamlTimestamp, type CanonicalValue, type YamlAtom } from './yaml-value.ts';

/** Indent unit of a canonical document: 4 in what is digested, 2 in what is written for people. */
export type IndentUnit = 2 | 4;

interface Place {
  /** Column of the enclosing key or dash; -1 at the root. */
  readonly parent: number;
  readonly inList: boolean;
  readonly unit: IndentUnit;
}

type Entries = readonly (readonly [string | YamlAtom, CanonicalValue])[];

/**
 * Writes a value as upstream's emitter does, byte for byte: keys sorted bytewise, block style, no folding, its own rules
 * for quoting and numbers.
 * @param indent 4 for canonical recipes, 2 for snapshots and recipe files
 * @returns text with a final line break
 * @throws YAML_UNWRITABLE for a text that upstream itself cannot write so that it reads back
 */
export function canonicalYaml(value: CanonicalValue, indent: IndentUnit): string {
  return writeNode(value, { parent: -1, inList: false, unit: indent }).replace(/^[ \n]/, '');
}

/** Text of a float: shortest digits that read back, exponent form below 1e-4 and from 1e6 (wider than JavaScript's). */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return '.nan';
  if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const [digits = '', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  if (power >= -4 && power < MAX_PLAIN_POWER) return String(value);
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

const MAX_PLAIN_POWER = 6;

/** What follows `key:` or `-`: ` text` or, for collections, a line break and the block. Always ends with a line break. */
function writeNode(value: CanonicalValue, place: Place): string {
  if (typeof value === 'string')
    return ` ${endLine(writeText(styleText(value), { parent: place.parent, content: childColumn(place), unit: place.unit }))}`;
  if (isAtom(value)) return ` ${atomText(value)}\n`;
  if (value instanceof YamlMixedMap)
    return writeMapping(
      value.entries.toSorted(([left], [right]) => compareText(keyText(left), keyText(right))),
      place,
    );
  if (Array.isArray(value)) return writeList(value as readonly CanonicalValue[], place);
  return writeMapping(sortedEntries(value as Readonly<Record<string, CanonicalValue | undefined>>), place);
}

function writeMapping(entries: Entries, place: Place): string {
  if (entries.length === 0) return ' {}\n';
  const column = childColumn(place);
  const pad = ' '.repeat(column);
  const lines = entries.map(([key, value]) => writeEntry(key, value, { parent: column, inList: false, unit: place.unit }));
  return place.inList ? ` ${lines.join(pad)}` : `\n${pad}${lines.join(pad)}`;
}

function writeEntry(key: string | YamlAtom, value: CanonicalValue, place: Place): string {
  if (typeof key !== 'string') return `${atomText(key)}:${writeNode(value, place)}`;
  const styled = styleText(key);
  const text = { parent: place.parent, content: childColumn(place), unit: place.unit };
  if (isSimpleKey(styled.text)) return `${writeText(styled, text)}:${writeNode(value, place)}`;
  const pad = ' '.repeat(place.parent);
  const written = writeNode(value, place);
  const inner = written.startsWith('\n') ? written.slice(1 + place.parent + 1) : written;
  return `? ${endLine(writeText(styled, text))}${pad}:${inner}`;
}

function writeList(items: readonly CanonicalValue[], place: Place): string {
  if (items.length === 0) return ' []\n';
  const column = childColumn(place);
  const pad = ' '.repeat(column);
  const lines = items.map((item) => `-${writeNode(item, { parent: column, inList: true, unit: place.unit })}`);
  return place.inList ? ` ${lines.join(pad)}` : `\n${pad}${lines.join(pad)}`;
}

/** Inside a list item content stands two columns after the dash, elsewhere at the next multiple of the unit. */
function childColumn(place: Place): number {
  if (place.parent < 0) return 0;
  return place.inList ? place.parent + 2 : place.unit * Math.floor((place.parent + place.unit) / place.unit);
}

function sortedEntries(value: Readonly<Record<string, CanonicalValue | undefined>>): Entries {
  const entries = Object.entries(value).filter((entry): entry is [string, CanonicalValue] => entry[1] !== undefined);
  return entries.sort(([left], [right]) => compareText(left, right));
}

function keyText(key: string | YamlAtom): string {
  return typeof key === 'string' ? key : atomText(key);
}

function isAtom(value: CanonicalValue): value is YamlAtom {
  return value === null || typeof value !== 'object' || value instanceof YamlFloat || value instanceof YamlTimestamp;
}

function atomText(value: YamlAtom): string {
  if (value instanceof YamlTimestamp) return value.text;
  if (value instanceof YamlFloat) return floatText(value.value);
  if (typeof value !== 'number') return String(value);
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? String(value) : floatText(value);
}

function endLine(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}
