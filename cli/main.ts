#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { AssayError, type ExitCode } from '#core/error.ts';
import { packageVersion } from '#core/version.ts';
import { VERBS } from './command/catalog.ts';
import { concluder, failureDocument, failureText, jsonText } from './output/conclude.ts';

const HELP_FOOTER = `
Result on stdout, progress on stderr. Exit status: 0 valid, 1 valid with findings, 2 invalid, 3 undecided (try again), 64 usage, 70 bug.
Example: assay run --lab`;

/** Runs the verb that the arguments name. @param args words after the program name */
async function main(args: readonly string[]): Promise<void> {
  const sink = { write: (text: string) => void process.stdout.write(text), setExit };
  try {
    if (args[0] === '--version' || args[0] === '-V') return sink.write(`${packageVersion()}\n`);
    await (await program(args[0], sink)).parseAsync([...args], { from: 'user' });
  } catch (error) {
    fail(args, error);
  }
}

async function program(verb: string | undefined, sink: Parameters<typeof concluder>[0]): Promise<Command> {
  const root = new Command('assay');
  root
    .description('Signed evidence for GPU-cluster recipes: run, verify, inspect.')
    .version(packageVersion())
    .addHelpText('after', HELP_FOOTER);
  root.exitOverride().configureOutput({ writeErr: () => undefined });
  for (const entry of VERBS) {
    const command = root.command(entry.name).description(entry.summary);
    command.exitOverride().configureOutput({ writeErr: () => undefined });
    if (entry.name === verb) (await entry.load())(command, concluder(sink));
  }
  return root;
}

function fail(args: readonly string[], thrown: unknown): void {
  const error = thrown instanceof CommanderError ? usageError(thrown, args) : thrown;
  if (error === undefined) return;
  const document = failureDocument(error);
  if (wantsJson(args)) process.stdout.write(jsonText(document));
  process.stderr.write(`${failureText(error)}\n`);
  setExit(document.exit);
}

function usageError(error: CommanderError, args: readonly string[]): AssayError | undefined {
  if (error.exitCode === 0 || (error.code === 'commander.help' && args.length === 0)) return undefined;
  const verb = VERBS.some((entry) => entry.name === args[0]) ? `assay ${args[0]} --help` : 'assay --help';
  return new AssayError('USAGE', error.message.replace(/^error: /, ''), { hint: `See: ${verb}` });
}

function wantsJson(args: readonly string[]): boolean {
  return args.includes('--format=json') || (args[args.indexOf('--format') + 1] === 'json' && args.includes('--format'));
}

function setExit(exit: ExitCode): void {
  process.exitCode = exit;
}

await main(process.argv.slice(2));
