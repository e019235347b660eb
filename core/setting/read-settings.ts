import { parseArgs } from 'node:util';
import { AssayError, errorText, isAssayError } from '../error.ts';
import type { Setting, SettingTable, SettingValues } from './setting.ts';
import { refuseUnknownVariables } from './variables.ts';

/** Where the texts of settings come from. */
export interface SettingSource {
  /** Words after the program name. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Reads every setting of a table: flag, else variable, else default.
 * @throws USAGE for an unknown flag or a stray word
 * @throws CONFIG_INVALID for an `ASSAY_*` variable that no program of Assay knows, a missing or a bad value
 */
export function readSettings<Table extends SettingTable>(table: Table, source: SettingSource): SettingValues<Table> {
  refuseUnknownVariables(
    source.env,
    Object.values(table).map(({ env }) => env),
  );
  const flags = readFlags(table, source.args);
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(table)) values[name] = readOne(setting, flags[setting.flag], source.env[setting.env]);
  return values as SettingValues<Table>;
}

/** The effective values for the start-up log: secrets are replaced, absent ones left out. */
export function redactSettings(table: SettingTable, values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const shown = Object.entries(table).filter(([name]) => values[name] !== undefined);
  return Object.fromEntries(shown.map(([name, setting]) => [name, setting.secret ? '[secret]' : values[name]]));
}

/** The settings as help text: one line each. */
export function settingsHelp(table: SettingTable): string {
  return Object.values(table)
    .map((setting) => `  ${flagUsage(setting).padEnd(30)} ${setting.doc}${defaultNote(setting)} [${setting.env}]\n`)
    .join('');
}

/** The settings as rows of a Markdown table: flag, variable, default, meaning. */
export function settingsMarkdown(table: SettingTable): string {
  const rows = Object.values(table).map((setting) => {
    const none = setting.required ? 'required' : '';
    const fallback = setting.fallback === undefined ? none : `\`${setting.fallback}\``;
    return `| \`${flagUsage(setting).replaceAll('|', '\\|')}\` | \`${setting.env}\` | ${fallback} | ${setting.doc} |\n`;
  });
  return `| flag | variable | default | meaning |\n|---|---|---|---|\n${rows.join('')}`;
}

function readFlags(table: SettingTable, args: readonly string[]): Record<string, string | boolean | (string | boolean)[] | undefined> {
  const options = Object.values(table).map((setting) => [
    setting.flag,
    { type: setting.arity === 'switch' ? ('boolean' as const) : ('string' as const), multiple: setting.arity === 'many' },
  ]);
  try {
    return parseArgs({ args: [...args], options: Object.fromEntries(options), strict: true }).values;
  } catch (cause) {
    throw new AssayError('USAGE', errorText(cause), { cause, hint: 'Use --help for the list of settings.' });
  }
}

function readOne(setting: Setting<unknown>, flag: unknown, variable: string | undefined): unknown {
  const texts = flagTexts(flag) ?? variableTexts(setting, variable) ?? (setting.fallback === undefined ? [] : [setting.fallback]);
  const where = flag === undefined && variable !== undefined ? setting.env : `--${setting.flag}`;
  if (setting.required && texts.length === 0)
    throw new AssayError('CONFIG_INVALID', `${where} is missing`, { hint: `Give --${setting.flag} <${setting.unit}> or ${setting.env}.` });
  try {
    return setting.parse(texts);
  } catch (cause) {
    if (!isAssayError(cause)) throw cause;
    throw new AssayError('CONFIG_INVALID', `${where}: ${setting.secret ? 'the value cannot be used' : cause.message}`, {
      hint: cause.hint ?? `Expected: ${setting.unit}. ${setting.doc}`,
      ...(setting.secret ? {} : { cause }),
    });
  }
}

function flagTexts(flag: unknown): readonly string[] | undefined {
  if (flag === undefined) return undefined;
  return Array.isArray(flag) ? flag.map(String) : [String(flag)];
}

function variableTexts(setting: Setting<unknown>, variable: string | undefined): readonly string[] | undefined {
  if (variable === undefined) return undefined;
  return setting.arity === 'many' ? variable.split(',').filter((part) => part !== '') : [variable];
}

function flagUsage(setting: Setting<unknown>): string {
  return setting.arity === 'switch' ? `--${setting.flag}` : `--${setting.flag} <${setting.unit}>`;
}

function defaultNote(setting: Setting<unknown>): string {
  return setting.fallback === undefined ? '' : ` (default ${setting.fallback})`;
}
