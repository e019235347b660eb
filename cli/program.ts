import { Command, CommanderError } from 'commander';
import { AssayError, errorText, systemCode } from '#core/error.ts';
import { packageVersion } from '#core/version.ts';
import { VERBS } from './command/catalog.ts';
import { concluder, failureDocument, failureText, jsonText, type ResultSink } from './output/conclude.ts';

const FOOTER = `
Results go to stdout, progress and logs to stderr; --format json prints exactly one document, also on failure.
Exit status: 0 valid, 1 valid with findings, 2 invalid, 3 undecided (try again), 64 wrong usage, 70 bug.

Examples:
  assay run --lab                                   this computer into signed, verified evidence
  assay verify assay-out/summary-bundle             every check on evidence that needs no cluster
  assay help verify                                 what a verb takes, with examples`;

/** Where a program run prints and how it ends. */
export interface ProgramSink extends ResultSink {
  /** Text for people, on stderr. */
  readonly warn: (text: string) => void;
}

/**
 * Parses the command line, loads the one verb it names and runs it. Never throws: failures are printed and become the exit status.
 * @param words all that follows the program name
 */
export async function runProgram(words: readonly string[], sink: ProgramSink): Promise<void> {
  const args = helpAsOption(words);
  const conclude = concluder(sink);
  try {
    const root = createRoot(sink);
    const entry = VERBS.find(({ name }) => name === args[0]);
    for (const { name, summary } of VERBS) root.command(name).description(summary);
    const command = root.commands.find((candidate) => candidate.name() === args[0]);
    if (entry !== undefined && command !== undefined) {
      (await entry.load())(command, conclude);
      inherit(command, sink);
    }
    if (args.length === 0) sink.write(`${root.helpInformation()}${FOOTER}\n`);
    else await root.parseAsync([...args], { from: 'user' });
  } catch (thrown) {
    const error = thrown instanceof CommanderError ? usageError(thrown, args) : (environmentFailure(thrown) ?? thrown);
    if (error === undefined) return;
    const document = failureDocument(error);
    if (wantsJson(args)) sink.write(jsonText(document));
    sink.warn(`${failureText(error)}\n`);
    sink.setExit(document.exit);
  }
}

/** `help VERB …` as `VERB … --help`. */
function helpAsOption([first, ...others]: readonly string[]): readonly string[] {
  if (first !== 'help') return first === undefined ? [] : [first, ...others];
  const isKnown = others.length === 0 || VERBS.some(({ name }) => name === others[0]);
  return isKnown ? [...others, '--help'] : others;
}

/** The root command with its help, without verbs. */
function createRoot(sink: ProgramSink): Command {
  const root = new Command('assay');
  root
    .description('Signed evidence for GPU-cluster recipes: run, verify, inspect.')
    .usage('<verb> [options]')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .addHelpText('after', FOOTER);
  root.argument('[verb]').action((verb: unknown) => {
    throw new AssayError('USAGE', `unknown verb "${String(verb)}"`, { hint: 'See: assay --help' });
  });
  return settle(root, sink);
}

/** Errors are thrown instead of ending the process, and printed once, by us. */
function settle(command: Command, sink: ProgramSink): Command {
  return command.exitOverride().configureOutput({ writeOut: (text) => sink.write(text), writeErr: () => undefined });
}

function inherit(command: Command, sink: ProgramSink): void {
  settle(command, sink);
  for (const child of command.commands) inherit(child, sink);
}

function usageError(error: CommanderError, args: readonly string[]): AssayError | undefined {
  if (error.exitCode === 0) return undefined;
  const verb = VERBS.some((entry) => entry.name === args[0]) ? `assay ${args[0]}` : 'assay';
  const message = error.code === 'commander.help' ? `an operation is missing after "${verb}"` : error.message.replace(/^error: /, '');
  return new AssayError('USAGE', message, { hint: `See: ${verb} --help` });
}

/** What no verb can help: it is told without a stack, because nothing is wrong with the program. */
function environmentFailure(thrown: unknown): AssayError | undefined {
  const code = systemCode(thrown);
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new AssayError('DISK_FULL', errorText(thrown), { cause: thrown, hint: 'Free some space and run the same command again.' });
  if (code !== 'ENOENT' || !isDirectoryGone()) return undefined;
  return new AssayError('PROGRAM_FAILED', 'the current directory does not exist any more', {
    cause: thrown,
    hint: 'Change to a directory that exists, and run the same command again.',
  });
}

function isDirectoryGone(): boolean {
  try {
    return process.cwd() === '';
  } catch {
    return true;
  }
}

function wantsJson(args: readonly string[]): boolean {
  const index = args.indexOf('--format');
  return args.includes('--format=json') || (index >= 0 && args[index + 1] === 'json');
}
