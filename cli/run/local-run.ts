import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { AssayError, errorText } from '#core/error.ts';
import { writeFailure } from '#core/oci/file-failure.ts';
import { reportedFailure } from '#core/process/reported-failure.ts';
import { startProgram, type ProgramEnd, type ProgramName, type RunningProgram } from '#core/process/program.ts';
import type { RunEvent } from '#core/wire/run-event.ts';
import type { Phase } from '#core/ctrf/report.ts';
import { readEvents } from './event-reader.ts';
import { makeRunDirectory } from './run-directory.ts';

/** What a run on this computer needs to know. */
export interface LocalRunOptions {
  readonly outDir: string;
  /** Exact bytes of the recipe the evidence will be bound to. */
  readonly recipe: Uint8Array;
  /** Selects thresholds: `h100`, `mi300`, or `any`. */
  readonly accelerator: string;
  readonly nodeName: string;
  readonly phases: readonly Phase[];
  readonly sign: 'lab' | 'none';
  readonly deadline: string;
  /** Settings of the collector: no redaction, raw logs besides, an end of the evidence. */
  readonly full?: boolean;
  readonly logs?: boolean;
  readonly expiresIn?: string;
  readonly hostRoot?: string;
  readonly toolPath?: string;
  readonly onEvent: (event: RunEvent) => void;
  readonly onProgramLog: 'inherit' | 'keep';
  /** Ends both programs, and with them the run. */
  readonly signal?: AbortSignal;
}

/** How the two programs went: every event, when it was seen, and milliseconds from the start of the run. */
export interface LocalRun {
  readonly events: readonly RunEvent[];
  readonly timingsMs: Readonly<Record<string, number>>;
}

/** Variables that make a run another one than this: where one environment serves several programs they may be set. */
const OTHER_RUNS = [
  'ASSAY_CLUSTER',
  'ASSAY_CRITERIA',
  'ASSAY_EXPECT_SELECTOR',
  'ASSAY_JOB_UID',
  'ASSAY_NONCE',
  'ASSAY_RECIPE',
  'ASSAY_RELEASE',
  'ASSAY_RUN_ID',
  'ASSAY_STAY',
] as const;

/** Stages whose first event is worth a time in the result. */
const STAGES: readonly RunEvent['event'][] = [
  'listening',
  'node-connected',
  'node-finished',
  'sealed',
  'assembled',
  'signed',
  'pending',
  'published',
];

/**
 * Runs a collector and an agent as child processes against each other over loopback TLS, with credentials made for this
 * run, until the collector has sealed, assembled, signed and published. Private files of the run are removed at the end,
 * when both programs have ended.
 * @throws what a program reports about itself; PROGRAM_FAILED when it does not do its part; OUTPUT_UNWRITABLE; DISK_FULL
 */
export async function runLocally(options: LocalRunOptions): Promise<LocalRun> {
  const outDir = resolve(options.outDir);
  const directories: string[] = [];
  const abort = new AbortController();
  const programs: RunningProgram[] = [];
  try {
    const privateDir = await makeRunDirectory(outDir);
    directories.push(privateDir);
    const tokenFile = await writePrivate(join(privateDir, 'token'), randomBytes(32).toString('hex'));
    await writePrivate(join(privateDir, 'recipe.yaml'), options.recipe);
    const listen = hasLoopback() ? '127.0.0.1:0' : `unix:${join(await makeSocketDirectory(directories), 'collector')}`;
    const signal = options.signal === undefined ? abort.signal : AbortSignal.any([abort.signal, options.signal]);
    return await superviseRun({ ...options, outDir }, { privateDir, tokenFile, listen, signal, programs });
  } finally {
    abort.abort();
    await Promise.all(programs.map(({ ended }) => ended));
    await Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true })));
  }
}

async function writePrivate(path: string, content: string | Uint8Array): Promise<string> {
  await writeFile(path, content, { mode: 0o600 }).catch((cause: unknown) => {
    throw writeFailure(path, cause);
  });
  return path;
}

/** Not in the output directory: the path of a socket is short by law. */
async function makeSocketDirectory(directories: string[]): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'assay-')).catch((cause: unknown) => {
    throw new AssayError('OUTPUT_UNWRITABLE', `cannot make a directory for a socket in ${tmpdir()}: ${errorText(cause)}`, {
      cause,
      hint: 'Set TMPDIR to a directory that may be written, or bring the loopback interface up.',
    });
  });
  directories.push(directory);
  return directory;
}

interface RunFiles {
  readonly privateDir: string;
  readonly tokenFile: string;
  readonly listen: string;
  readonly signal: AbortSignal;
  /** Every program that was started. */
  readonly programs: RunningProgram[];
}

async function superviseRun(options: LocalRunOptions, files: RunFiles): Promise<LocalRun> {
  const startedAt = performance.now();
  const collector = startProgram('collector', {
    args: collectorArgs(options, files),
    log: options.onProgramLog,
    signal: files.signal,
    withhold: OTHER_RUNS,
  });
  files.programs.push(collector);
  let agent: RunningAgent | undefined;
  let agentFailure: AssayError | undefined;
  const events: RunEvent[] = [];
  const timingsMs: Record<string, number> = {};
  for await (const event of readEvents(collector.lines)) {
    events.push(event);
    options.onEvent(event);
    if (STAGES.includes(event.event)) timingsMs[event.event] ??= Math.round(performance.now() - startedAt);
    if (event.event !== 'listening') continue;
    agent = startAgent(options, files, event);
    void agent.outcome.then(([end, reported]) => {
      if (end.exit === 0 || events.some(({ event: kind }) => kind === 'node-finished')) return;
      agentFailure = reported ?? endedEarly('agent', end, 'it finished its phases');
      collector.kill('SIGTERM');
    });
  }
  const end = await collector.ended;
  await endAgent(agent);
  if (agentFailure !== undefined) throw agentFailure;
  const failure = events.find((event) => event.event === 'failed');
  if (end.exit === undefined || (failure === undefined && !events.some((event) => event.event === 'assembled')))
    throw endedEarly('collector', end, 'it assembled a bundle');
  return { events, timingsMs };
}

function collectorArgs(options: LocalRunOptions, { privateDir, tokenFile, listen }: RunFiles): readonly string[] {
  return [
    `--listen=${listen}`,
    `--state-dir=${join(privateDir, 'ledger')}`,
    `--out=${options.outDir}`,
    `--recipe=${join(privateDir, 'recipe.yaml')}`,
    `--expect=${options.nodeName}`,
    `--deadline=${options.deadline}`,
    `--accelerator=${options.accelerator}`,
    `--token-file=${tokenFile}`,
    `--sign=${options.sign}`,
    '--scope=host',
    ...(options.full === true ? ['--full'] : []),
    ...(options.logs === true ? ['--logs'] : []),
    ...(options.expiresIn === undefined ? [] : [`--expires-in=${options.expiresIn}`]),
    ...options.phases.flatMap((phase) => ['--phase', phase]),
  ];
}

function startAgent(
  options: LocalRunOptions,
  { privateDir, tokenFile, signal, programs }: RunFiles,
  server: { readonly url: string; readonly key: string },
): RunningAgent {
  const args = [
    'run',
    `--collector=${server.url}`,
    `--collector-key=${server.key}`,
    `--token-file=${tokenFile}`,
    `--node-name=${options.nodeName}`,
    `--journal-dir=${join(privateDir, 'journal')}`,
    ...(options.hostRoot === undefined ? [] : ['--host-root', options.hostRoot]),
    ...(options.toolPath === undefined ? [] : ['--tool-path', options.toolPath]),
  ];
  const agent = startProgram('agent', { args, log: options.onProgramLog, signal, withhold: OTHER_RUNS });
  programs.push(agent);
  return { ...agent, outcome: Promise.all([agent.ended, lastFailure(agent.lines)]) };
}

/** An agent whose end, and what it says about it, somebody waits for. */
interface RunningAgent extends RunningProgram {
  readonly outcome: Promise<readonly [ProgramEnd, AssayError | undefined]>;
}

/** The agent ends by itself after the seal; one that does not is ended by the caller's abort. */
async function endAgent(agent: RunningAgent | undefined): Promise<void> {
  if (agent === undefined) return;
  await Promise.race([agent.outcome, new Promise((done) => setTimeout(done, 2_000).unref())]);
}

/** What the agent reports about itself on stdout when it fails. */
async function lastFailure(lines: AsyncIterable<string>): Promise<AssayError | undefined> {
  let last = '';
  for await (const line of lines) last = line;
  try {
    return reportedFailure((JSON.parse(last) as { readonly error?: unknown } | null)?.error);
  } catch {
    return undefined;
  }
}

function endedEarly(name: ProgramName, end: ProgramEnd, milestone: string): AssayError {
  const how = end.exit === undefined ? `was ended by ${end.signal ?? 'a signal'}` : `ended with status ${end.exit}`;
  return new AssayError('PROGRAM_FAILED', `the ${name} ${how} before ${milestone}`, {
    hint: 'Run again with --verbose to see the logs of both programs.',
    details: { log: end.log },
  });
}

/** False where not even the loopback interface is up, as in a fresh network namespace: then a socket file has to do. */
function hasLoopback(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ internal, family }) => internal && family === 'IPv4'));
}
