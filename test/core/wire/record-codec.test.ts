import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAssayError } from '#core/error.ts';
import { WIRE_LIMITS } from '#core/wire/limits.ts';
import { decodeRecord, encodeRecord } from '#core/wire/record-codec.ts';
import type { CheckResult, RecordBody } from '#core/wire/record.ts';
import { assay } from '#proto/gen/assay-v1.js';
import { arbitraryBody } from '../../fixture/uplink/arbitrary.ts';
import { codeOf } from '../../fixture/uplink/code-of.ts';

const CHECK: CheckResult = { phase: 'performance', check: 'clock', status: 'other', durationMs: 12, startedAtMs: 1_750_000_000_000.5 };

function checkWith(part: Partial<CheckResult>): RecordBody {
  return { kind: 'check', result: { ...CHECK, ...part } };
}

describe('record codec', () => {
  it('gives back every body that it encodes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 32 - 1 }), arbitraryBody, (seq, body) => {
        expect(decodeRecord(encodeRecord(seq, body))).toEqual({ seq, body });
      }),
    );
  });

  it('keeps a read zero, an absent, an unsupported and an unreadable value apart', () => {
    const readings = [
      { state: 'read', value: 0 },
      { state: 'read', value: '' },
      { state: 'read', value: false },
      { state: 'absent', reason: '' },
      { state: 'unsupported', reason: 'N/A' },
      { state: 'unreadable', reason: 'EACCES' },
    ] as const;
    const body: RecordBody = {
      kind: 'measurements',
      sampledAtMs: 1,
      measurements: readings.map((reading) => ({ type: 'GPU', subtype: 's', key: 'k', reading, source: '' })),
    };

    expect(decodeRecord(encodeRecord(1, body)).body).toEqual(body);
  });

  it('rounds a duration to whole milliseconds when it encodes', () => {
    expect(decodeRecord(encodeRecord(1, checkWith({ durationMs: 1.6 }))).body).toEqual(checkWith({ durationMs: 2 }));
  });

  it('replaces half a surrogate pair, which has no UTF-8 form, when it encodes', () => {
    const cut = '\u{1f600}'.slice(0, 1);
    const body = checkWith({ message: `a${cut}`, stdout: [cut], extra: { list: [cut] } });

    expect(decodeRecord(encodeRecord(1, body)).body).toEqual(
      checkWith({ message: 'a\ufffd', stdout: ['\ufffd'], extra: { list: ['\ufffd'] } }),
    );
  });

  it.each<[string, RecordBody, string]>([
    ['a text that is too long', checkWith({ message: 'x'.repeat(WIRE_LIMITS.textLength + 1) }), 'WIRE_LIMIT'],
    ['a name that is too long', checkWith({ check: 'x'.repeat(WIRE_LIMITS.nameLength + 1) }), 'WIRE_LIMIT'],
    ['too many lines', checkWith({ stdout: Array.from({ length: WIRE_LIMITS.stdoutLines + 1 }, () => '') }), 'WIRE_LIMIT'],
    ['extra that is too large', checkWith({ extra: { a: 'x'.repeat(WIRE_LIMITS.extraLength) } }), 'WIRE_LIMIT'],
    ['extra that nests too deep', checkWith({ extra: nested(WIRE_LIMITS.extraDepth + 1) }), 'WIRE_LIMIT'],
    ['an empty name', checkWith({ check: '' }), 'WIRE_MALFORMED'],
    ['a time that is not a number', checkWith({ startedAtMs: Number.NaN }), 'WIRE_MALFORMED'],
    ['a negative time', checkWith({ startedAtMs: -1 }), 'WIRE_MALFORMED'],
    ['a status nobody knows', checkWith({ status: 'flaky' as never }), 'WIRE_MALFORMED'],
    ['too many bytes', checkWith({ stdout: Array.from({ length: 200 }, () => 'x'.repeat(8000)) }), 'WIRE_LIMIT'],
  ])('refuses to encode %s', (_, body, code) => {
    expect(codeOf(() => encodeRecord(1, body))).toBe(code);
  });

  it('allows extra at the deepest nesting', () => {
    const body = checkWith({ extra: nested(WIRE_LIMITS.extraDepth) });

    expect(decodeRecord(encodeRecord(1, body)).body).toEqual(body);
  });

  it.each<[string, assay.v1.Record.$Properties]>([
    ['without a sequence number', { finished: { atMs: 1 } }],
    ['without a body', { seq: 1 }],
    ['with phase 0', { seq: 1, phaseStarted: { atMs: 1 } }],
    ['with a phase nobody knows', { seq: 1, phaseStarted: { phase: 9 as never, atMs: 1 } }],
    ['with an infinite time', { seq: 1, finished: { atMs: Number.POSITIVE_INFINITY } }],
    ['with a fractional duration', { seq: 1, check: { phase: 1, check: 'a', status: 1, durationMs: 0.5 } }],
    ['with extra that is no object', { seq: 1, check: { phase: 1, check: 'a', status: 1, extraJson: '[]' } }],
    ['with extra that is no JSON', { seq: 1, check: { phase: 1, check: 'a', status: 1, extraJson: '{' } }],
    ['with extra that names a key twice', { seq: 1, check: { phase: 1, check: 'a', status: 1, extraJson: '{"a":1,"a":2}' } }],
    ['with a number beyond double range in extra', { seq: 1, check: { phase: 1, check: 'a', status: 1, extraJson: '{"a":1e999}' } }],
    ['with half a surrogate pair in extra', { seq: 1, check: { phase: 1, check: 'a', status: 1, extraJson: '{"a":["\\ud800"]}' } }],
    ['with half a surrogate pair in a key of extra', { seq: 1, check: { phase: 1, check: 'a', status: 1, extraJson: '{"\\udc00":1}' } }],
    ['with a measurement without reading', { seq: 1, measurements: { measurements: [{ type: 1, subtype: 's', key: 'k' }] } }],
    [
      'with a measurement that is not a number',
      { seq: 1, measurements: { measurements: [{ type: 1, subtype: 's', key: 'k', number: Number.NaN }] } },
    ],
  ])('refuses a record %s', (_, wire) => {
    expect(codeOf(() => decodeRecord(assay.v1.Record.encode(wire).finish()))).toBe('WIRE_MALFORMED');
  });

  it('refuses text that is not UTF-8', () => {
    const bytes = Buffer.from(encodeRecord(1, checkWith({ message: 'AAAA' })));
    bytes[bytes.indexOf('AAAA')] = 0xff;

    expect(codeOf(() => decodeRecord(bytes))).toBe('WIRE_MALFORMED');
  });

  it('counts measurements before it looks at them', () => {
    const measurements = Array.from({ length: WIRE_LIMITS.measurementsPerRecord + 1 }, () => ({}));

    expect(codeOf(() => decodeRecord(assay.v1.Record.encode({ seq: 1, measurements: { measurements } }).finish()))).toBe('WIRE_LIMIT');
  });

  it('answers any bytes with a value or a wire code, never with another error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(outcome(bytes)).toMatch(/^(value|WIRE_MALFORMED|WIRE_LIMIT)$/);
      }),
      { numRuns: 2000 },
    );
  });

  it('answers damaged records with a value or a wire code', () => {
    fc.assert(
      fc.property(arbitraryBody, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }), (body, damage) => {
        const bytes = Buffer.from(encodeRecord(7, body));
        for (const [at, value] of damage) bytes[at % bytes.length] = value;

        expect(outcome(bytes)).toMatch(/^(value|WIRE_MALFORMED|WIRE_LIMIT)$/);
        expect(outcome(bytes.subarray(0, bytes.length - 1))).toMatch(/^(value|WIRE_MALFORMED|WIRE_LIMIT)$/);
      }),
      { numRuns: 1000 },
    );
  });
});

function nested(depth: number): Record<string, unknown> {
  return depth === 1 ? { end: 1 } : { a: nested(depth - 1) };
}

function outcome(bytes: Uint8Array): string {
  try {
    decodeRecord(bytes);
    return 'value';
  } catch (error) {
    return isAssayError(error) ? error.code : String(error);
  }
}
