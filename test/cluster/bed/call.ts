import { spawn } from 'node:child_process';

/** How a program is called. */
export interface CallOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Ends the program when it is over. */
  readonly timeoutMs?: number;
}

/** What a program left. */
export interface Called {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const TIMEOUT_MS = 120_000;
const TAIL = 3000;

/** Calls a program and resolves with how it ended, whatever that is. */
export function callAny(program: string, args: readonly string[], options: CallOptions = {}): Promise<Called> {
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    timeout: options.timeoutMs ?? TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => undefined).end(options.input ?? '');
  return new Promise((done, fail) => child.once('error', fail).once('close', (exit) => done({ exit, stdout, stderr })));
}

/** Calls a program that must end well. @returns what it printed */
export async function call(program: string, args: readonly string[], options: CallOptions = {}): Promise<string> {
  const { exit, stdout, stderr } = await callAny(program, args, options);
  if (exit === 0) return stdout;
  throw new Error(`${program} ${args.join(' ').slice(0, 300)}: exit ${String(exit)}\n${`${stdout}${stderr}`.slice(-TAIL)}`);
}
