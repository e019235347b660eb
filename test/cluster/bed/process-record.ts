import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { place } from './place.ts';
import { until } from './until.ts';

const SUFFIX = '.pid';
const END_MS = 10_000;

/** A program to start that outlives this one. */
export interface Detached {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly log: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a program that stays when this one ends. @returns its process id, not recorded yet */
export function startDetached({ program, args, log, env }: Omit<Detached, 'name'>): number {
  const out = openSync(log, 'a');
  const child = spawn(program, args, { detached: true, stdio: ['ignore', out, out], env: { ...process.env, ...env } });
  child.on('error', () => undefined);
  child.unref();
  closeSync(out);
  if (child.pid === undefined) throw new Error(`${program} cannot be started`);
  return child.pid;
}

/** Starts a program and records it, so that it can be ended by {@link endRecorded}. */
export function startRecorded(program: Detached, folder: string = place.run): number {
  const pid = startDetached(program);
  recordProcess(program.name, pid, folder);
  return pid;
}

/** Remembers a process by number and start time: a number alone may come to mean another one. */
export function recordProcess(name: string, pid: number, folder: string = place.run): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name + SUFFIX), `${pid} ${startTimeOf(pid) ?? ''}`);
}

/** Names of recorded processes, living or not. */
export function recordedNames(folder: string = place.run): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((file) => file.endsWith(SUFFIX))
      .map((file) => file.slice(0, -SUFFIX.length));
  } catch {
    return [];
  }
}

/** Process id of a recorded process while it lives. */
export function recordedPid(name: string, folder: string = place.run): number | undefined {
  const [pid, startTime] = readRecord(name, folder);
  return pid !== undefined && startTimeOf(pid) === startTime && startTime !== '' ? pid : undefined;
}

/** Ends a recorded process at once and forgets it; one that has ended is only forgotten. */
export async function endRecorded(name: string, folder: string = place.run): Promise<void> {
  const pid = recordedPid(name, folder);
  if (pid !== undefined) {
    process.kill(pid, 'SIGKILL');
    await until(`end of ${name} (${pid})`, async () => recordedPid(name, folder) === undefined, { withinMs: END_MS, everyMs: 20 });
  }
  rmSync(join(folder, name + SUFFIX), { force: true });
}

function readRecord(name: string, folder: string): readonly [number | undefined, string] {
  try {
    const [pid = '', startTime = ''] = readFileSync(join(folder, name + SUFFIX), 'utf8').split(' ');
    return [Number(pid), startTime];
  } catch {
    return [undefined, ''];
  }
}

/** Start time in clock ticks; undefined for a process that has ended, waited for or not. @source proc(5), /proc/pid/stat */
function startTimeOf(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
