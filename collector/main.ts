#!/usr/bin/env node
import { systemClock } from '#core/clock.ts';
import { errorText, isAssayError, type ExitCode } from '#core/error.ts';
import { createLog } from '#core/log.ts';
import { redactSettings, settingsHelp } from '#core/setting/read-settings.ts';
import { packageVersion } from '#core/version.ts';
import type { RunEvent } from '#core/wire/run-event.ts';
import { COLLECTOR_SETTINGS, processEnvironment, readCollectorConfig } from './config.ts';
import { finishRun } from './finish.ts';
import { runCollector } from './run.ts';

const HELP = `assay collector: gathers the records of the agents of one run, seals and signs them.
Events go to stdout, one JSON object per line; the log goes to stderr. SIGTERM ends it without losing anything: start it
again with the same --state-dir.

${settingsHelp(COLLECTOR_SETTINGS)}
Example: assay collector --state-dir /var/lib/assay --token-file token --expect node-a --expect node-b
`;

const SIGNAL_EXITS = { SIGINT: 130, SIGTERM: 143 } as const;

async function main(args: readonly string[]): Promise<ExitCode> {
  if (args.includes('--help')) return print(HELP);
  if (args.includes('--version')) return print(`${packageVersion()}\n`);
  const config = readCollectorConfig(args, processEnvironment());
  const log = createLog({ program: 'collector', level: config.logLevel });
  log.info({ version: packageVersion(), settings: redactSettings(COLLECTOR_SETTINGS, config) }, 'starting');
  const stop = new AbortController();
  let interrupted: ExitCode | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      interrupted = SIGNAL_EXITS[signal];
      log.info({ signal }, 'stopping; the run goes on when the collector is started again');
      stop.abort();
    });
  // Whoever started this as its child has ended without a word: nobody waits for the run any more.
  process.once('disconnect', () => {
    interrupted = SIGNAL_EXITS.SIGTERM;
    stop.abort();
  });
  process.channel?.unref();
  try {
    return await runCollector(config, { clock: systemClock, log, emit, signal: stop.signal, finish: finishRun });
  } catch (error) {
    if (interrupted !== undefined) return interrupted;
    throw error;
  }
}

function emit(event: RunEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

function print(text: string): ExitCode {
  process.stdout.write(text);
  return 0;
}

function fail(error: unknown): ExitCode {
  if (!isAssayError(error)) {
    process.stderr.write(`${error instanceof Error && error.stack !== undefined ? error.stack : String(error)}\n`);
    emit({ event: 'failed', code: 'BUG', message: errorText(error) });
    return 70;
  }
  const { code, message, hint } = error;
  process.stderr.write(`${code}: ${message}\n${hint === undefined ? '' : `  ${hint}\n`}`);
  emit({ event: 'failed', code, message, ...(hint === undefined ? {} : { hint }) });
  return error.exit;
}

process.exitCode = await main(process.argv.slice(2)).catch(fail);
