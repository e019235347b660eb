import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '#core/clock.ts';
import { errorText } from '#core/error.ts';
import type { Log } from '#core/log.ts';
import { readDelivery, type DeliveryReport } from '#core/publish/handover.ts';

/** What is waited for. */
export interface DeliveryWait {
  /** Output directory. */
  readonly directory: string;
  readonly runId: string;
  readonly waitMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Called with every report that says something new. */
  readonly onReport: (report: DeliveryReport) => void;
}

const LOOK_MS = 500;

/**
 * Waits until whoever signs and pushes says that nothing more will be tried.
 * @returns the last report; undefined when none came in time
 * @throws an AbortError after the signal
 */
export async function awaitDelivery(wait: DeliveryWait): Promise<DeliveryReport | undefined> {
  const endsAtMs = wait.clock.monotonicMs() + wait.waitMs;
  let last: DeliveryReport | undefined;
  for (;;) {
    const report = await readReport(wait);
    if (report !== undefined && JSON.stringify(report) !== JSON.stringify(last)) {
      last = report;
      wait.onReport(report);
    }
    if (last?.final === true || wait.clock.monotonicMs() >= endsAtMs) return last;
    await delay(LOOK_MS, undefined, { signal: wait.signal });
  }
}

/** A file that cannot be read tells nothing: the run is sealed, and what is wrong with its delivery is the other's to say. */
async function readReport({ directory, runId, log }: DeliveryWait): Promise<DeliveryReport | undefined> {
  try {
    const report = await readDelivery(directory);
    return report?.runId === runId ? report : undefined;
  } catch (error) {
    log.warn({ error: errorText(error) }, 'the delivery report cannot be read');
    return undefined;
  }
}
