#!/usr/bin/env node
import type { ExitCode } from '#core/error.ts';
import { packageVersion } from '#core/version.ts';

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
  process.exitCode = exit;
}

/** A reader that closed early (`assay … | head`) is no failure of ours. */
function tolerateClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

process.stdout.on('error', tolerateClosedPipe);
process.stderr.on('error', tolerateClosedPipe);
await main(process.argv.slice(2));
