import type { ObjectSelection } from '#core/cluster/cluster.ts';
import { releaseObjects, type RunState, type RunStatus } from '#core/cluster/run-status.ts';
import { isAssayError } from '#core/error.ts';
import { pause } from '#core/http/retry.ts';
import type { ClusterPlace, RunFlags } from './cluster-flags.ts';
import { findRelease, reread, type Release } from './find-release.ts';
import { componentLabels, findRun, type Run } from './find-run.ts';
import { readTrace } from './read-trace.ts';
import { RunTrace } from './run-trace.ts';
import { runState, type RunView } from './run-view.ts';

/** What can be waited for. */
export const GOALS = ['sealed', 'signed', 'published'] as const;
/** A state that a run is to reach. */
export type Goal = (typeof GOALS)[number];

/** How waiting ended: the goal was reached, or never will be. */
export interface Reached {
  readonly reached: boolean;
  readonly run: string;
  readonly state: RunView['state'];
  readonly signer?: RunStatus['signer'];
  readonly oci?: string;
  readonly digest?: string;
  readonly reason?: string;
  readonly hint?: string;
}

/** What is waited for. */
export interface StateWait extends Pick<RunFlags, 'release' | 'run'> {
  readonly goal: Goal;
  readonly signal: AbortSignal;
}

/** Changes are told by watches; so often it is looked anyway, also where watching is not allowed. */
const LOOK_MS = 10_000;
/** Several changes at one time are one look. */
const SETTLE_MS = 100;
const RANK: Readonly<Record<RunState | 'none', number>> = {
  none: 0,
  waiting: 0,
  gathering: 0,
  failed: 0,
  sealed: 1,
  pending: 1,
  signed: 2,
  published: 3,
};
const GOAL_RANK: Readonly<Record<Goal, number>> = { sealed: 1, signed: 2, published: 3 };

/**
 * Waits until a run has reached a state, or never will. The run is the one that is the newest at the begin. Outages after the
 * first look are sat out.
 * @throws RUN_NOT_FOUND, USAGE, CLUSTER_*; the reason of the signal
 */
export async function awaitState(place: ClusterPlace, wait: StateWait): Promise<Reached> {
  const { goal, signal } = wait;
  const release = await findRelease(place, wait.release);
  const { id } = await findRun(place, release, wait.run);
  const changes = new Changes(place, release, signal);
  try {
    for (;;) {
      const end = await lookOnce(signal, () => look(place, { release, id, goal, signal }));
      if (end !== undefined) return end;
      await changes.next();
    }
  } finally {
    changes.stop();
  }
}

interface Looking {
  readonly release: Release;
  readonly id: string;
  readonly goal: Goal;
  readonly signal: AbortSignal;
}

/** @returns undefined while the goal may still be reached */
async function look(place: ClusterPlace, { release, id, goal, signal }: Looking): Promise<Reached | undefined> {
  const current = await reread(place, release);
  const run = await findRun(place, current, id);
  // The status object is of the newest run; of an earlier one the log may still tell.
  const isReplaced = run.status === undefined && current.status !== undefined;
  const trace = isReplaced ? await readTrace(place, run, signal) : new RunTrace();
  return decide(run, { state: runState(run, trace), goal });
}

function decide({ id, job, status }: Run, { state, goal }: { readonly state: RunView['state']; readonly goal: Goal }): Reached | undefined {
  const reached = RANK[state] >= GOAL_RANK[goal];
  if (!reached && job !== undefined && job.ended === undefined) return undefined;
  const { signer, oci, digest, reason, hint } = status ?? {};
  return {
    reached,
    run: id,
    state,
    ...(signer === undefined ? {} : { signer }),
    ...(oci === undefined ? {} : { oci }),
    ...(digest === undefined ? {} : { digest }),
    ...(reached || reason === undefined ? {} : { reason, ...(hint === undefined ? {} : { hint }) }),
  };
}

/** An outage is no answer; whoever waits looks again. */
async function lookOnce<T>(signal: AbortSignal, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    signal.throwIfAborted();
    if (!isAssayError(error) || error.code !== 'CLUSTER_UNREACHABLE') throw error;
    return undefined;
  }
}

/** Tells when the status or the Job of a release changes. */
class Changes {
  readonly #signal: AbortSignal;
  readonly #over = new AbortController();
  #change = Promise.withResolvers<void>();

  constructor(place: ClusterPlace, release: Release, signal: AbortSignal) {
    const { namespace, name } = release;
    this.#signal = AbortSignal.any([signal, this.#over.signal]);
    const status = { apiVersion: 'v1', kind: 'ConfigMap', namespace, fields: `metadata.name=${releaseObjects(name).status}` };
    const jobs = { apiVersion: 'batch/v1', kind: 'Job', namespace, labels: componentLabels(release, 'collector') };
    for (const selection of [status, jobs]) void this.#follow(place, selection);
  }

  /** Resolves after a change, or after a while without one. @throws the reason of the signal */
  async next(): Promise<void> {
    await Promise.race([this.#change.promise, pause(LOOK_MS, this.#signal)]);
    await pause(SETTLE_MS, this.#signal);
    this.#change = Promise.withResolvers();
  }

  stop(): void {
    this.#over.abort();
  }

  async #follow({ cluster }: ClusterPlace, selection: ObjectSelection): Promise<void> {
    try {
      for await (const { change } of cluster.watch(selection, this.#signal)) if (change !== 'synced') this.#change.resolve();
    } catch {
      // Not allowed to watch: looking now and then does it.
    }
  }
}
