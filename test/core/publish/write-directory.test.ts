import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeBundleDirectory } from '#core/publish/write-directory.ts';

let out: string;
let target: string;

beforeEach(async () => {
  out = await mkdtemp(join(tmpdir(), 'assay-write-'));
  target = join(out, 'summary-bundle');
});
afterEach(() => rm(out, { recursive: true }));

const files = new Map([
  ['recipe.yaml', Buffer.from('a: 1\n')],
  ['ctrf/deployment.json', Buffer.from('{}')],
]);

async function listing(): Promise<string[]> {
  return (await readdir(out, { recursive: true })).sort();
}

async function modes(): Promise<Record<string, string>> {
  const names = await readdir(target, { recursive: true });
  const entries = await Promise.all(
    ['.', ...names].map(async (name) => [name, ((await stat(join(target, name))).mode & 0o777).toString(8)] as const),
  );
  return Object.fromEntries(entries);
}

describe('writing a bundle directory', () => {
  it('puts every file in place with the modes of the format', async () => {
    await writeBundleDirectory(target, files);

    expect(await readFile(join(target, 'ctrf/deployment.json'), 'utf8')).toBe('{}');
    expect(await modes()).toEqual({ '.': '755', ctrf: '755', 'ctrf/deployment.json': '600', 'recipe.yaml': '600' });
  });

  it('replaces an earlier bundle whole, with nothing of it left', async () => {
    await writeBundleDirectory(target, new Map([...files, ['ctrf/performance.json', Buffer.from('old')]]));

    await writeBundleDirectory(target, files);

    expect(await listing()).toEqual([
      'summary-bundle',
      'summary-bundle/ctrf',
      'summary-bundle/ctrf/deployment.json',
      'summary-bundle/recipe.yaml',
    ]);
  });

  it('cleans up after a crash before the rename', async () => {
    await mkdir(join(out, '.summary-bundle.new-abc'));
    await writeFile(join(out, '.summary-bundle.new-abc/recipe.yaml'), 'half');

    await writeBundleDirectory(target, files);

    expect(await readdir(out)).toEqual(['summary-bundle']);
  });

  it('brings back the bundle that a crash between the renames left hidden, when the next write fails', async () => {
    await writeBundleDirectory(target, files);
    await rename(target, join(out, '.summary-bundle.old-abc'));
    const collision = new Map([
      ['ctrf', Buffer.from('a file')],
      ['ctrf/deployment.json', Buffer.from('{}')],
    ]);

    await expect(writeBundleDirectory(target, collision)).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });

    expect(await readFile(join(target, 'recipe.yaml'), 'utf8')).toBe('a: 1\n');
    expect(await readdir(out)).toEqual(['summary-bundle']);
  });

  it.each(['../escape', '/absolute', '.hidden', 'a//b', ''])('refuses the path %j and writes nothing', async (path) => {
    await expect(writeBundleDirectory(target, new Map([...files, [path, Buffer.from('x')]]))).rejects.toMatchObject({
      code: 'ARTIFACT_INVALID',
    });

    expect(await readdir(out)).toEqual([]);
  });

  it('says so when the place cannot be written', async () => {
    await writeFile(join(out, 'file'), '');

    await expect(writeBundleDirectory(join(out, 'file/summary-bundle'), files)).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
  });

  it('leaves the bundle that is there untouched when a new one cannot be written', async () => {
    await writeBundleDirectory(target, files);
    await chmod(target, 0o755);
    const collision = new Map([
      ['a', Buffer.from('x')],
      ['a/b', Buffer.from('y')],
    ]);

    await expect(writeBundleDirectory(target, collision)).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });

    expect(await readFile(join(target, 'recipe.yaml'), 'utf8')).toBe('a: 1\n');
  });
});
