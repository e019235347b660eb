import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readToken, watchToken } from '../../../agent/uplink/token-file.ts';
import { codeOfPromise } from '../../fixture/uplink/code-of.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'assay-token-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

describe('token file', () => {
  it('is read without the line end that editors add', async () => {
    writeFileSync(join(directory, 'token'), 'a.b.c\n');

    expect(await readToken(join(directory, 'token'))).toBe('a.b.c');
  });

  it.each(['none', '.'])('is a refused credential when it cannot be read: %s', async (name) => {
    expect(await codeOfPromise(readToken(join(directory, name)))).toBe('UPLINK_REFUSED');
  });
});

describe('token watch', () => {
  const told: string[] = [];
  let path: string;
  let end: () => void;
  let version = 0;

  /** Replaces the token as kubelet does: a link is turned around. */
  function put(token: string): void {
    version += 1;
    writeFileSync(join(directory, `version-${String(version)}`), token);
    symlinkSync(`version-${String(version)}`, join(directory, 'link.new'));
    renameSync(join(directory, 'link.new'), path);
  }

  /** Lets another watch of the same pace tell something: this one has looked by then. */
  async function looks(): Promise<void> {
    const other = join(directory, 'other');
    for (const token of ['one', 'two']) {
      writeFileSync(other, token);
      await new Promise<void>((resolve) => {
        const stop = watchToken({ path: other, known: '', everyMs: 5, onNew: () => (stop(), resolve()) });
      });
    }
  }

  beforeEach(() => {
    told.length = 0;
    path = join(directory, 'link');
    put('first');
    end = watchToken({ path, known: 'first', everyMs: 5, onNew: (token) => void told.push(token) });
  });
  afterEach(() => end());

  it('tells each new token once', async () => {
    put('second');
    await expect.poll(() => told).toEqual(['second']);
    put('third');
    await expect.poll(() => told).toEqual(['second', 'third']);
    put('first');
    await expect.poll(() => told).toEqual(['second', 'third', 'first']);
  });

  it.each<[string, string]>([
    ['the same token in another file', 'first\n'],
    ['an empty file', '  \n'],
    ['more than a token may have', 'x'.repeat(4097)],
  ])('passes over %s', async (_, text) => {
    put(text);
    await looks();
    put('second');

    await expect.poll(() => told).toEqual(['second']);
  });

  it('waits for a file that is away', async () => {
    rmSync(path);
    await looks();
    put('second');

    await expect.poll(() => told).toEqual(['second']);
  });
});
