import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { AssayError, errorText } from '#core/error.ts';
import { startProgram, type ProgramEnd, type ProgramName, type RunningProgram } from '#core/process/program.ts';
import type { RunEvent } from '#core/wire/run-event.ts';
import type { Phase } from '#core/ctrf/report.ts';
import { readEvents } from './event-reader.ts';

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
  readonly hostRoot?: string;
  readonly toolPath?: string;
  readonly onEvent: (event: RunEvent) => void;
  readonly onProgramLog: 'inherit' | 'keep';
}

/** How the two programs went: every event, when it was seen, and milliseconds from the start of the run. */
export interface LocalRun {
  readonly events: readonly RunEvent[];
  readonly timingsMs: Readonly<Record<string, number>>;
}

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
 * run, until the collector has sealed, assembled, signed and published. Private files of the run are removed at the end.
 * @throws PROGRAM_FAILED when a program does not do its part; OUTPUT_UNWRITABLE
 */
export async function runLocally(options: LocalRunOptions): Promise<LocalRun> {
  const outDir = resolve(options.outDir);
  const privateDir = await makePrivateDir(outDir);
  const socketDir = await mkdtemp(join(tmpdir(), 'assay-'));
  const listen = hasLoopback() ? '127.0.0.1:0' : `unix:${join(socketDir, 'collector')}`;
  const abort = new AbortController();
  try {
    const tokenFile = join(privateDir, 'token');
    await writeFile(tokenFile, randomBytes(32).toString('hex'), { mode: 0o600 });
    await writeFile(join(privateDir, 'recipe.yaml'), options.recipe, { mode: 0o600 });
    return await superviseRun({ ...options, outDir }, { privateDir, tokenFile, listen, signal: abort.signal });
  } finally {
    abort.abort();
    await Promise.all([privateDir, socketDir].map((directory) => rm(directory, { recursive: true, force: true })));
  }
}

interface RunFiles {
  readonly privateDir: string;
  readonly tokenFile: string;
  readonly listen: string;
  readonly signal: AbortSignal;
}

async function superviseRun(options: LocalRunOptions, files: RunFiles): Promise<LocalRun> {
  const startedAt = performance.now();
  const collector = startProgram('collector', { args: collectorArgs(options, files), log: options.onProgramLog, signal: files.signal });
  let agent: RunningProgram | undefined;
  let agentFailure: AssayError | undefined;
  const events: RunEvent[] = [];
  const timingsMs: Record<string, number> = {};
  for await (const event of readEvents(collector.lines)) {
    events.push(event);
    options.onEvent(event);
    if (STAGES.includes(event.event)) timingsMs[event.event] ??= Math.round(performance.now() - startedAt);
    if (event.event !== 'listening') continue;
    agent = startAgent(options, files, event);
    void agent.ended.then((end) => {
      if (end.exit === 0 || events.some(({ event: kind }) => kind === 'node-finished')) return;
      agentFailure = endedEarly('agent', end, 'it finished its phases');
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
    ...options.phases.flatMap((phase) => ['--phase', phase]),
  ];
}

function startAgent(
  options: LocalRunOptions,
  { privateDir, tokenFile, signal }: RunFiles,
  server: { readonly url: string; readonly key: string },
): RunningProgram {
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
  const agent = startProgram('agent', { args, log: options.onProgramLog, signal });
  void drain(agent.lines);
  return agent;
}

/** The agent ends by itself after the seal; one that does not is ended by the caller's abort. */
async function endAgent(agent: RunningProgram | undefined): Promise<void> {
  if (agent === undefined) return;
  await Promise.race([agent.ended, new Promise((done) => setTimeout(done, 2_000).unref())]);
}

async function drain(lines: AsyncIterable<string>): Promise<void> {
  for await (const _ of lines) void _;
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

async function makePrivateDir(outDir: string): Promise<string> {
  try {
    await mkdir(outDir, { recursive: true });
    return await mkdtemp(join(outDir, '.run-'));
  } catch (cause) {
    throw new AssayError('OUTPUT_UNWRITABLE', `cannot write to ${outDir}: ${errorText(cause)}`, {
      cause,
      hint: 'Choose another directory with --out.',
    });
  }
}
