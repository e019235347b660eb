import { setTimeout as wait } from 'node:timers/promises';

/** How long and how often something is looked at. */
export interface UntilOptions {
  readonly withinMs: number;
  readonly everyMs?: number;
  /** Goes into the error. */
  readonly explain?: () => Promise<string> | string;
}

const EVERY_MS = 100;

/**
 * Looks until there is something; what a look throws counts as nothing yet.
 * @throws when nothing is there in time, with the last error
 */
export async function until<T>(what: string, look: () => Promise<T | undefined | false>, options: UntilOptions): Promise<T> {
  const endMs = performance.now() + options.withinMs;
  let last: unknown;
  do {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await wait(options.everyMs ?? EVERY_MS);
  } while (performance.now() < endMs);
  const because = last === undefined ? '' : `: ${last instanceof Error ? last.message : JSON.stringify(last)}`;
  throw new Error(`${what}: not within ${options.withinMs} ms${because}\n${(await options.explain?.()) ?? ''}`);
}
