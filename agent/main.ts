import { AssayError, errorText, isAssayError } from '#core/error.ts';
import { CHECK_SETTINGS, PROBE_SETTINGS, readConfig, RUN_SETTINGS } from './config.ts';
import { checkLocally, probeLocally } from './local.ts';
import { parseCommand } from './parse.ts';
import { usage } from './usage.ts';

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
  await runAgent(config, createLog({ program: 'agent', level: config.logLevel }));
}

/** Says what went wrong twice: for the program that started this one on stdout, for people on stderr. */
function fail(error: unknown): void {
  const known = isAssayError(error);
  const { code, message, hint } = known ? error : { code: 'BUG', message: errorText(error), hint: undefined };
  process.stdout.write(`${JSON.stringify({ error: { code, message, ...(hint === undefined ? {} : { hint }) } })}\n`);
  process.stderr.write(`${code}: ${message}${hint === undefined ? '' : `\n  ${hint}`}\n`);
  if (!known && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  process.exitCode = known ? error.exit : 70;
}

await main(process.argv.slice(2));
