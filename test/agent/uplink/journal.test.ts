import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WIRE_LIMITS } from '#core/wire/limits.ts';
import { Journal } from '../../../agent/uplink/journal.ts';
import { codeOf, codeOfPromise } from '../../fixture/uplink/code-of.ts';

let root: string;
let count = 0;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'assay-journal-'));
});
afterAll(() => rmSync(root, { recursive: true }));

function newDirectory(): string {
  count += 1;
  return join(root, String(count));
}

function openJournal(directory: string, node = 'node-a'): Promise<Journal> {
  return Journal.open({ directory, node });
}

describe('journal', () => {
  it('keeps key, run and records over restarts', async () => {
    const directory = newDirectory();
    const first = await openJournal(directory);
    await first.bind({ runId: 'run-1', nonce: '00' });
    await Promise.all([first.add(Buffer.of(1)), first.add(Buffer.of(2, 3))]);
    await first.close();
    const second = await openJournal(directory);

    expect(second.publicKey).toEqual(first.publicKey);
    expect(second.run).toEqual({ runId: 'run-1', nonce: '00' });
    expect(second.records).toEqual([Uint8Array.of(1), Uint8Array.of(2, 3)]);
    await second.close();
  });

  it('holds a record only when it is on stable storage', async () => {
    const journal = await openJournal(newDirectory());
    const stored = journal.add(Buffer.of(1));

    expect(journal.records.length).toBe(0);
    await stored;
    expect(journal.records.length).toBe(1);
    await journal.close();
  });

  it('forgets a record that a crash cut off, and nothing else', async () => {
    const directory = newDirectory();
    const journal = await openJournal(directory);
    await journal.add(Buffer.alloc(100, 1));
    await journal.add(Buffer.alloc(100, 2));
    await journal.close();
    const path = join(directory, 'journal');
    truncateSync(path, statSync(path).size - 1);
    const again = await openJournal(directory);

    expect(again.records).toEqual([new Uint8Array(100).fill(1)]);
    expect(again.publicKey).toEqual(journal.publicKey);
    await again.close();
  });

  it('starts over with another key and without records', async () => {
    const journal = await openJournal(newDirectory());
    const { publicKey } = journal;
    await journal.bind({ runId: 'run-1', nonce: '00' });
    await journal.add(Buffer.of(1));
    await journal.reset();

    expect([journal.run, journal.records]).toEqual([undefined, []]);
    expect(journal.publicKey).not.toEqual(publicKey);
    await journal.close();
  });

  it('is gone after it was removed', async () => {
    const directory = newDirectory();
    const journal = await openJournal(directory);
    await journal.remove();

    expect(existsSync(join(directory, 'journal'))).toBe(false);
  });

  it('refuses the journal of another node', async () => {
    const directory = newDirectory();
    await (await openJournal(directory)).close();

    expect(await codeOfPromise(openJournal(directory, 'node-b'))).toBe('JOURNAL_CORRUPT');
  });

  it('refuses a journal that is damaged before its end', async () => {
    const directory = newDirectory();
    const journal = await openJournal(directory);
    await journal.add(Buffer.from('damaged'));
    await journal.add(Buffer.from('later'));
    await journal.close();
    const path = join(directory, 'journal');
    const bytes = readFileSync(path);
    bytes[bytes.indexOf('damaged')] = 0;
    writeFileSync(path, bytes);

    expect(await codeOfPromise(openJournal(directory))).toBe('JOURNAL_CORRUPT');
  });

  it('reports a directory that cannot be made', async () => {
    writeFileSync(join(root, 'file'), '');

    expect(await codeOfPromise(openJournal(join(root, 'file', 'below')))).toBe('STORAGE_FAILED');
  });

  it('is bounded, counting what is still on its way to the disk', async () => {
    const journal = await openJournal(newDirectory());
    const record = Buffer.alloc(WIRE_LIMITS.recordBytes);
    const room = WIRE_LIMITS.bytesPerNode / WIRE_LIMITS.recordBytes;
    const stored = Array.from({ length: room }, () => journal.add(record));

    expect(codeOf(() => journal.add(Buffer.of(1)))).toBe('JOURNAL_FULL');
    await Promise.all(stored);
    expect(journal.records.length).toBe(room);
    await journal.close();
  });

  it('can be read by its owner only: it holds the key', async () => {
    const directory = newDirectory();
    await (await openJournal(directory)).close();

    expect(statSync(join(directory, 'journal')).mode & 0o777).toBe(0o600);
  });
});
