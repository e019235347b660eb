import { pause } from '#core/http/retry.ts';
import type { ClusterPlace } from './cluster-flags.ts';
import type { Run } from './find-run.ts';
import { addLines, COLLECT } from './read-trace.ts';
import { RunTrace } from './run-trace.ts';

/** So long the log gets to come before the first look at it. */
const FIRST_MS = 500;

/** The story of a run that goes on: its log is read once and followed, however long it becomes. */
export class LiveTrace {
  readonly #place: ClusterPlace;
  readonly #signal: AbortSignal;
  #trace = new RunTrace();
  /** Pods that the present reading goes through. */
  #pods: readonly string[] = [];
  #isReading = false;

  constructor(place: ClusterPlace, signal: AbortSignal) {
    this.#place = place;
    this.#signal = signal;
  }

  /** What was told until now. A log that broke off while its pod runs is read again from its begin. */
  async read(run: Run): Promise<RunTrace> {
    const names = run.pods.map(({ name }) => name);
    const isNew = names.some((name) => !this.#pods.includes(name));
    const isCut = !this.#isReading && run.pods.at(-1)?.phase === 'Running';
    if ((isNew && !this.#isReading) || isCut) {
      const trace = new RunTrace();
      void this.#follow(run, trace);
      await pause(FIRST_MS, this.#signal);
      this.#trace = trace;
    }
    return this.#trace;
  }

  async #follow(run: Run, trace: RunTrace): Promise<void> {
    this.#isReading = true;
    this.#pods = run.pods.map(({ name }) => name);
    try {
      for (const { name, namespace } of run.pods) {
        const selection = { namespace, pod: name, container: COLLECT, timestamps: true };
        await addLines(trace, this.#place.cluster.followPodLog(selection, this.#signal));
      }
    } catch {
      // Cut off: the next look begins anew, and what cannot be read leaves the rest of the status as it is.
    } finally {
      this.#isReading = false;
    }
  }
}
