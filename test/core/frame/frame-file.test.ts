import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeFrame, FRAME_PAYLOAD_LIMIT } from '#core/frame/frame.ts';
import { FrameFile, type FrameFileOptions } from '#core/frame/frame-file.ts';
import { codeOf, codeOfPromise } from '../../fixture/uplink/code-of.ts';

let directory: string;
let count = 0;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'assay-frame-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function newPath(): string {
  count += 1;
  return join(directory, `file-${String(count)}`);
}

async function openAt(path: string, more: Partial<FrameFileOptions> = {}): Promise<{ file: FrameFile; found: string[] }> {
  const found: string[] = [];
  const file = await FrameFile.open({ path, corruptCode: 'LEDGER_CORRUPT', visit: (payload) => found.push(payload.toString()), ...more });
  return { file, found };
}

async function written(path: string, groups: readonly (readonly string[])[]): Promise<void> {
  const { file } = await openAt(path);
  for (const group of groups) await Promise.all(group.map((text) => file.append(Buffer.from(text))));
  await file.close();
}

async function foundIn(path: string): Promise<readonly string[]> {
  const { file, found } = await openAt(path);
  await file.close();
  return found;
}

describe('frame file', () => {
  it('gives back what was appended, over several openings, in order', async () => {
    const path = newPath();
    await written(path, [
      ['a', 'b'],
      ['', 'c'],
    ]);
    await written(path, [['d'.repeat(100_000)]]);

    expect(await foundIn(path)).toEqual(['a', 'b', '', 'c', 'd'.repeat(100_000)]);
  });

  it('reads back what is on stable storage while it is open', async () => {
    const { file } = await openAt(newPath());
    await file.append(Buffer.from('a'));
    const found: string[] = [];
    await file.read((payload) => found.push(payload.toString()));
    await file.close();

    expect(found).toEqual(['a']);
  });

  it('gives a payload again from where it stands, also beyond one window, and says so when the file became shorter', async () => {
    const path = newPath();
    const texts = ['a', 'b'.repeat(3_000_000 / 2), '', 'c'.repeat(FRAME_PAYLOAD_LIMIT), 'd'.repeat(FRAME_PAYLOAD_LIMIT), 'e'];
    await written(path, [texts]);
    const { file } = await openAt(path);
    const places: { readonly at: number; readonly length: number }[] = [];
    await file.read((payload, at) => places.push({ at, length: payload.length }));
    const again: string[] = [];
    for (const { at, length } of [...places].reverse()) again.unshift((await file.readAt(at, length)).toString());
    truncateSync(path, 100);

    expect(again).toEqual(texts);
    expect(await codeOfPromise(file.readAt(places[5]?.at ?? 0, 1))).toBe('STORAGE_FAILED');
    await file.close();
  });

  it('loses at most the torn frame when it is cut at any byte, and goes on from there', async () => {
    const path = newPath();
    await written(path, [['one'], ['two', 'three'], ['four']]);
    const size = readFileSync(path).length;
    const header = 12;
    const frame = (text: string): number => 18 + text.length;
    const ends = ['one', 'two', 'three', 'four'].map(
      (_, index, all) => header + all.slice(0, index + 1).reduce((sum, text) => sum + frame(text), 0),
    );

    expect(ends.at(-1)).toBe(size);
    for (let cut = header; cut < size; cut += 1) {
      const copy = newPath();
      copyFileSync(path, copy);
      truncateSync(copy, cut);
      const whole = ['one', 'two', 'three', 'four'].slice(0, ends.filter((end) => end <= cut).length);

      expect(await foundIn(copy)).toEqual(whole);
      await written(copy, [['after']]);
      expect(await foundIn(copy)).toEqual([...whole, 'after']);
    }
  });

  it('treats a damaged last group as torn, whole frames after the damage included', async () => {
    const path = newPath();
    await written(path, [['one'], ['two', 'three']]);
    const bytes = readFileSync(path);
    bytes[bytes.indexOf('two')] = 0;
    writeFileSync(path, bytes);

    expect(await foundIn(path)).toEqual(['one']);
    await written(path, [['next']]);
    expect(await foundIn(path)).toEqual(['one', 'next']);
  });

  it.each(['one', 'two'])('refuses a file whose durable part is damaged (at "%s")', async (text) => {
    const path = newPath();
    await written(path, [['one'], ['two'], ['three']]);
    const bytes = readFileSync(path);
    bytes[bytes.indexOf(text)] = 0;
    writeFileSync(path, bytes);

    expect(await codeOfPromise(openAt(path))).toBe('LEDGER_CORRUPT');
  });

  it('does not take frames of another file that lie behind its end', async () => {
    const path = newPath();
    await written(path, [['mine']]);
    const other = newPath();
    await written(other, [['theirs'], ['theirs too']]);
    writeFileSync(path, Buffer.concat([readFileSync(path), readFileSync(other).subarray(12)]));

    expect(await foundIn(path)).toEqual(['mine']);
  });

  it('does not take a frame inside a payload for one of its own', async () => {
    const path = newPath();
    await written(path, [['one']]);
    const forged = encodeFrame(Buffer.from('forged'), 0, 1_000_000);
    writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.from('torn'), forged]));

    expect(await foundIn(path)).toEqual(['one']);
  });

  it.each(['', 'short', 'something else entirely'])('refuses a file that is not its own: "%s"', async (text) => {
    const path = newPath();
    writeFileSync(path, text);

    expect(await codeOfPromise(openAt(path))).toBe('LEDGER_CORRUPT');
  });

  it('reports a directory that does not exist', async () => {
    expect(await codeOfPromise(openAt(join(directory, 'none', 'file')))).toBe('STORAGE_FAILED');
  });

  it('refuses a payload that no frame can hold', async () => {
    const { file } = await openAt(newPath());

    expect(codeOf(() => file.append(Buffer.alloc(FRAME_PAYLOAD_LIMIT + 1)))).toBe('BUG');
    await file.close();
  });

  it('refuses to append after it was closed', async () => {
    const { file } = await openAt(newPath());
    await file.close();

    expect(await codeOfPromise(file.append(Buffer.from('x')))).toBe('STORAGE_FAILED');
  });

  it('shares one fsync among appends that wait together', async () => {
    const disk = new FaultyDisk();
    const { file } = await openAt(newPath(), { openFile: disk.open });
    await Promise.all(Array.from({ length: 500 }, (_, index) => file.append(Buffer.from(String(index)))));
    await file.close();

    expect(disk.syncs).toBeLessThanOrEqual(3);
  });
});

describe('frame file on a full disk', () => {
  it('says so once, waits, and goes on without loss when there is space', async () => {
    const disk = new FaultyDisk();
    const path = newPath();
    const events: string[] = [];
    const resumed = Promise.withResolvers<void>();
    const { file } = await openAt(path, {
      openFile: disk.open,
      onStall: () => {
        events.push('stall');
        disk.room = 1_000_000;
      },
      onResume: () => {
        events.push('resume');
        resumed.resolve();
      },
    });
    await file.append(Buffer.from('before'));
    disk.room = 30;
    const waiting = Promise.all(['a'.repeat(20), 'b'].map((text) => file.append(Buffer.from(text)).then(() => events.push('durable'))));
    await resumed.promise;
    await waiting;
    await file.close();

    expect(events).toEqual(['stall', 'resume', 'durable', 'durable']);
    expect(await foundIn(path)).toEqual(['before', 'a'.repeat(20), 'b']);
  });

  it('leaves no half frame behind when it is closed while the disk is full', async () => {
    const disk = new FaultyDisk();
    const path = newPath();
    const stalled = Promise.withResolvers<void>();
    const { file } = await openAt(path, { openFile: disk.open, onStall: () => stalled.resolve() });
    await file.append(Buffer.from('before'));
    disk.room = 10;
    const waiting = codeOfPromise(file.append(Buffer.from('too much')));
    await stalled.promise;
    await file.close();

    expect(await waiting).toBe('DISK_FULL');
    expect(await foundIn(path)).toEqual(['before']);
  });

  it('counts what waits for the disk', async () => {
    const disk = new FaultyDisk();
    const stalled = Promise.withResolvers<void>();
    const { file } = await openAt(newPath(), { openFile: disk.open, onStall: () => stalled.resolve() });
    disk.room = 0;
    const waiting = [file.append(Buffer.alloc(10)), file.append(Buffer.alloc(5))].map(codeOfPromise);
    await stalled.promise;

    expect(file.pendingBytes).toBe(15);
    await file.close();
    expect(await Promise.all(waiting)).toEqual(['DISK_FULL', 'DISK_FULL']);
  });
});

describe('frame file on a broken disk', () => {
  it('writes nothing more after a failed fsync: nobody knows what the disk holds', async () => {
    const disk = new FaultyDisk();
    const path = newPath();
    const { file } = await openAt(path, { openFile: disk.open });
    await file.append(Buffer.from('before'));
    disk.syncError = Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });

    expect(await codeOfPromise(file.append(Buffer.from('lost')))).toBe('STORAGE_FAILED');
    disk.syncError = undefined;
    expect(await codeOfPromise(file.append(Buffer.from('refused')))).toBe('STORAGE_FAILED');
    await file.close();
  });
});

/** A real file on a disk that runs full or breaks. */
class FaultyDisk {
  room = Number.POSITIVE_INFINITY;
  syncs = 0;
  syncError: Error | undefined;

  readonly open = async (path: string): Promise<FileHandle> => {
    const handle = await open(path, 'r+');
    const write = handle.write.bind(handle) as (
      buffer: Buffer,
      offset: number,
      length: number,
      position: number,
    ) => Promise<{ bytesWritten: number }>;
    const datasync = handle.datasync.bind(handle);
    const faulty = {
      write: async (buffer: Buffer, offset: number, length: number, position: number) => {
        const fits = Math.min(length, this.room);
        if (fits === 0) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
        const result = await write(buffer, offset, fits, position);
        this.room -= result.bytesWritten;
        return result;
      },
      datasync: async () => {
        this.syncs += 1;
        if (this.syncError !== undefined) throw this.syncError;
        await datasync();
      },
    };
    return Object.assign(handle, faulty);
  };
}
