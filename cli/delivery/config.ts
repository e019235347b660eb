import type { Command } from 'commander';
import { AssayError } from '#core/error.ts';
import { refuseUnknownVariables } from '#core/setting/variables.ts';

/** Options that say what is printed, not what is done. */
const PRINTING: ReadonlySet<string> = new Set(['help', 'format', 'output']);

/** The variable that an option is also read from: `--retry-for` from `ASSAY_RETRY_FOR`. @param attribute name of the option in code */
export function variableOf(attribute: string): string {
  return `ASSAY_${attribute.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** Attributes of a command's options that are also read from variables. */
export function variableOptions(command: Command): readonly string[] {
  return command.options.map((option) => option.attributeName()).filter((name) => !PRINTING.has(name));
}

/**
 * The flags of a command that is set up by variables, as in a container: what no flag says is taken from `ASSAY_*`; a variable
 * that is empty is none.
 * @param flags as parsed, defaults included
 * @throws CONFIG_INVALID for a variable that no program knows, and for a switch that is neither true nor false
 */
export function withVariables<Flags extends object>(command: Command, flags: Flags, env = process.env): Flags {
  const names = variableOptions(command);
  refuseUnknownVariables(env, names.map(variableOf));
  const given = names.flatMap((name) => {
    const text = env[variableOf(name)] ?? '';
    if (text === '' || command.getOptionValueSource(name) === 'cli') return [];
    const isSwitch = command.options.some((option) => option.attributeName() === name && option.isBoolean());
    return [[name, isSwitch ? switchOf(variableOf(name), text) : text] as const];
  });
  return { ...flags, ...Object.fromEntries(given) };
}

function switchOf(variable: string, text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  throw new AssayError('CONFIG_INVALID', `${variable} is "${text.slice(0, 40)}"`, { hint: 'Write true or false.' });
}
