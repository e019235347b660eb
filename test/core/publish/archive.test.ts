import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytesSource, fileSource, type BlobSource } from '#core/oci/blob-source.ts';
import { writeArchive } from '#core/publish/archive.ts';

let place: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'assay-archive-'));
});
afterEach(() => rm(place, { recursive: true }));

const files = new Map<string, BlobSource>([
  ['recipe.yaml', bytesSource(Buffer.from('a: 1\n'))],
  ['ctrf/deployment.json', bytesSource(Buffer.from('{}'))],
  ['bom.cdx.json', bytesSource(Buffer.alloc(300_000, 'x'))],
]);

interface Entry {
  readonly header: Header;
  readonly bytes: Buffer;
}

async function entriesOf(path: string): Promise<readonly Entry[]> {
  const tar = extract();
  tar.end(gunzipSync(await readFile(path)));
  const entries: Entry[] = [];
  for await (const entry of tar) {
    const pieces: Buffer[] = [];
    for await (const piece of entry) pieces.push(piece as Buffer);
    entries.push({ header: entry.header, bytes: Buffer.concat(pieces) });
  }
  return entries;
}

describe('an archive of a bundle', () => {
  it('holds directories before their files, in byte order, telling nothing about who packed it and when', async () => {
    const path = join(place, 'bundle.tar.gz');
    await writeArchive(path, files);

    const entries = await entriesOf(path);

    expect(
      entries.map(({ header: { name, type, mode, mtime, uid, gid, uname, gname, pax } }) => ({
        name,
        type,
        mode,
        mtime: mtime?.getTime(),
        owner: [uid, gid, uname, gname],
        pax,
      })),
    ).toEqual(
      [
        ['summary-bundle/', 'directory', 0o755],
        ['summary-bundle/bom.cdx.json', 'file', 0o600],
        ['summary-bundle/ctrf/', 'directory', 0o755],
        ['summary-bundle/ctrf/deployment.json', 'file', 0o600],
        ['summary-bundle/recipe.yaml', 'file', 0o600],
      ].map(([name, type, mode]) => ({ name, type, mode, mtime: 0, owner: [0, 0, '', ''], pax: null })),
    );
    expect(entries[1]?.bytes.length).toBe(300_000);
    expect(entries[4]?.bytes.toString()).toBe('a: 1\n');
  });

  it('has the same bytes whatever order the files came in', async () => {
    await writeArchive(join(place, 'one.tar.gz'), files);
    await writeArchive(join(place, 'two.tgz'), new Map([...files].reverse()));

    expect(await readFile(join(place, 'two.tgz'))).toEqual(await readFile(join(place, 'one.tar.gz')));
  });

  it.each(['../x', '/x', '.hidden', 'a//b', ''])('refuses the path %j and leaves nothing behind', async (path) => {
    await expect(writeArchive(join(place, 'x.tar.gz'), new Map([...files, [path, bytesSource(Buffer.from('x'))]]))).rejects.toMatchObject({
      code: 'ARTIFACT_INVALID',
    });

    expect(await readdir(place)).toEqual([]);
  });

  it.each(['bundle', 'bundle.zip', 'bundle.tar'])('refuses the name %s', async (name) => {
    await expect(writeArchive(join(place, name), files)).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('leaves nothing behind when a file changes while it is packed', async () => {
    const changing: BlobSource = {
      ...(await fileSource(import.meta.filename)),
      read: () => {
        throw new Error('gone');
      },
    };

    await expect(writeArchive(join(place, 'x.tar.gz'), new Map([['recipe.yaml', changing]]))).rejects.toThrow('gone');

    expect(await readdir(place)).toEqual([]);
  });

  it('says so when the place cannot be written', async () => {
    await expect(writeArchive(join(import.meta.filename, 'x.tar.gz'), files)).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
  });
});
