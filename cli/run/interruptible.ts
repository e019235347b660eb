import { AssayError } from '#core/error.ts';

const INTERRUPTIONS = { SIGINT: 'INTERRUPTED', SIGTERM: 'TERMINATED', SIGHUP: 'TERMINATED' } as const;
type Interruption = keyof typeof INTERRUPTIONS;

/**
 * Does work that a signal ends in an orderly way: SIGINT, SIGTERM or SIGHUP aborts it, and what it does to clean up is
 * waited for. The listeners stay until then: without them the signal itself would end this process.
 * @throws INTERRUPTED, TERMINATED when a signal came; else what the work throws
 */
export async function interruptible<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const abort = new AbortController();
  const stop = (signal: Interruption): void => {
    abort.abort(
      new AssayError(INTERRUPTIONS[signal], `ended by ${signal} before there was a result`, { hint: 'Run the same command again.' }),
    );
  };
  for (const signal of signals()) process.on(signal, stop);
  try {
    const result = await work(abort.signal);
    abort.signal.throwIfAborted();
    return result;
  } catch (error) {
    throw abort.signal.aborted ? abort.signal.reason : error;
  } finally {
    for (const signal of signals()) process.off(signal, stop);
  }
}

function signals(): readonly Interruption[] {
  return Object.keys(INTERRUPTIONS) as Interruption[];
}
