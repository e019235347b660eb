import type { Result, ResultPromise } from 'execa';
import { systemCode } from '#core/error.ts';
import { findTool, isForeignProgram, type FoundTool } from './find-tool.ts';
import { createStuckTools, processState, type StuckTools } from './stuck-tool.ts';
import type { ToolFailure, ToolLimits, ToolName, ToolOutcome } from './tool-outcome.ts';
import type { ToolDirectory } from './tool-search.ts';

const DEFAULT_MAX_BYTES = 8 * 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;
/** From the polite signal to the deadly one, and from that to giving the process up. Vendor tools have nothing to put in order. */
const GRACE_MS = 500;

/** Starts an allow-listed tool; never throws for what the tool does. */
export type RunTool = (name: ToolName, args: readonly string[], limits: ToolLimits) => Promise<ToolOutcome>;

interface ToolCall {
  readonly name: ToolName;
  readonly args: readonly string[];
  readonly limits: ToolLimits;
  readonly command: string;
  readonly signal: AbortSignal | undefined;
}

type Options = ReturnType<typeof processOptions>;
type ToolProcess = ResultPromise<Options>;

/**
 * The one policy for vendor tools: absolute paths from the given directories, no shell, a bare environment, one process at a
 * time, a deadline that holds even for a process the kernel will not let go (state D), and no second call while one is stuck.
 * @param signal ends the running tool as its deadline would, and starts no more
 */
export function createToolRunner(directories: readonly ToolDirectory[], signal?: AbortSignal): RunTool {
  const stuck = createStuckTools();
  let queue: Promise<unknown> = Promise.resolve();
  return (name, args, limits) => {
    const call = { name, args, limits, command: [name, ...args].join(' '), signal };
    const turn = queue.then(() => runCall(call, directories, stuck));
    queue = turn;
    return turn;
  };
}

async function runCall(call: ToolCall, directories: readonly ToolDirectory[], stuck: StuckTools): Promise<ToolOutcome> {
  if (call.signal?.aborted === true) return failure(call, 'unrunnable', { reason: 'the agent is ending' });
  const hanging = await stuck.find(call.name);
  if (hanging !== undefined) return failure(call, 'stuck', { reason: hanging });
  const tool = await findTool(call.name, directories);
  if (tool === undefined) return failure(call, 'not-found', { reason: `in none of ${directories.length} tool directories` });
  if (await isForeignProgram(tool.path)) return failure(call, 'unrunnable', { reason: 'a program of another processor architecture' });
  // Loaded on first use: a node without vendor tools never pays its memory.
  const { execa } = await import('execa');
  const startedAt = performance.now();
  const child: ToolProcess = execa(tool.path, call.args, processOptions(tool, call));
  const result = await Promise.race([child, giveUp(child, call.limits.timeoutMs + 2 * GRACE_MS)]);
  const durationMs = Math.round(performance.now() - startedAt);
  return result === undefined ? abandoned(call, { child, stuck, durationMs }) : outcomeOf(call, result, durationMs);
}

function processOptions(tool: FoundTool, { limits, signal }: ToolCall) {
  return {
    ...(signal === undefined ? {} : { cancelSignal: signal }),
    env: tool.env,
    extendEnv: false,
    stdin: 'ignore',
    encoding: 'buffer',
    reject: false,
    stripFinalNewline: false,
    timeout: limits.timeoutMs,
    killDescendants: true,
    forceKillAfterDelay: GRACE_MS,
    maxBuffer: { stdout: limits.maxBytes ?? DEFAULT_MAX_BYTES, stderr: MAX_ERROR_BYTES },
  } as const;
}

/** Ends when a process does not: lets go of its pipes so that nothing of it holds the agent. */
async function giveUp(child: ToolProcess, afterMs: number): Promise<undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), afterMs);
  child.finally(() => clearTimeout(timer)).catch(() => undefined);
  return promise;
}

interface Abandonment {
  readonly child: ToolProcess;
  readonly stuck: StuckTools;
  readonly durationMs: number;
}

async function abandoned(call: ToolCall, { child, stuck, durationMs }: Abandonment): Promise<ToolFailure> {
  const { nodeChildProcess, pid } = child;
  nodeChildProcess.stdout?.destroy();
  nodeChildProcess.stderr?.destroy();
  nodeChildProcess.unref();
  const state = pid === undefined ? undefined : await processState(pid);
  if (pid !== undefined) await stuck.add(call.name, pid);
  const what = state === undefined ? 'its output is still held open' : `the process cannot be ended, state ${state.letter}`;
  return failure(call, 'timed-out', { reason: `no end after ${call.limits.timeoutMs} ms; ${what}`, durationMs });
}

function outcomeOf(call: ToolCall, result: Result<Options>, durationMs: number): ToolOutcome {
  const { limits } = call;
  if (result.timedOut) return failure(call, 'timed-out', { reason: `no end after ${limits.timeoutMs} ms`, durationMs });
  if (result.isMaxBuffer)
    return failure(call, 'flooded', { reason: `more output than ${limits.maxBytes ?? DEFAULT_MAX_BYTES} bytes`, durationMs });
  if (result.signal !== undefined) return failure(call, 'crashed', { reason: `ended by ${result.signal}`, durationMs });
  if (result.exitCode === undefined) return notStarted(call, result, durationMs);
  return {
    outcome: 'exited',
    command: call.command,
    code: result.exitCode,
    stdout: result.stdout,
    stderr: new TextDecoder().decode(result.stderr),
    durationMs,
  };
}

function notStarted(call: ToolCall, result: Result<Options>, durationMs: number): ToolFailure {
  const code = systemCode(result.cause) ?? result.code ?? 'unknown reason';
  return failure(call, code === 'ENOENT' ? 'not-found' : 'unrunnable', { reason: `did not start: ${code}`, durationMs });
}

function failure(
  call: ToolCall,
  outcome: ToolFailure['outcome'],
  why: { readonly reason: string; readonly durationMs?: number },
): ToolFailure {
  return { outcome, command: call.command, reason: `${call.command}: ${why.reason}`, durationMs: why.durationMs ?? 0 };
}
