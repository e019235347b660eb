import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isDirectoryLocked, lockDirectory } from '#core/lock/directory-lock.ts';
import { codeOfPromise } from '../../fixture/uplink/code-of.ts';

describe('lock of a state directory', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'assay-lock-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('is seen from outside exactly as long as it is held', async () => {
    const before = await isDirectoryLocked(directory);
    const unlock = await lockDirectory(directory);
    const during = [await isDirectoryLocked(directory), await isDirectoryLocked(`${directory}/.`), await isDirectoryLocked(tmpdir())];
    await unlock();

    expect([before, during, await isDirectoryLocked(directory)]).toEqual([false, [true, true, false], false]);
  });

  it('is held by one only, and looking at it does not take it away', async () => {
    const unlock = await lockDirectory(directory);
    await Promise.all(Array.from({ length: 20 }, () => isDirectoryLocked(directory)));

    expect(await codeOfPromise(lockDirectory(directory))).toBe('LEDGER_LOCKED');
    await unlock();
  });

  it('is not there where there is no directory', async () => {
    expect(await isDirectoryLocked(join(directory, 'none'))).toBe(false);
  });
});
