import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '#core/clock.ts';
import type { ClusterSide } from './node-presence.ts';
import type { Roster } from './roster.ts';

/** Why the waiting for agents ended. */
export type Ending = 'settled' | 'deadline' | 'stalled';

/** What deciding about the end of a run needs. */
export interface SettlementOptions {
  readonly roster: Roster;
  readonly clock: Clock;
  /** Undefined outside a cluster. */
  readonly cluster: ClusterSide | undefined;
}

/** Decides when a run need not wait any longer: nothing that is still open can change, nothing moves any more, or time is over. */
export class Settlement {
  readonly #options: SettlementOptions;
  readonly #settled = Promise.withResolvers<Ending>();
  #checksDone: boolean;
  #lastProgressMs: number;

  constructor(options: SettlementOptions) {
    this.#options = options;
    this.#checksDone = options.cluster === undefined;
    this.#lastProgressMs = options.clock.monotonicMs();
    // wait() sees the same rejection; without a handler here it would end the process before that.
    this.#settled.promise.catch(() => undefined);
    void options.cluster?.checks.done.then(() => {
      this.#checksDone = true;
      this.check();
    });
    options.cluster?.presence.listen((node) => {
      if (options.roster.isOpen(node)) this.noteProgress();
    });
  }

  /** Something moved: an agent came, said something, or is nearer to it. */
  noteProgress(): void {
    this.#lastProgressMs = this.#options.clock.monotonicMs();
    this.check();
  }

  /** Looks whether everything is settled. */
  check(): void {
    if (this.#checksDone && this.#nodesSettled()) this.#settled.resolve('settled');
  }

  /** Ends the waiting with an error. */
  fail(error: unknown): void {
    this.#settled.reject(error);
  }

  /**
   * Waits until everything is settled, at most so long. @throws what was given to {@link fail}; an AbortError after the signal
   */
  async wait(ms: number, signal: AbortSignal): Promise<Ending> {
    this.check();
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    try {
      return await Promise.race([this.#settled.promise, delay(ms, 'deadline' as const, { signal: either }), this.#stalled(either)]);
    } finally {
      over.abort();
    }
  }

  #nodesSettled(): boolean {
    const { roster, cluster } = this.#options;
    if (roster.openCount === 0) return true;
    // Counted first: there may be ten thousand nodes, and this is asked after every batch.
    if (cluster === undefined || roster.openCount > cluster.presence.settledCount()) return false;
    return roster.openNodes().every((node) => !roster.isConnected(node) && cluster.presence.isSettled(node));
  }

  /** Agents that are connected have deadlines of their own for what they do. */
  async #stalled(signal: AbortSignal): Promise<Ending> {
    const { cluster, clock, roster } = this.#options;
    if (cluster === undefined) return new Promise<never>(() => undefined);
    for (;;) {
      const leftMs = this.#lastProgressMs + cluster.stallMs - clock.monotonicMs();
      if (leftMs <= 0 && this.#checksDone && !roster.openNodes().some((node) => roster.isConnected(node))) return 'stalled';
      await delay(leftMs > 0 ? leftMs : Math.min(cluster.stallMs, 1000), undefined, { signal });
    }
  }
}
