import { Command, CommanderError } from 'commander';
import { AssayError } from '#core/error.ts';
import { packageVersion } from '#core/version.ts';
import { VERBS } from './command/catalog.ts';
import { concluder, failureDocument, failureText, jsonText, type ResultSink } from './output/conclude.ts';

const FOOTER = `
Results go to stdout, progress and logs to stderr; --format json prints exactly one document, also on failure.
Exit status: 0 valid, 1 valid with findings, 2 invalid, 3 undecided (try again), 64 wrong usage, 70 bug.

Examples:
  assay run --lab                                   this computer into signed, verified evidence
  assay verify assay-out/summary-bundle --help      how to check evidence`;

/** Where a program run prints and how it ends. */
export interface ProgramSink extends ResultSink {
  /** Text for people, on stderr. */
  readonly warn: (text: string) => void;
}

/**
 * Parses the command line, loads the one verb it names and runs it. Never throws: failures are printed and become the exit status.
 * @param args words after the program name
 */
export async function runProgram(args: readonly string[], sink: ProgramSink): Promise<void> {
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
    if (args.length === 0) sink.write(root.helpInformation() + FOOTER.slice(1) + '\n');
    else await root.parseAsync([...args], { from: 'user' });
  } catch (thrown) {
    const error = thrown instanceof CommanderError ? usageError(thrown, args) : thrown;
    if (error === undefined) return;
    const document = failureDocument(error);
    if (wantsJson(args)) sink.write(jsonText(document));
    sink.warn(`${failureText(error)}\n`);
    sink.setExit(document.exit);
  }
}

/** The root command with its help, without verbs. */
function createRoot(sink: ProgramSink): Command {
  const root = new Command('assay');
  root
    .description('Signed evidence for GPU-cluster recipes: run, verify, inspect.')
    .version(packageVersion(), '-V, --version')
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
  const verb = VERBS.some((entry) => entry.name === args[0]) ? `assay ${args[0]} --help` : 'assay --help';
  return new AssayError('USAGE', error.message.replace(/^error: /, ''), { hint: `See: ${verb}` });
}

function wantsJson(args: readonly string[]): boolean {
  const index = args.indexOf('--format');
  return args.includes('--format=json') || (index >= 0 && args[index + 1] === 'json');
}
