import { isAssayError } from '#core/error.ts';
import type { ClusterPlace } from './cluster-flags.ts';
import type { Run } from './find-run.ts';
import { parseLogLine, type LogLine } from './log-line.ts';
import { RunTrace } from './run-trace.ts';

/** Container of the collector's pod that runs it. */
export const COLLECT = 'collect';

/**
 * The story of a run so far, from the logs of its pods, one after the other.
 * @returns an empty trace where there is no log any more, or not yet
 * @throws CLUSTER_UNREACHABLE, CLUSTER_FORBIDDEN
 */
export async function readTrace(place: ClusterPlace, run: Run, signal: AbortSignal): Promise<RunTrace> {
  const trace = new RunTrace();
  for (const { name, namespace } of run.pods) {
    await addLines(trace, place.cluster.podLogLines({ namespace, pod: name, container: COLLECT, timestamps: true }, signal));
  }
  return trace;
}

/** Adds what the lines of a log tell. @throws CLUSTER_UNREACHABLE, CLUSTER_FORBIDDEN */
export async function addLines(trace: RunTrace, lines: AsyncIterable<string>): Promise<void> {
  for await (const { event, atMs } of logLines(lines)) if (event !== undefined) trace.add(event, atMs);
}

/** The lines of a log, taken apart; none where the container has not begun, or is gone. @throws CLUSTER_UNREACHABLE, CLUSTER_FORBIDDEN */
export async function* logLines(lines: AsyncIterable<string>): AsyncGenerator<LogLine> {
  try {
    for await (const line of lines) yield parseLogLine(line);
  } catch (error) {
    // 400 while the container is being made, 404 when the pod went away.
    if (!isAssayError(error) || error.code !== 'CLUSTER_REFUSED') throw error;
  }
}
