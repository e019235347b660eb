import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeAgentMessage } from '#core/wire/agent-message.ts';
import { WIRE_LIMITS } from '#core/wire/limits.ts';
import type { Batch, Welcome } from '#core/wire/message.ts';
import { encodeRecord } from '#core/wire/record-codec.ts';
import { Journal } from '../../../agent/uplink/journal.ts';
import { Outbox } from '../../../agent/uplink/outbox.ts';
import { codeOf } from '../../fixture/uplink/code-of.ts';
import { driverRecords } from '../../fixture/uplink/records.ts';
import { SignedAgent } from '../../fixture/uplink/signed-agent.ts';

const NONCE = Buffer.alloc(32, 7);
const BODIES = driverRecords('node-a', 600);
const PLENTY = 1_000_000;

let directory: string;
let journal: Journal;
let twin: SignedAgent;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'assay-outbox-'));
  journal = await Journal.open({ directory, node: 'node-a' });
  await journal.bind({ runId: 'run-1', nonce: NONCE.toString('hex') });
  twin = new SignedAgent('node-a', NONCE, BODIES, journal.key);
});
afterEach(async () => {
  await journal.close();
  rmSync(directory, { recursive: true });
});

function welcomeAt(resumeSeq: number, resumeLink: Buffer = twin.links[resumeSeq] as Buffer): Welcome {
  return {
    kind: 'welcome',
    protocol: 1,
    runId: 'run-1',
    nonce: NONCE,
    plan: { accelerator: 'any', phases: [] },
    resumeSeq,
    resumeLink,
    creditBytes: 1,
  };
}

async function fill(count: number): Promise<Outbox> {
  await Promise.all(BODIES.slice(0, count).map((body, index) => journal.add(encodeRecord(index + 1, body))));
  return new Outbox(journal, 'node-a');
}

function batches(outbox: Outbox, credit = PLENTY): readonly Batch[] {
  const found: Batch[] = [];
  for (let next = outbox.next(credit); next !== undefined; next = outbox.next(credit)) found.push(decodeAgentMessage(next) as Batch);
  return found;
}

describe('outbox', () => {
  it('signs what the journal holds, from where the collector stands', async () => {
    const outbox = await fill(5);

    expect(outbox.resume(welcomeAt(2))).toBe(true);
    expect(batches(outbox)).toEqual([twin.batch(3, 5)]);
    expect(outbox.next(PLENTY)).toBeUndefined();
  });

  it('sends again what the collector lost', async () => {
    const outbox = await fill(5);
    outbox.resume(welcomeAt(5));

    expect(outbox.resume(welcomeAt(1))).toBe(true);
    expect(batches(outbox)).toEqual([twin.batch(2, 5)]);
  });

  it('splits at the limits of a batch', async () => {
    const outbox = await fill(600);
    outbox.resume(welcomeAt(0));
    const sizes = batches(outbox).map(({ firstSeq, records }) => [firstSeq, records.length]);

    expect(sizes).toEqual([
      [1, WIRE_LIMITS.recordsPerBatch],
      [257, WIRE_LIMITS.recordsPerBatch],
      [513, 88],
    ]);
  });

  it('never makes a frame larger than the credit', async () => {
    const outbox = await fill(100);
    outbox.resume(welcomeAt(0));

    expect(outbox.next(100)).toBeUndefined();
    const credit = 2000;
    for (let next = outbox.next(credit); next !== undefined; next = outbox.next(credit)) expect(next.length).toBeLessThanOrEqual(credit);
    expect(outbox.next(PLENTY)).toBeUndefined();
  });

  it('sends a record alone that is larger than a usual batch', async () => {
    const large = {
      kind: 'check',
      result: {
        phase: 'deployment',
        check: 'a',
        status: 'passed',
        durationMs: 1,
        startedAtMs: 1,
        stdout: Array.from({ length: 20 }, () => 'x'.repeat(8000)),
      },
    } as const;
    await journal.add(encodeRecord(1, large));
    await journal.add(encodeRecord(2, large));
    const outbox = new Outbox(journal, 'node-a');
    outbox.resume({ ...welcomeAt(0), resumeLink: twin.links[0] as Buffer });

    expect(batches(outbox).map(({ records }) => records.length)).toEqual([1, 1]);
  });

  it('does not believe an ack of what was never sent', async () => {
    const outbox = await fill(5);
    outbox.resume(welcomeAt(0));
    outbox.next(PLENTY);
    outbox.acknowledge(5);

    expect(outbox.ackedSeq).toBe(5);
    expect(codeOf(() => outbox.acknowledge(6))).toBe('WIRE_ORDER');
  });

  it('knows when the collector has another history', async () => {
    const outbox = await fill(5);

    expect(outbox.resume(welcomeAt(5, Buffer.alloc(32)))).toBe(false);
    expect(outbox.resume(welcomeAt(6))).toBe(false);
    expect(outbox.resume(welcomeAt(0, twin.links[1]))).toBe(false);
  });
});
