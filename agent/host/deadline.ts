/** What came first: the value, or the deadline. What is still running after a deadline is left behind, never waited for. */
export type InTime<T> = { readonly inTime: true; readonly value: T } | { readonly inTime: false };

/**
 * Waits for a promise until a deadline. A rejection before the deadline is thrown, a later one is ignored.
 * @param timeoutMs milliseconds, zero or less means the deadline has passed
 */
export async function withDeadline<T>(work: Promise<T>, timeoutMs: number): Promise<InTime<T>> {
  const { promise: late, resolve } = Promise.withResolvers<InTime<T>>();
  const timer = setTimeout(() => resolve({ inTime: false }), Math.max(0, timeoutMs));
  try {
    return await Promise.race([work.then((value): InTime<T> => ({ inTime: true, value })), late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}
