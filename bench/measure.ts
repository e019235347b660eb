import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Median, minimum and maximum of a list of numbers. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Spread of measured values, rounded to one decimal. */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((left, right) => left - right);
  const round = (value: number | undefined): number => Math.round((value ?? Number.NaN) * 10) / 10;
  return { median: round(sorted[Math.floor(sorted.length / 2)]), min: round(sorted[0]), max: round(sorted.at(-1)) };
}

/** What one process run gave. Times in milliseconds, memory in MiB. */
export interface ProcessRun {
  readonly wallMs: number;
  readonly exit: number | null;
  readonly stdout: string;
  /** Highest resident set seen for each program file that ran below the process, by file name, and for itself under `self`. */
  readonly peakRssMiB: Readonly<Record<string, number>>;
  /** The part of it that is the process's own (anonymous pages); the rest is mostly the Node binary, shared by all Node processes. */
  readonly peakAnonMiB: Readonly<Record<string, number>>;
}

const SAMPLE_EVERY_MS = 10;

/** Runs a command to its end and samples the resident memory of it and its children. */
export async function runProcess(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly sampleMemory?: boolean } = {},
): Promise<ProcessRun> {
  const startedAt = performance.now();
  const child = spawn(command, [...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const [peakRssMiB, peakAnonMiB]: [Record<string, number>, Record<string, number>] = [{}, {}];
  const sampler =
    options.sampleMemory === true ? setInterval(() => sample(child.pid ?? 0, { peakRssMiB, peakAnonMiB }), SAMPLE_EVERY_MS) : undefined;
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  const exit = await new Promise<number | null>((done) => child.on('close', done));
  clearInterval(sampler);
  return { wallMs: performance.now() - startedAt, exit, stdout, peakRssMiB, peakAnonMiB };
}

interface Peaks {
  readonly peakRssMiB: Record<string, number>;
  readonly peakAnonMiB: Record<string, number>;
}

function sample(root: number, { peakRssMiB, peakAnonMiB }: Peaks): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      const isSelf = Number(pid) === root;
      if (!isSelf && Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]) !== root) continue;
      const name = isSelf ? 'self' : (/([a-z]+)(?:\/main\.ts|\.mjs)\0/.exec(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))?.[1] ?? 'other');
      const read = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0) / 1024;
      peakRssMiB[name] = Math.max(peakRssMiB[name] ?? 0, read('VmHWM'));
      peakAnonMiB[name] = Math.max(peakAnonMiB[name] ?? 0, read('RssAnon'));
    } catch {
      // The process ended between the listing and the reading.
    }
  }
}

/** Runs two or more commands alternately, so that a busy machine slows them alike; returns the spread of wall times of each. */
export async function compareWall(
  commands: Readonly<Record<string, readonly [string, ...string[]]>>,
  rounds: number,
): Promise<Readonly<Record<string, Spread>>> {
  const times: Record<string, number[]> = {};
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, [file, ...args]] of Object.entries(commands)) (times[name] ??= []).push((await runProcess(file, args)).wallMs);
  }
  return Object.fromEntries(Object.entries(times).map(([name, values]) => [name, spread(values)]));
}

/** Prints one figure: what, value, and the goal where there is one. */
export function printFigure(what: string, value: string, goal?: string): void {
  process.stdout.write(`${what.padEnd(46)} ${value.padEnd(34)}${goal === undefined ? '' : ` goal ${goal}`}\n`);
}

/** A spread as text: median (min..max). */
export function formatSpread({ median, min, max }: Spread, unit = 'ms'): string {
  return `${median} ${unit} (${min}..${max})`;
}
