import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ledger, type OpenedLedger } from '../../../collector/ledger/ledger.ts';
import { codeOfPromise } from '../../fixture/uplink/code-of.ts';
import { agentEntry, batchEntry, runEntry, SEAL, testAgent } from '../../fixture/uplink/entries.ts';
import { driverRecords } from '../../fixture/uplink/records.ts';
import { wholeRun } from '../../fixture/uplink/whole-run.ts';

const AGENT = testAgent('node-a', driverRecords('node-a', 8));
let root: string;
let count = 0;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'assay-ledger-'));
});
afterAll(() => rmSync(root, { recursive: true }));

function newDirectory(): string {
  count += 1;
  return join(root, 'deep', String(count));
}

function openLedger(directory: string, runId = 'run-test'): Promise<OpenedLedger> {
  return Ledger.open({ directory, newRun: () => runEntry(['node-a'], { runId }), nowMs: () => 5 });
}

describe('ledger', () => {
  it('goes on with the run it holds when it is opened again', async () => {
    const directory = newDirectory();
    const first = await openLedger(directory);
    await first.ledger.append(agentEntry(AGENT));
    await first.ledger.append(batchEntry(AGENT, [1, 5]));
    await first.ledger.close();

    const second = await openLedger(directory, 'another-run');
    await second.ledger.close();

    expect(second.run).toEqual(first.run);
    expect(second.replay.restarts).toBe(1);
    expect(second.replay.agents.map(({ entry, stream }) => [entry.node, stream.receivedSeq])).toEqual([['node-a', 5]]);
  });

  it('holds nothing and nobody when its run cannot be made, and can be opened then', async () => {
    const directory = newDirectory();
    const refused = Ledger.open({ directory, newRun: () => Promise.reject(new Error('no nodes')), nowMs: () => 5 });
    await expect(refused).rejects.toThrow('no nodes');
    const { ledger, run } = await openLedger(directory);
    await ledger.close();

    expect(run.runId).toBe('run-test');
  });

  it('gives the sealed run and the digest of its file, and is not changed by being opened again', async () => {
    const directory = newDirectory();
    const { ledger } = await openLedger(directory);
    for (const entry of [agentEntry(AGENT), batchEntry(AGENT, [1, 8]), SEAL]) await ledger.append(entry);
    const run = await wholeRun(await ledger.openSealed());
    const digest = await ledger.digest();
    await ledger.close();
    const again = await openLedger(directory);
    const runAgain = await wholeRun(await again.ledger.openSealed());
    await again.ledger.close();

    expect(run.reports.map(({ complete, records }) => [complete, records.length])).toEqual([[true, 8]]);
    expect(runAgain).toEqual(run);
    expect(digest).toBe(
      `sha256:${createHash('sha256')
        .update(readFileSync(join(directory, 'ledger')))
        .digest('hex')}`,
    );
  });

  it('does not give a run that is not sealed', async () => {
    const { ledger } = await openLedger(newDirectory());

    expect(await codeOfPromise(ledger.openSealed())).toBe('LEDGER_CORRUPT');
    await ledger.close();
  });

  it('lets one collector at a time use a directory, and frees it at the end', async () => {
    const directory = newDirectory();
    const first = await openLedger(directory);

    expect(await codeOfPromise(openLedger(directory))).toBe('LEDGER_LOCKED');
    await first.ledger.close();
    await (await openLedger(directory)).ledger.close();
  });

  it('frees the directory when the ledger cannot be opened', async () => {
    const directory = newDirectory();
    await (await openLedger(directory)).ledger.close();
    writeFileSync(join(directory, 'ledger'), 'not a ledger');

    expect(await codeOfPromise(openLedger(directory))).toBe('LEDGER_CORRUPT');
    expect(await codeOfPromise(openLedger(directory))).toBe('LEDGER_CORRUPT');
  });

  it('is readable by its owner only', async () => {
    const directory = newDirectory();
    await (await openLedger(directory)).ledger.close();

    expect(statSync(join(directory, 'ledger')).mode & 0o777).toBe(0o600);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });

  it('reports a directory that cannot be made', async () => {
    writeFileSync(join(root, 'file'), '');

    expect(await codeOfPromise(openLedger(join(root, 'file', 'below')))).toBe('STORAGE_FAILED');
  });
});
