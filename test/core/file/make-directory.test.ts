import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemCode } from '#core/error.ts';
import { makeDirectory } from '#core/file/make-directory.ts';

let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'assay-make-directory-'));
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

const codeOf = (path: string): Promise<unknown> =>
  makeDirectory(path).then(
    () => 'made',
    (error: unknown) => systemCode(error),
  );

describe('a directory', () => {
  it('is made with all that is missing above it, in the mode asked for', async () => {
    await makeDirectory(join(place, 'a/b/c'), 0o700);

    expect(['a', 'a/b', 'a/b/c'].map((path) => statSync(join(place, path)).mode & 0o777)).toEqual([0o700, 0o700, 0o700]);
  });

  it.each(['', '.', 'a/..', 'a/', 'a/./b/../c'])('%j below a place may be there already, and be made twice', async (path) => {
    await makeDirectory(join(place, 'a'));
    await makeDirectory(`${place}/${path}`);

    expect(await codeOf(`${place}/${path}`)).toBe('made');
  });

  it('is made by many at once', async () => {
    const path = join(place, 'x/y/z');

    expect(await Promise.all(Array.from({ length: 20 }, () => codeOf(path)))).toEqual(Array.from({ length: 20 }, () => 'made'));
  });

  it('cannot be made where a file is', async () => {
    writeFileSync(join(place, 'file'), '');

    expect(await codeOf(join(place, 'file'))).toBe('EEXIST');
    expect(await codeOf(join(place, 'file/below'))).toBe('ENOTDIR');
  });

  it('cannot be made in a file system without directories, and says so at once', async () => {
    expect(await codeOf('/proc/assay/a/b')).toBe('ENOENT');
  });

  it('has a name', async () => {
    expect(await codeOf('')).toBe('ENOENT');
  });
});
