import type { Clock } from '#core/clock.ts';
import { openWindow, type CounterWindow } from './check/counter-window.ts';
import { loadCounters, saveCounters } from './host/counter-file.ts';
import type { Host } from './host/host.ts';
import { readLine } from './probe/text-file.ts';

/** The counters of a run and what becomes of them. */
export interface Counters {
  readonly window: CounterWindow;
  /** Keeps what was read for the next run; does nothing without a directory. @throws OUTPUT_UNWRITABLE */
  readonly keep: () => Promise<void>;
}

const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/**
 * Opens the window between an earlier run and this one.
 * @param directory of the agent's own; counters are not judged without one
 */
export async function openCounters(host: Host, clock: Clock, directory: string | undefined): Promise<Counters> {
  const boot = await readLine(host, BOOT_ID);
  // Without a boot id nothing tells whether the counters still are the same ones.
  const isUsable = directory !== undefined && boot.state === 'read';
  const earlier = isUsable ? await loadCounters(directory) : undefined;
  const window = openWindow(earlier, { bootId: boot.state === 'read' ? boot.value : '', sampledAtMs: clock.nowMs() });
  return { window, keep: async () => (isUsable ? saveCounters(directory, window.sample()) : undefined) };
}
