/**
 * Gives the memory of finished work back to the system before a long wait. Node collects garbage only when it allocates, so an
 * agent that waits would keep its peak for hours. Does nothing where Node was started without `--expose-gc`.
 */
export function releaseMemory(): void {
  // The last resort of a full heap also empties the young generation and forgets code that is not running.
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
