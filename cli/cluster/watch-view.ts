import { isAssayError } from '#core/error.ts';
import { pause } from '#core/http/retry.ts';
import type { ClusterPlace, RunFlags } from './cluster-flags.ts';
import { LiveTrace } from './live-trace.ts';
import { readRun } from './read-view.ts';
import { runView, type RunReading, type RunView } from './run-view.ts';

/** Between two looks at the cluster. */
const LOOK_MS = 2_000;

/** What one look gave: a status, or why there was none this time. */
export type Look = { readonly view: RunView; readonly nowMs: number } | { readonly problem: string };

/**
 * Looks at a run until nothing more will happen in it. An outage of the API server is told and sat out.
 * @throws RUN_NOT_FOUND, USAGE, CLUSTER_FORBIDDEN, CLUSTER_REFUSED; the reason of the signal
 */
export async function* watchRun(place: ClusterPlace, flags: Pick<RunFlags, 'release' | 'run'>, signal: AbortSignal): AsyncGenerator<Look> {
  const live = new LiveTrace(place, signal);
  for (;;) {
    const look = await lookOnce(signal, () => readRun(place, flags, (run) => live.read(run)));
    yield look;
    if ('view' in look && look.view.ended) return;
    await pause(LOOK_MS, signal);
  }
}

async function lookOnce(signal: AbortSignal, read: () => Promise<RunReading>): Promise<Look> {
  try {
    const reading = await read();
    return { view: runView(reading), nowMs: reading.nowMs };
  } catch (error) {
    signal.throwIfAborted();
    if (!isAssayError(error) || error.code !== 'CLUSTER_UNREACHABLE') throw error;
    return { problem: `${error.code}: ${error.message}` };
  }
}
