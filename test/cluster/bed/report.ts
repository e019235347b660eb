/** Says a line about the bed on stderr, with the time since this program began. */
export function report(line: string): void {
  process.stderr.write(`${(performance.now() / 1000).toFixed(1).padStart(7)} s  ${line}\n`);
}

/** Does a step and says how long it took. */
export async function timed<T>(step: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const result = await work();
  report(`${step}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  return result;
}
