/** Counters of one moment by name. A name holds no identity in clear: it may stay on a disk of the node. */
export interface CounterSample {
  /** Boot id of the host: counters of another boot mean nothing now. */
  readonly bootId: string;
  readonly sampledAtMs: number;
  readonly counters: Readonly<Record<string, number>>;
}

/** How much a counter grew between two readings. */
export interface Growth {
  readonly delta: number;
  readonly elapsedMs: number;
}

/** Judges counters by their growth: lifetime values say nothing about today. */
export interface CounterWindow {
  /**
   * Notes the present value and compares it with the earlier reading.
   * @param name stable name of the counter on this device
   * @returns undefined when there is no earlier reading, or the counter was reset since
   */
  readonly growth: (name: string, value: number) => Growth | undefined;
  /** What was noted in this run, to be kept for the next one. */
  readonly sample: () => CounterSample;
}

/**
 * Opens a window from an earlier sample to now.
 * @param earlier undefined when none is kept; a sample of another boot is ignored
 */
export function openWindow(earlier: CounterSample | undefined, now: Pick<CounterSample, 'bootId' | 'sampledAtMs'>): CounterWindow {
  const before = earlier?.bootId === now.bootId && earlier.sampledAtMs < now.sampledAtMs ? earlier : undefined;
  const counters: Record<string, number> = {};
  return {
    growth(name, value) {
      counters[name] = value;
      const old = before !== undefined && Object.hasOwn(before.counters, name) ? before.counters[name] : undefined;
      // A smaller value means that the counter was reset, by a driver reload or a wrap: no growth can be told.
      if (before === undefined || old === undefined || value < old) return undefined;
      return { delta: value - old, elapsedMs: now.sampledAtMs - before.sampledAtMs };
    },
    // Counters that this run did not read keep their old place in time only together with it, so they are dropped.
    sample: () => ({ ...now, counters }),
  };
}
