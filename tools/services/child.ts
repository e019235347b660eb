import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { serviceProgram } from './cache.ts';

/** A started service program. */
export interface Child {
  /** Its first line on stdout. */
  readonly firstLine: Promise<string>;
  /** Rejects when it ends, with what it said last. */
  readonly failed: Promise<never>;
  readonly stop: () => Promise<void>;
  /** Ends it without a chance to clean up. */
  readonly kill: () => void;
}

const READY_MS = 20_000;
const GRACE_MS = 1_000;

/** Starts a program of the cache. Its output is kept for the error when it does not get ready. */
export function startChild(name: string, args: readonly string[], env: Record<string, string> = {}): Child {
  const child = spawn(serviceProgram(name), args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: '/usr/bin:/bin', HOME: '/nonexistent', ...env },
  });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4000)));
  const failed = new Promise<never>((_, fail) => {
    child.once('exit', () => fail(new Error(`${name} ended: ${output}`)));
    child.once('error', fail);
  });
  const printed = new Promise<string>((found) => {
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('\n')) found(text.slice(0, text.indexOf('\n')));
    });
  });
  const firstLine = Promise.race([printed, failed]);
  for (const promise of [failed, firstLine]) promise.catch(() => undefined);
  return { firstLine, failed, stop: () => stopChild(child), kill: () => void child.kill('SIGKILL') };
}

/** Waits until a program answers 200 at an address, or has ended. */
export async function untilReady(child: Child, url: string): Promise<void> {
  await Promise.race([child.failed, untilAnswers(url)]);
}

async function untilAnswers(url: string): Promise<void> {
  const endMs = performance.now() + READY_MS;
  while (performance.now() < endMs) {
    const answer = await fetch(url).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok === true) return;
    await sleep(25);
  }
  throw new Error(`nothing answered at ${url} within ${READY_MS} ms`);
}

/** A loopback port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

/** Some services keep idle connections for minutes after SIGTERM. */
async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  await ended;
  clearTimeout(timer);
}
