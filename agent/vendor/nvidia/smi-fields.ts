import type { Kind } from '../value.ts';
import { HEALTH_ROWS, IDENTITY_ROWS, legacyEccRows } from './smi-field-table.ts';

/** How one leaf of a GPU is named and read. */
export interface SmiRule {
  readonly key: string;
  readonly kind: Kind;
}

/** The two nested output forms; a path is written with `/`, `-q` labels in lower case. */
export type SmiForm = 'xml' | 'query';

/** The rules of one output form. */
export interface SmiRules {
  /** The rule of a leaf path below the GPU, or undefined for a leaf no rule knows. */
  readonly leaf: (path: string) => SmiRule | undefined;
  /** True when known leaves stand below this path. */
  readonly isSection: (path: string) => boolean;
  /** Keys of the known leaves below a section, for a tool that prints one word in place of all of them. */
  readonly keysBelow: (section: string) => readonly string[];
}

interface TableRow extends SmiRule {
  readonly xml: readonly string[];
  readonly query: readonly string[];
}

const ROWS: readonly TableRow[] = [IDENTITY_ROWS, HEALTH_ROWS, legacyEccRows()].flatMap((table) => table.trim().split('\n').map(parseRow));

/** Kind of every known key; the CSV form is read by key. */
export const SMI_KINDS: ReadonlyMap<string, Kind> = new Map(ROWS.map((row) => [row.key, row.kind]));

/** Rules of each nested form. */
export const SMI_RULES: Readonly<Record<SmiForm, SmiRules>> = { xml: rulesOf('xml'), query: rulesOf('query') };

function parseRow(line: string): TableRow {
  const [key = '', kind = '', xml = '', query = ''] = line.split('|').map((cell) => cell.trim());
  return { key, kind: kind as Kind, xml: alternatives(xml), query: alternatives(query.toLowerCase()) };
}

function alternatives(cell: string): string[] {
  return cell === '-' ? [] : cell.split(' , ').map((path) => path.trim());
}

function rulesOf(form: SmiForm): SmiRules {
  const exact = new Map<string, SmiRule>();
  const anyBelow = new Map<string, SmiRule>();
  const below = new Map<string, string[]>();
  for (const row of ROWS) {
    for (const path of row[form]) {
      if (path.endsWith('/*')) anyBelow.set(path.slice(0, -2), row);
      else exact.set(path, row);
      for (const section of sectionsOf(path)) below.set(section, [...(below.get(section) ?? []), row.key]);
    }
  }
  const wildcard = (path: string): SmiRule | undefined => {
    const section = sectionsOf(path).find((candidate) => anyBelow.has(candidate));
    const rule = section === undefined ? undefined : anyBelow.get(section);
    return rule === undefined || section === undefined
      ? undefined
      : { kind: rule.kind, key: `${rule.key}.${keyPart(path.slice(section.length + 1))}` };
  };
  return {
    leaf: (path) => exact.get(path) ?? wildcard(path),
    isSection: (path) => below.has(path),
    keysBelow: (section) => below.get(section) ?? [],
  };
}

function sectionsOf(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
}

function keyPart(path: string): string {
  return path.replaceAll('/', '.').replaceAll(/[^A-Za-z0-9.]+/g, '_');
}
