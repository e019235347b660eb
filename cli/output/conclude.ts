import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { AssayError, errorText, isAssayError, type ExitCode } from '#core/error.ts';
import type { Conclude, Outcome, OutputFormat } from '../command/verb.ts';

/** Where results go; a program gives its own streams, a test collects text. */
export interface ResultSink {
  readonly write: (text: string) => void;
  readonly setExit: (exit: ExitCode) => void;
}

interface FormatOptions {
  readonly format?: OutputFormat;
  readonly output?: string;
}

/**
 * Makes the function that prints results: stdout or `--output FILE`, `--format json` as exactly one document whose
 * `exit` equals the OS status.
 */
export function concluder(sink: ResultSink): Conclude {
  return async (command, outcome) => {
    const options = command.opts<FormatOptions>();
    const text = renderOutcome(outcome, options.format ?? 'text');
    if (options.output === undefined) sink.write(text);
    else await writeResult(options.output, text);
    sink.setExit(outcome.exit);
  };
}

/** JSON text of a result document with two-space indent and final newline. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** The JSON document of a failure: same shape for every verb. */
export function failureDocument(error: unknown): { exit: ExitCode; error: Record<string, unknown> } {
  if (!isAssayError(error)) return { exit: 70, error: { code: 'BUG', message: errorText(error) } };
  const { code, message, hint, details } = error;
  return {
    exit: error.exit,
    error: { code, message, ...(hint === undefined ? {} : { hint }), ...(details === undefined ? {} : { details }) },
  };
}

/** The failure as people read it: `CODE: message`, then the hint. */
export function failureText(error: unknown): string {
  if (!isAssayError(error)) return error instanceof Error && error.stack !== undefined ? error.stack : String(error);
  return error.hint === undefined ? `${error.code}: ${error.message}` : `${error.code}: ${error.message}\n  ${error.hint}`;
}

function renderOutcome(outcome: Outcome, format: OutputFormat): string {
  if (format === 'json') return outcome.document?.() ?? jsonText(withExit(outcome));
  const render = outcome.render[format];
  if (render === undefined) {
    const known = ['json', ...Object.keys(outcome.render)].join(', ');
    throw new AssayError('USAGE', `this verb has no output format "${format}"`, { hint: `Use one of: ${known}.` });
  }
  return render();
}

function withExit(outcome: Outcome): unknown {
  const { json, exit } = outcome;
  if (outcome.closedJson === true) return json;
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? { ...json, exit } : json;
}

async function writeResult(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (cause) {
    throw new AssayError('OUTPUT_UNWRITABLE', `cannot write the result to ${path}: ${errorText(cause)}`, {
      cause,
      hint: 'Check the directory and its permissions, or leave out --output.',
    });
  }
}

/** Adds the options that every verb shares. */
export function withFormat(command: Command, formats: readonly OutputFormat[]): Command {
  return command
    .option('--format <format>', `output format: ${formats.join(', ')}`, (format) => knownFormat(format, formats), formats[0])
    .option('--output <file>', 'write the result to this file instead of stdout');
}

/** Said before the verb does its work, which may take long or leave traces. */
function knownFormat(format: string, formats: readonly OutputFormat[]): OutputFormat {
  const known = formats.find((candidate) => candidate === format);
  if (known !== undefined) return known;
  throw new AssayError('USAGE', `this verb has no output format "${format}"`, { hint: `Use one of: ${formats.join(', ')}.` });
}
