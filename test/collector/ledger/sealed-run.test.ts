import { describe, expect, it } from 'vitest';
import { decodeEntry, encodeEntry, type LedgerEntry } from '../../../collector/ledger/entry.ts';
import { codeOf, codeOfPromise } from '../../fixture/uplink/code-of.ts';
import { agentEntry, batchEntry, NONCE_HEX, OPENED_AT_MS, runEntry, SEAL, testAgent } from '../../fixture/uplink/entries.ts';
import { driverRecords } from '../../fixture/uplink/records.ts';
import { sealedRunFrom } from '../../fixture/uplink/whole-run.ts';

const BODIES = driverRecords('node-a', 8);
const AGENT = testAgent('node-a', BODIES);
const RUN = runEntry(['node-a', 'node-b']);

describe('sealed run', () => {
  it('is what the entries say: reports in the order of the expected nodes, times from the ledger', async () => {
    const absences = [{ node: 'node-b', reason: 'never-connected', detail: 'x' }] as never;
    const entries: LedgerEntry[] = [
      RUN,
      agentEntry(AGENT),
      batchEntry(AGENT, [1, 3]),
      { kind: 'reopened', atMs: 1 },
      batchEntry(AGENT, [2, 8]),
      { ...SEAL, absences } as LedgerEntry,
    ];

    expect(await sealedRunFrom(entries)).toEqual({
      runId: 'run-test',
      nonce: NONCE_HEX,
      openedAtMs: OPENED_AT_MS,
      sealedAtMs: OPENED_AT_MS + 9000,
      expected: ['node-a', 'node-b'],
      reports: [{ node: 'node-a', agentVersion: '0.0.0-test', records: BODIES, complete: true, attempt: 1, clockSkewMs: 3 }],
      absences,
      collectorRestarts: 1,
    });
  });

  it('is the same after every entry went through its bytes', async () => {
    const entries: LedgerEntry[] = [RUN, agentEntry(AGENT), batchEntry(AGENT, [1, 8]), SEAL];

    expect(await sealedRunFrom(entries.map((entry) => decodeEntry(encodeEntry(entry))))).toEqual(await sealedRunFrom(entries));
  });

  it('calls a report without its last record incomplete', async () => {
    const { reports } = await sealedRunFrom([RUN, agentEntry(AGENT), batchEntry(AGENT, [1, 7]), SEAL]);

    expect(reports.map(({ complete, records }) => [complete, records.length])).toEqual([[false, 7]]);
  });

  it('counts only the last agent of a node', async () => {
    const second = testAgent('node-a', driverRecords('again', 5));
    const { reports } = await sealedRunFrom([
      RUN,
      agentEntry(AGENT),
      batchEntry(AGENT, [1, 4]),
      agentEntry(second, { agent: 1, attempt: 2 }),
      batchEntry(second, [1, 5], 1),
      SEAL,
    ]);

    expect(reports.map(({ attempt, records }) => [attempt, records])).toEqual([[2, driverRecords('again', 5)]]);
  });

  it('has no report of a rejected node, whatever it sent', async () => {
    const rejected: LedgerEntry = { kind: 'rejected', node: 'node-a', code: 'WIRE_EQUIVOCATION', detail: 'x', atMs: 1 };

    expect((await sealedRunFrom([RUN, agentEntry(AGENT), batchEntry(AGENT, [1, 8]), rejected, SEAL])).reports).toEqual([]);
  });

  it.each<[string, LedgerEntry[]]>([
    ['nothing', []],
    ['no seal', [RUN, agentEntry(AGENT)]],
    ['no header', [agentEntry(AGENT), SEAL]],
    ['two headers', [RUN, RUN, SEAL]],
    ['a header of another format', [{ ...RUN, format: 2 } as never, SEAL]],
    ['something after the seal', [RUN, SEAL, agentEntry(AGENT)]],
    ['two seals', [RUN, SEAL, SEAL]],
    ['a batch of an unknown agent', [RUN, batchEntry(AGENT, [1, 2]), SEAL]],
    ['agents out of order', [RUN, agentEntry(AGENT, { agent: 1 }), SEAL]],
  ])('does not come from a ledger with %s', async (_, entries) => {
    expect(await codeOfPromise(sealedRunFrom(entries))).toBe('LEDGER_CORRUPT');
  });

  it.each([
    ['empty', Buffer.alloc(0)],
    ['of an unknown kind', Buffer.of(9, 1)],
    ['no JSON', Buffer.from('\u0001{')],
    ['half a batch', Buffer.of(2, 0, 0)],
  ])('does not come from an entry that is %s', (_, bytes) => {
    expect(codeOf(() => decodeEntry(bytes))).toBe('LEDGER_CORRUPT');
  });

  it('has what a cluster adds, in the order in which it came', async () => {
    const check = (name: string) => ({ phase: 'deployment', check: name, status: 'passed', durationMs: 1, startedAtMs: 1 }) as const;
    const facts = [
      { type: 'K8s', subtype: 'server', key: 'version', reading: { state: 'read', value: 'v1.36.0' }, source: '/version' },
    ] as const;
    const incident = { code: 'NODE_BUSY', node: 'node-a', detail: 'x', atMs: 2 };
    const run = await sealedRunFrom(
      [
        { ...RUN, cluster: { nodeUids: ['a', 'b'], refilled: true }, previous: `sha256:${'1'.repeat(64)}` as never },
        agentEntry(AGENT),
        agentEntry(testAgent('node-a', BODIES), { agent: 1, attempt: 2 }),
        agentEntry(testAgent('node-a', BODIES), { agent: 2, attempt: 3 }),
        { kind: 'cluster-check', result: check('b') },
        { kind: 'incident', incident },
        { kind: 'reopened', atMs: 1 },
        { kind: 'cluster-facts', measurements: facts },
        // A collector that was killed right after writing them reads them again; the first ones count.
        { kind: 'cluster-facts', measurements: [] },
        { kind: 'cluster-check', result: check('a') },
        { ...SEAL, incidentCounts: { NODE_BUSY: 5 } } as LedgerEntry,
      ].map((entry) => decodeEntry(encodeEntry(entry as LedgerEntry))),
    );

    expect(run.previous).toBe(`sha256:${'1'.repeat(64)}`);
    expect(run.cluster).toEqual({
      checks: [check('b'), check('a')],
      measurements: facts,
      incidents: [incident],
      incidentCounts: { NODE_BUSY: 5 },
      refilled: true,
      startedOver: 1,
    });
  });

  it('says nothing of a cluster outside of one', async () => {
    const run = await sealedRunFrom([RUN, { kind: 'incident', incident: { code: 'X', detail: 'x', atMs: 1 } }, SEAL]);

    expect(run.cluster).toBeUndefined();
  });

  it('joins absences that needed entries of their own, but not those of a collector that was killed before its seal', async () => {
    const absence = (node: string) => ({ node, reason: 'tainted', detail: 'x' }) as never;
    const run = await sealedRunFrom([
      RUN,
      { kind: 'absences', absences: [absence('stale')] },
      { kind: 'reopened', atMs: 1 },
      { kind: 'absences', absences: [absence('a'), absence('b')] },
      { kind: 'absences', absences: [absence('c')] },
      { ...SEAL, absences: [absence('d')] } as LedgerEntry,
    ]);

    expect(run.absences.map(({ node }) => node)).toEqual(['a', 'b', 'c', 'd']);
  });
});
