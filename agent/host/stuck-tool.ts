import { readFile } from 'node:fs/promises';
import type { ToolName } from './tool-outcome.ts';

/** A process as the kernel sees it. */
export interface ProcessState {
  /** `D` is uninterruptible sleep: no signal reaches it. */
  readonly letter: string;
  /** Clock ticks since boot; tells a reused pid from the old process. */
  readonly startTime: string;
}

/** Tools whose process was given up and may still hang. */
export interface StuckTools {
  /** Why a tool must not be started again, or undefined. */
  readonly find: (name: ToolName) => Promise<string | undefined>;
  readonly add: (name: ToolName, pid: number) => Promise<void>;
}

/** Remembers processes that could not be ended, so that no second one joins the queue behind the same dead device. */
export function createStuckTools(): StuckTools {
  const hanging = new Map<ToolName, { readonly pid: number; readonly startTime: string }>();
  return {
    async find(name) {
      const known = hanging.get(name);
      if (known === undefined) return undefined;
      const state = await processState(known.pid);
      if (state?.startTime === known.startTime && state.letter !== 'Z')
        return `an earlier call (pid ${known.pid}) is still in state ${state.letter}; not started again`;
      hanging.delete(name);
      return undefined;
    },
    async add(name, pid) {
      const state = await processState(pid);
      if (state !== undefined) hanging.set(name, { pid, startTime: state.startTime });
    },
  };
}

/**
 * State of a process of this machine, undefined when it is gone.
 * @source proc_pid_stat(5): fields 3 and 22; the command in parentheses may hold blanks
 */
export async function processState(pid: number): Promise<ProcessState | undefined> {
  let text: string;
  try {
    text = await readFile(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [letter] = fields;
  const startTime = fields[19];
  return letter === undefined || startTime === undefined ? undefined : { letter, startTime };
}
