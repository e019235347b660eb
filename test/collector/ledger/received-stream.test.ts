import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WIRE_LIMITS } from '#core/wire/limits.ts';
import type { Batch } from '#core/wire/message.ts';
import type { RecordBody } from '#core/wire/record.ts';
import { linksOf, ReceivedStream } from '../../../collector/ledger/received-stream.ts';
import { codeOf } from '../../fixture/uplink/code-of.ts';
import { driverRecords } from '../../fixture/uplink/records.ts';
import { SignedAgent } from '../../fixture/uplink/signed-agent.ts';

const NONCE = Buffer.alloc(32, 7);
const BODIES = driverRecords('node-a', 12);

function streamOf(agent: SignedAgent): ReceivedStream {
  return new ReceivedStream({ nonce: NONCE, publicKey: agent.publicKey, node: 'node-a' });
}

function take(stream: ReceivedStream, batch: Batch): readonly RecordBody[] {
  return stream.take(batch, linksOf(batch)).map(({ body }) => body);
}

describe('received stream', () => {
  it('takes every record once, whatever is sent again', () => {
    const agent = new SignedAgent('node-a', NONCE, BODIES);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(11), fc.integer({ min: 1, max: 5 })), { maxLength: 30 }), (sends) => {
        const stream = streamOf(agent);
        const taken: RecordBody[] = [];
        for (const [back, length] of [...sends, ...Array.from({ length: 12 }, () => [0, 1] as const)]) {
          const first = Math.max(1, stream.receivedSeq + 1 - back);
          if (first <= 12) taken.push(...take(stream, agent.batch(first, Math.min(12, first + length - 1))));
        }

        expect(taken).toEqual(BODIES);
        expect(stream.finished).toBe(true);
        expect(stream.linkAt(12)).toEqual(agent.links[12]);
      }),
    );
  });

  it('refuses a gap', () => {
    const agent = new SignedAgent('node-a', NONCE, BODIES);
    const stream = streamOf(agent);
    take(stream, agent.batch(1, 2));

    expect(codeOf(() => take(stream, agent.batch(4, 5)))).toBe('WIRE_GAP');
    expect(stream.receivedSeq).toBe(2);
  });

  it('calls another record with a taken number equivocation, and keeps the first', () => {
    const agent = new SignedAgent('node-a', NONCE, BODIES);
    const liar = new SignedAgent('node-a', NONCE, [BODIES[0] as RecordBody, ...driverRecords('other', 12).slice(1)], agent.key);
    const stream = streamOf(agent);
    take(stream, agent.batch(1, 6));

    expect(codeOf(() => take(stream, liar.batch(1, 7)))).toBe('WIRE_EQUIVOCATION');
    expect(codeOf(() => take(stream, liar.batch(7, 8)))).toBe('WIRE_EQUIVOCATION');
    expect(stream.receivedSeq).toBe(6);
    expect(take(stream, agent.batch(7, 7))).toEqual([BODIES[6]]);
  });

  it.each<[string, (agent: SignedAgent) => Batch, string]>([
    ['a chain of another run', () => new SignedAgent('node-a', Buffer.alloc(32, 8), BODIES).batch(1, 2), 'WIRE_EQUIVOCATION'],
    ['a record with another number', (agent) => agent.batch(1, 2, { records: [agent.records[1] as Uint8Array] }), 'WIRE_MALFORMED'],
    ['a record that cannot be read', (agent) => agent.batch(1, 1, { records: [Buffer.of(0xff)] }), 'WIRE_MALFORMED'],
    ['an empty record', (agent) => agent.batch(1, 1, { records: [Buffer.alloc(0)] }), 'WIRE_MALFORMED'],
    ['a record that is too large', (agent) => agent.batch(1, 1, { records: [Buffer.alloc(WIRE_LIMITS.recordBytes + 1)] }), 'WIRE_LIMIT'],
  ])('refuses %s and changes nothing', (_, make, code) => {
    const agent = new SignedAgent('node-a', NONCE, BODIES);
    const stream = streamOf(agent);

    expect(codeOf(() => take(stream, make(agent)))).toBe(code);
    expect(stream.receivedSeq).toBe(0);
    expect(take(stream, agent.batch(1, 12))).toEqual(BODIES);
  });

  it('takes nothing after the record that finishes the report', () => {
    const finished: RecordBody = { kind: 'finished', atMs: 1 };
    const agent = new SignedAgent('node-a', NONCE, [finished, finished]);
    const together = streamOf(agent);
    const apart = streamOf(agent);
    take(apart, agent.batch(1, 1));

    expect(codeOf(() => take(together, agent.batch(1, 2)))).toBe('WIRE_ORDER');
    expect(codeOf(() => take(apart, agent.batch(2, 2)))).toBe('WIRE_ORDER');
    expect(apart.finished).toBe(true);
    expect(together.finished).toBe(false);
  });

  it('bounds the number of records of one agent', () => {
    const body: RecordBody = { kind: 'phase-started', phase: 'deployment', atMs: 1 };
    const agent = new SignedAgent(
      'node-a',
      NONCE,
      Array.from({ length: WIRE_LIMITS.recordsPerNode + 1 }, () => body),
    );
    const stream = streamOf(agent);
    for (let first = 1; first <= WIRE_LIMITS.recordsPerNode; first += 256)
      take(stream, agent.batch(first, Math.min(first + 255, WIRE_LIMITS.recordsPerNode)));

    expect(stream.receivedSeq).toBe(WIRE_LIMITS.recordsPerNode);
    expect(codeOf(() => take(stream, agent.batch(WIRE_LIMITS.recordsPerNode + 1, WIRE_LIMITS.recordsPerNode + 1)))).toBe('WIRE_LIMIT');
  });
});
