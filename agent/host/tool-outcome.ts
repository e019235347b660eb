/**
 * Vendor tools the agent may start; a name outside this list cannot be run. All of them only read; diagnostics of `dcgmi` also load GPUs,
 * and run on request only.
 */
export const TOOL_NAMES = [
  'nvidia-smi',
  'dcgmi',
  'nvidia-imex-ctl',
  'amd-smi',
  'rocm-smi',
  'rocminfo',
  'ibstat',
  'rdma',
  'chronyc',
  'timedatectl',
] as const;

/** A tool of the allow-list. */
export type ToolName = (typeof TOOL_NAMES)[number];

/** What a tool may take. */
export interface ToolLimits {
  /** Milliseconds from start to the first signal; the outcome follows at most one second later, even when the process cannot be killed. */
  readonly timeoutMs: number;
  /** True for a call that somebody asked for knowing how long it takes: the general limit of tool calls does not cut it short. */
  readonly isAskedFor?: boolean;
  /** Bytes of standard output; default 8 MiB. Standard error is capped at 64 KiB. */
  readonly maxBytes?: number;
}

/** What a tool that ran to its end wrote. */
export interface ToolExit {
  readonly outcome: 'exited';
  /** The command as evidence shows it: `nvidia-smi -q -x`. */
  readonly command: string;
  readonly code: number;
  /** Exact bytes: parsers judge the encoding. */
  readonly stdout: Uint8Array;
  /** Text; what is no UTF-8 is replaced. */
  readonly stderr: string;
  readonly durationMs: number;
}

/** Standard output as text; what is no UTF-8 is replaced. */
export function outputText(exit: ToolExit): string {
  return new TextDecoder().decode(exit.stdout);
}

/** A tool that gave no exit status, and why. */
export interface ToolFailure {
  /**
   * `not-found` in no search directory · `unrunnable` (permission, wrong architecture) · `timed-out` · `flooded` (too much output) ·
   * `crashed` (ended by a signal that was not ours) · `stuck` (an earlier call of the same tool still hangs in the kernel; not started again).
   */
  readonly outcome: 'not-found' | 'unrunnable' | 'timed-out' | 'flooded' | 'crashed' | 'stuck';
  readonly command: string;
  readonly reason: string;
  readonly durationMs: number;
}

/** Every way a tool can end. */
export type ToolOutcome = ToolExit | ToolFailure;
