import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { AssayError } from '#core/error.ts';
import { NODE_START, nodeFlagsFor } from './node-start.ts';

/** Assay's own node programs. */
export type ProgramName = 'agent' | 'collector';

/** How to start one of our programs. */
export interface ProgramOptions {
  readonly args: readonly string[];
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Variables of this process's environment that are not handed down. */
  readonly withhold?: readonly string[];
  /** Where its log goes: this process's stderr, or kept for an error message (last 4 KiB). */
  readonly log: 'inherit' | 'keep';
  /** Its stdout: read here line by line (default), or this process's own. */
  readonly output?: 'lines' | 'inherit';
  /** Ends the program, children included, when aborted. */
  readonly signal?: AbortSignal;
}

/** How a program ended. */
export interface ProgramEnd {
  /** OS status, or undefined when a signal ended it. */
  readonly exit: number | undefined;
  readonly signal: string | undefined;
  /** The end of its log when it was kept, else empty. */
  readonly log: string;
}

/** A started program. */
export interface RunningProgram {
  readonly pid: number;
  /** Its stdout line by line; ends when it ends. Read it, or the program blocks. */
  readonly lines: AsyncIterable<string>;
  readonly ended: Promise<ProgramEnd>;
  readonly kill: (signal: NodeJS.Signals) => void;
}

// Neither program signs: identity tokens and CI credentials are not handed down.
const WITHHELD: Readonly<Record<string, undefined>> = {
  ASSAY_IDENTITY_TOKEN: undefined,
  SIGSTORE_ID_TOKEN: undefined,
  COSIGN_IDENTITY_TOKEN: undefined,
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: undefined,
};

const KEPT_LOG_BYTES = 4_096;
const FORCE_KILL_DELAY_MS = 5_000;

/**
 * Starts the agent or the collector with its public command line: from the source tree in a checkout, from the file
 * beside this bundle otherwise.
 * @throws PROGRAM_FAILED when it cannot be started
 */
export function startProgram(name: ProgramName, options: ProgramOptions): RunningProgram {
  const [path, start] = [programPath(name), NODE_START[name]];
  const child = execa(process.execPath, [...nodeFlagsFor(start, path), path, ...options.args], {
    stdin: 'ignore',
    // Nothing is said over it: its end tells the program that this process is gone, however it went.
    ipc: true,
    stdout: options.output === 'inherit' ? 'inherit' : 'pipe',
    stderr: options.log === 'inherit' ? 'inherit' : 'pipe',
    buffer: false,
    reject: false,
    cleanup: true,
    forceKillAfterDelay: FORCE_KILL_DELAY_MS,
    env: {
      ...WITHHELD,
      ...Object.fromEntries((options.withhold ?? []).map((variable) => [variable, undefined])),
      ...start.env,
      ...options.env,
    },
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
  });
  if (child.pid === undefined)
    throw new AssayError('PROGRAM_FAILED', `cannot start the ${name} program`, { hint: 'Check that Node may start child processes here.' });
  let log = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-KEPT_LOG_BYTES);
  });
  const lines = child.stdout === null ? noLines() : createInterface({ input: child.stdout, crlfDelay: Infinity });
  const ended = child.then(({ exitCode, signal }) => ({ exit: exitCode, signal, log }));
  return { pid: child.pid, lines, ended, kill: (signal) => void child.kill(signal) };
}

// eslint-disable-next-line require-yield
async function* noLines(): AsyncGenerator<string> {
  // Its output goes straight to ours: there is nothing to read.
}

/** Path of a program's entry file. */
function programPath(name: ProgramName): string {
  const beside = fileURLToPath(new URL(`./${name}.mjs`, import.meta.url));
  const chunked = fileURLToPath(new URL(`../${name}.mjs`, import.meta.url));
  const source = fileURLToPath(new URL(`../../${name}/main.ts`, import.meta.url));
  const candidates = import.meta.url.endsWith('.ts') ? [source] : [beside, chunked];
  const found = candidates.find((path) => existsSync(path));
  if (found === undefined)
    throw new AssayError('PROGRAM_FAILED', `the ${name} program is missing: looked for ${candidates.join(' and ')}`, {
      hint: 'Install Assay whole, or run "npm run build".',
    });
  return found;
}
