#!/usr/bin/env node
import type { ExitCode } from '#core/error.ts';
import { packageVersion } from '#core/version.ts';

/** Status of a failure outside the verb; the verb's own verdict does not replace it. */
let broken: ExitCode | undefined;

/** Runs the verb that the arguments name. @param args words after the program name */
async function main(args: readonly string[]): Promise<void> {
  if (args[0] === '--version' || args[0] === '-V') {
    process.stdout.write(`${packageVersion()}\n`);
    return;
  }
  const { runProgram } = await import('./program.ts');
  await runProgram(args, { write: (text) => void process.stdout.write(text), warn: (text) => void process.stderr.write(text), setExit });
}

function setExit(exit: ExitCode): void {
  process.exitCode = broken ?? exit;
}

function breakOff(exit: ExitCode, text: string): void {
  broken ??= exit;
  process.exitCode = broken;
  process.stderr.write(`${text}\n`);
}

/** A reader that closed early (`assay … | head`) is no failure of ours; a result that could not be written is one. */
function onStdoutError(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE')
    breakOff(
      3,
      `OUTPUT_UNWRITABLE: cannot write the result to stdout: ${error.message}\n  Free some space, or give --output another file.`,
    );
}

process.stdout.on('error', onStdoutError);
process.stderr.on('error', () => {
  // There is nobody left to tell.
});
// Node's own status for what nobody caught is 1, which here means "valid, with findings".
process.on('uncaughtException', (error: unknown) => breakOff(70, error instanceof Error ? String(error.stack) : String(error)));
await main(process.argv.slice(2));
