import { expect, test } from 'vitest';
import type { Measurement } from '#core/snapshot/measurement.ts';
import { encodeRecord } from '#core/wire/record-codec.ts';
import { measurementRecords } from '../../../agent/probe/measurement-records.ts';

function fact(key: string, value: string): Measurement {
  return { type: 'Hardware', subtype: 'x', key, reading: { state: 'read', value }, source: '/x' };
}

const frame = { sampledAtMs: 7, recovered: [] };

test('each probe gives its own record; a probe without facts gives none', () => {
  const [a, b] = [fact('a', '1'), fact('b', '2')];
  expect(
    measurementRecords(
      [
        { probe: 'one', measurements: [a] },
        { probe: 'none', measurements: [] },
        { probe: 'two', measurements: [b] },
      ],
      frame,
    ),
  ).toEqual([
    { kind: 'measurements', sampledAtMs: 7, measurements: [a] },
    { kind: 'measurements', sampledAtMs: 7, measurements: [b] },
  ]);
});

test('a large inventory is split into records that the protocol takes, and nothing is lost', () => {
  const measurements = Array.from({ length: 500 }, (_, index) => fact(`k${index}`, '€'.repeat(2700)));
  const records = measurementRecords([{ probe: 'big', measurements }], frame);
  expect(records.length).toBeGreaterThan(10);
  expect(records.flatMap((body) => (body.kind === 'measurements' ? body.measurements : []))).toEqual(measurements);
  for (const [index, body] of records.entries()) expect(() => encodeRecord(index + 1, body)).not.toThrow();
});

test('many small facts are split by number', () => {
  const measurements = Array.from({ length: 2500 }, (_, index) => fact(`k${index}`, '1'));
  expect(
    measurementRecords([{ probe: 'many', measurements }], frame).map((body) =>
      body.kind === 'measurements' ? body.measurements.length : 0,
    ),
  ).toEqual([1000, 1000, 500]);
});

test('what was said before a restart is not said again, even with a changed value', () => {
  const recovered = [{ kind: 'measurements', sampledAtMs: 1, measurements: [fact('a', 'old')] }] as const;
  const results = [{ probe: 'one', measurements: [fact('a', 'new'), fact('b', '2')] }];
  expect(measurementRecords(results, { sampledAtMs: 7, recovered })).toEqual([
    { kind: 'measurements', sampledAtMs: 7, measurements: [fact('b', '2')] },
  ]);
});
