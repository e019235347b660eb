import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAssayError } from '#core/error.ts';
import { decodeAgentMessage, encodeAgentMessage } from '#core/wire/agent-message.ts';
import { decodeCollectorMessage, encodeCollectorMessage } from '#core/wire/collector-message.ts';
import { WIRE_LIMITS } from '#core/wire/limits.ts';
import type { AgentMessage, Batch, CollectorMessage, Hello, Renew } from '#core/wire/message.ts';
import { assay } from '#proto/gen/assay-v1.js';
import { codeOf } from '../../fixture/uplink/code-of.ts';

const HELLO: Hello = {
  kind: 'hello',
  protocol: 1,
  agentVersion: '0.1.0',
  node: 'node-a',
  publicKey: Buffer.alloc(32, 1),
  channelSignature: Buffer.alloc(64, 2),
  lastRunId: 'run-1',
  journalSeq: 4_294_967_295,
  clockMs: 1_750_000_000_000.25,
};
const BATCH: Batch = {
  kind: 'batch',
  firstSeq: 7,
  records: [Buffer.of(1, 2, 3), Buffer.of(4)],
  prevLink: Buffer.alloc(32, 3),
  signature: Buffer.alloc(64, 4),
};

const RENEW: Renew = { kind: 'renew', token: 'x'.repeat(WIRE_LIMITS.tokenLength) };

const FROM_COLLECTOR: readonly CollectorMessage[] = [
  {
    kind: 'welcome',
    protocol: 1,
    runId: 'run-1',
    nonce: Buffer.alloc(32, 5),
    plan: {
      accelerator: 'h100',
      phases: [{ phase: 'conformance', checks: ['a', 'b'], deadlineMs: 300_000 }],
      constraints: [{ name: 'Deployment.cuda.version', value: '>= 13' }],
    },
    resumeSeq: 3,
    resumeLink: Buffer.alloc(32, 6),
    creditBytes: 524_288,
  },
  { kind: 'ack', durableSeq: 0 },
  { kind: 'credit', bytes: 12 },
  { kind: 'run', phases: ['deployment', 'performance'] },
  { kind: 'stop', reason: 'deadline' },
  { kind: 'seal', runId: 'run-1' },
];

describe('messages of an agent', () => {
  it.each<AgentMessage>([HELLO, BATCH, RENEW])('come back as they were sent: $kind', (message) => {
    expect(decodeAgentMessage(encodeAgentMessage(message))).toEqual(message);
  });

  it.each<[string, assay.v1.Envelope.$Properties, string]>([
    ['an empty frame', {}, 'WIRE_MALFORMED'],
    ['a message that only collectors send', { ack: { durableSeq: 1 } }, 'WIRE_MALFORMED'],
    ['a hello with a short key', { hello: { ...HELLO, publicKey: Buffer.alloc(31) } }, 'WIRE_MALFORMED'],
    ['a hello without signature', { hello: { ...HELLO, channelSignature: Buffer.alloc(0) } }, 'WIRE_MALFORMED'],
    ['a hello without node', { hello: { ...HELLO, node: '' } }, 'WIRE_MALFORMED'],
    ['a hello with a clock that is not a number', { hello: { ...HELLO, clockMs: Number.NaN } }, 'WIRE_MALFORMED'],
    ['a hello with a long node name', { hello: { ...HELLO, node: 'x'.repeat(WIRE_LIMITS.nameLength + 1) } }, 'WIRE_LIMIT'],
    ['a hello larger than 4 KiB', { hello: { ...HELLO, lastRunId: 'x'.repeat(WIRE_LIMITS.helloBytes) } }, 'WIRE_LIMIT'],
    ['a renewal without token', { renew: {} }, 'WIRE_MALFORMED'],
    ['a renewal with a long token', { renew: { token: `${RENEW.token}x` } }, 'WIRE_LIMIT'],
    ['a batch without records', { batch: { ...BATCH, records: [] } }, 'WIRE_MALFORMED'],
    ['a batch without sequence number', { batch: { ...BATCH, records: [Buffer.of(1)], firstSeq: 0 } }, 'WIRE_MALFORMED'],
    ['a batch with a short link', { batch: { ...BATCH, records: [Buffer.of(1)], prevLink: Buffer.alloc(16) } }, 'WIRE_MALFORMED'],
    [
      'a batch with too many records',
      { batch: { ...BATCH, records: Array.from({ length: WIRE_LIMITS.recordsPerBatch + 1 }, () => Buffer.of(1)) } },
      'WIRE_LIMIT',
    ],
  ])('are refused: %s', (_, wire, code) => {
    expect(codeOf(() => decodeAgentMessage(assay.v1.Envelope.encode(wire).finish()))).toBe(code);
  });

  it('are refused by size before they are decoded', () => {
    expect(codeOf(() => decodeAgentMessage(Buffer.alloc(WIRE_LIMITS.frameBytes + 1)))).toBe('WIRE_LIMIT');
  });

  it('are refused when they are cut off anywhere', () => {
    for (const message of [HELLO, BATCH, RENEW]) {
      const frame = encodeAgentMessage(message);
      for (let length = 0; length < frame.length; length += 1)
        expect(codeOf(() => decodeAgentMessage(frame.subarray(0, length)))).toBe('WIRE_MALFORMED');
    }
  });

  it('answer any bytes with a value or a wire code', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => onlyWireCodes(() => decodeAgentMessage(bytes))),
      { numRuns: 2000 },
    );
  });

  it('ignore fields that this version does not know', () => {
    const frame = Buffer.concat([encodeAgentMessage(BATCH), Buffer.of(0xf8, 0x07, 0x01)]);

    expect(decodeAgentMessage(frame)).toEqual(BATCH);
  });
});

describe('messages of a collector', () => {
  it.each(FROM_COLLECTOR)('come back as they were sent: $kind', (message) => {
    expect(decodeCollectorMessage(encodeCollectorMessage(message))).toEqual(message);
  });

  it.each<[string, assay.v1.Envelope.$Properties]>([
    ['a message that only agents send', { hello: HELLO }],
    ['a batch', { batch: { firstSeq: 1 } }],
    ['a renewal', { renew: { token: 'x' } }],
    ['nothing', {}],
    ['a welcome without run', { welcome: { nonce: Buffer.alloc(32), resumeLink: Buffer.alloc(32), plan: { accelerator: 'any' } } }],
    [
      'a welcome with a short nonce',
      { welcome: { runId: 'r', nonce: Buffer.alloc(31), resumeLink: Buffer.alloc(32), plan: { accelerator: 'any' } } },
    ],
    ['a welcome without plan', { welcome: { runId: 'r', nonce: Buffer.alloc(32), resumeLink: Buffer.alloc(32) } }],
    ['a stop for an unknown reason', { stop: { reason: 'bored' } }],
    ['an unknown phase', { run: { phases: [0] } }],
  ])('are refused: %s', (_, wire) => {
    expect(codeOf(() => decodeCollectorMessage(assay.v1.Envelope.encode(wire).finish()))).toBe('WIRE_MALFORMED');
  });

  it('answer any bytes with a value or a wire code', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => onlyWireCodes(() => decodeCollectorMessage(bytes))),
      { numRuns: 2000 },
    );
  });
});

function onlyWireCodes(call: () => unknown): boolean {
  try {
    call();
    return true;
  } catch (error) {
    return isAssayError(error) && (error.code === 'WIRE_MALFORMED' || error.code === 'WIRE_LIMIT');
  }
}
