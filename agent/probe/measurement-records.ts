import type { Measurement } from '#core/snapshot/measurement.ts';
import type { RecordBody } from '#core/wire/record.ts';
import type { ProbeResult } from './run-probes.ts';

/** Half of what the protocol takes in one record: texts are estimated, not encoded. */
const MAX_RECORD_BYTES = 128 * 1024;
const MAX_RECORD_MEASUREMENTS = 1000;
/** Numbers, tags and lengths around the texts of one measurement. */
const OVERHEAD_BYTES = 32;

/** When the facts were read, and what was said before a restart. */
export interface SampleFrame {
  readonly sampledAtMs: number;
  readonly recovered: readonly RecordBody[];
}

/** Probe results as records of a size that the protocol takes, one or more per probe; facts said before a restart are left out. */
export function measurementRecords(results: readonly ProbeResult[], { sampledAtMs, recovered }: SampleFrame): readonly RecordBody[] {
  const said = new Set(recovered.flatMap((body) => (body.kind === 'measurements' ? body.measurements.map(placeOf) : [])));
  return results.flatMap(({ measurements }) =>
    chunks(measurements.filter((measurement) => !said.has(placeOf(measurement)))).map((chunk) => ({
      kind: 'measurements' as const,
      sampledAtMs,
      measurements: chunk,
    })),
  );
}

function chunks(measurements: readonly Measurement[]): readonly (readonly Measurement[])[] {
  const all: Measurement[][] = [];
  let current: Measurement[] = [];
  let bytes = 0;
  for (const measurement of measurements) {
    const size = sizeOf(measurement);
    if (current.length > 0 && (bytes + size > MAX_RECORD_BYTES || current.length >= MAX_RECORD_MEASUREMENTS)) {
      all.push(current);
      current = [];
      bytes = 0;
    }
    current.push(measurement);
    bytes += size;
  }
  return current.length === 0 ? all : [...all, current];
}

function sizeOf({ subtype, item = '', key, reading, unit = '', source }: Measurement): number {
  const value = reading.state === 'read' ? String(reading.value) : reading.reason;
  return Buffer.byteLength(subtype + item + key + value + unit + source) + OVERHEAD_BYTES;
}

function placeOf({ type, subtype, item = '', key }: Measurement): string {
  return JSON.stringify([type, subtype, item, key]);
}
