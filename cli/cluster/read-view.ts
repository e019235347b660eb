import { errorText, isAssayError } from '#core/error.ts';
import { readAgents } from './agents-view.ts';
import type { ClusterPlace, RunFlags } from './cluster-flags.ts';
import { findRelease, type Release } from './find-release.ts';
import { findRun, listRuns, type Run } from './find-run.ts';
import { RunTrace } from './run-trace.ts';
import type { RunReading } from './run-view.ts';

/** Reads what the log of a run tells. */
export type ReadLog = (run: Run) => Promise<RunTrace>;

/**
 * Reads everything that is known about a run. A log that cannot be read, because a node is away or a right is missing, leaves
 * the rest as it is.
 * @throws RUN_NOT_FOUND, USAGE, CLUSTER_*
 */
export async function readRun(place: ClusterPlace, flags: Pick<RunFlags, 'release' | 'run'>, readLog: ReadLog): Promise<RunReading> {
  const release = await findRelease(place, flags.release);
  const run = await findRunOrNone(place, release, flags.run);
  const [agents, log] = await Promise.all([
    readAgents(place, release, run?.job?.expectSelector),
    run === undefined ? { trace: new RunTrace() } : traced(readLog, run),
  ]);
  return { release, run, agents, ...log, nowMs: Date.now() };
}

/** A release without any run is something to tell; a run that was asked for by name must be there. */
async function findRunOrNone(place: ClusterPlace, release: Release, id: string | undefined): Promise<Run | undefined> {
  return id === undefined ? (await listRuns(place, release)).at(-1) : findRun(place, release, id);
}

async function traced(readLog: ReadLog, run: Run): Promise<Pick<RunReading, 'trace' | 'logProblem'>> {
  try {
    return { trace: await readLog(run) };
  } catch (error) {
    if (!isAssayError(error) || !error.code.startsWith('CLUSTER_')) throw error;
    return { trace: new RunTrace(), logProblem: `the collector's log cannot be read: ${errorText(error)}` };
  }
}
