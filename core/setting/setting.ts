import { AssayError } from '../error.ts';
import { parseDuration } from './duration.ts';

/** One setting of a program: a row of its table, of its help and of docs/reference/config.md. */
export interface Setting<T> {
  /** `ASSAY_…` variable; a flag wins over it. */
  readonly env: string;
  /** Long option without dashes. */
  readonly flag: string;
  /** What a value looks like: `host:port`, `path`, `duration`, `name`. */
  readonly unit: string;
  readonly doc: string;
  /** Text that is read when neither flag nor variable is given; undefined when there is no default. */
  readonly fallback: string | undefined;
  readonly arity: 'one' | 'many' | 'switch';
  /** A missing value is an error. */
  readonly required: boolean;
  /** The value is never printed. */
  readonly secret: boolean;
  /** Turns the given texts (none when the setting is absent) into the value; throws CONFIG_INVALID. */
  readonly parse: (texts: readonly string[]) => T;
}

/** What is common to every kind of setting. */
export interface SettingRow {
  readonly env: string;
  readonly flag: string;
  readonly unit: string;
  readonly doc: string;
  readonly fallback?: string;
  readonly secret?: boolean;
}

/** A program's settings by their name in code. */
export type SettingTable = Readonly<Record<string, Setting<unknown>>>;

/** The values of a table. */
export type SettingValues<Table extends SettingTable> = {
  readonly [Name in keyof Table]: Table[Name] extends Setting<infer Value> ? Value : never;
};

/** A setting that must have a value. */
export function requiredSetting<T>(row: SettingRow, parse: (text: string) => T): Setting<T> {
  return { ...common(row), required: true, arity: 'one', parse: (texts) => parse(texts[0] ?? '') };
}

/** A setting that may be absent. */
export function optionalSetting<T>(row: SettingRow, parse: (text: string) => T): Setting<T | undefined> {
  return { ...common(row), required: false, arity: 'one', parse: (texts) => (texts[0] === undefined ? undefined : parse(texts[0])) };
}

/** A setting that may be given several times; in its variable, values are separated by commas. */
export function listSetting<T>(row: SettingRow, parse: (text: string) => T): Setting<readonly T[]> {
  return { ...common(row), required: false, arity: 'many', parse: (texts) => texts.map((text) => parse(text)) };
}

/** A setting that is on or off; its variable is `true` or `false`. */
export function switchSetting(row: SettingRow): Setting<boolean> {
  return { ...common(row), required: false, arity: 'switch', parse: (texts) => texts[0] !== undefined && parseSwitch(texts[0]) };
}

/** Value parser: any text that is not empty. */
export function anyText(text: string): string {
  if (text === '') throw new AssayError('CONFIG_INVALID', 'the value is empty');
  return text;
}

/** Value parser: a duration with unit, as milliseconds. */
export function durationText(text: string): number {
  return parseDuration(text);
}

/** Makes a value parser that accepts one of the given words. */
export function oneOf<Word extends string>(words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const found = words.find((word) => word === text);
    if (found === undefined) throw new AssayError('CONFIG_INVALID', `"${text}" is not one of ${words.join(', ')}`);
    return found;
  };
}

function parseSwitch(text: string): boolean {
  return oneOf(['true', 'false'])(text) === 'true';
}

function common(row: SettingRow): Omit<Setting<unknown>, 'parse' | 'arity' | 'required'> {
  return { env: row.env, flag: row.flag, unit: row.unit, doc: row.doc, fallback: row.fallback, secret: row.secret === true };
}
