/** Number of samples by metric name. */
export type SampleCounts = ReadonlyMap<string, number>;

const SAMPLE = /^([A-Za-z_:][\w:]*)(?:\{.*\})?\s+(\S+)/;

/** Counts the samples of a metrics page; comments, blank lines and samples that are no number do not count. @source Prometheus text format */
export function countSamples(text: string): SampleCounts {
  const counts = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, name, value] = SAMPLE.exec(line) ?? [];
    if (name === undefined || Number.isNaN(Number(value))) continue;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}
