import { AssayError, errorText, isAssayError, type ExitCode } from '#core/error.ts';
import { CHECK_SETTINGS, PROBE_SETTINGS, readConfig, RUN_SETTINGS } from './config.ts';
import { checkLocally, probeLocally } from './local.ts';
import { packageVersion } from '#core/version.ts';
import { parseCommand } from './parse.ts';
import { usage } from './usage.ts';

const SIGNAL_EXITS = { SIGINT: 130, SIGTERM: 143 } as const;

/** Does its work and gives the JSON document for stdout, or undefined when there is none. */
type Mode = (args: readonly string[]) => Promise<unknown>;

const MODES: Readonly<Record<string, Mode>> = {
  run: (args) => report(args),
  probe: (args) => probeLocally(readConfig(PROBE_SETTINGS, args)),
  check: (args) => checkLocally(readConfig(CHECK_SETTINGS, args)),
  parse: ([tool, path]) => parseCommand(tool, path),
};

async function main([mode = '', ...args]: readonly string[]): Promise<void> {
  const run = MODES[mode];
  if (mode === '--help' || mode === 'help' || args.includes('--help')) {
    process.stdout.write(usage());
    return;
  }
  if (mode === '--version' || args.includes('--version')) {
    process.stdout.write(`${packageVersion()}\n`);
    return;
  }
  try {
    if (run === undefined)
      throw new AssayError('USAGE', `unknown mode "${mode}"`, { hint: `Use one of: ${Object.keys(MODES).join(', ')}.` });
    const document = await run(args);
    if (document !== undefined) process.stdout.write(`${JSON.stringify(document)}\n`);
  } catch (error) {
    fail(error);
  }
}

/** The parts that talk to a collector are loaded for this mode only. */
async function report(args: readonly string[]): Promise<void> {
  const config = readConfig(RUN_SETTINGS, args);
  const [{ createLog }, { runAgent }] = await Promise.all([import('#core/log.ts'), import('./run.ts')]);
  const log = createLog({ program: 'agent', level: config.logLevel });
  const stop = new AbortController();
  let interrupted: ExitCode | undefined;
  // In a container it is process 1, which no signal ends that it does not handle. Not `once`: what starts the tools listens
  // too, and ends the process when it finds itself alone.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      interrupted ??= SIGNAL_EXITS[signal];
      log.info({ signal }, 'stopping; the journal stays');
      stop.abort();
    });
  // Whoever started this as its child has ended without a word: nobody waits for the report any more.
  process.once('disconnect', () => {
    interrupted ??= SIGNAL_EXITS.SIGTERM;
    stop.abort();
  });
  process.channel?.unref();
  try {
    await runAgent(config, log, stop.signal);
  } catch (error) {
    if (interrupted === undefined) throw error;
    process.exitCode = interrupted;
  }
}

/** Says what went wrong twice: for the program that started this one on stdout, for people on stderr. */
function fail(error: unknown): void {
  const known = isAssayError(error);
  const { code, message, hint, details } = known ? error : { code: 'BUG', message: errorText(error) };
  const shown = { code, message, ...(hint === undefined ? {} : { hint }), ...(details === undefined ? {} : { details }) };
  process.stdout.write(`${JSON.stringify({ error: shown })}\n`);
  process.stderr.write(`${code}: ${message}${hint === undefined ? '' : `\n  ${hint}`}\n`);
  if (!known && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  process.exitCode = known ? error.exit : 70;
}

await main(process.argv.slice(2));
