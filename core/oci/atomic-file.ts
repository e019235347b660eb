import { randomBytes } from 'node:crypto';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeDirectory } from '#core/file/make-directory.ts';
import { writeFailure } from './file-failure.ts';

const SUFFIX_BYTES = 6;
const TEMPORARY = /^\..+\.[0-9a-f]{12}\.tmp$/;

/**
 * Writes a file so that readers, and a restart after a crash, see the old content or the new one whole: a temporary file
 * beside it, fsync, rename, fsync of the directory. The parent directory is made when missing.
 * @throws DISK_FULL, OUTPUT_UNWRITABLE
 */
export async function writeFileAtomically(
  path: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  mode = 0o644,
): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(SUFFIX_BYTES).toString('hex')}.tmp`);
  try {
    await makeDirectory(dirname(path));
    await writeDurably(temporary, pieces, mode);
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (cause) {
    // Where the directory is no directory there is nothing to remove, and what stopped the writing says more.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw writeFailure(path, cause);
  }
}

/** Removes what writers that were killed left in a directory; only for a directory that nobody else is writing to. */
export async function removeTemporaries(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names.filter((candidate) => TEMPORARY.test(candidate))) await rm(join(directory, name), { force: true });
}

/** Writes a new file and returns when its bytes are on disk. */
export async function writeDurably(path: string, pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, mode: number): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    for await (const piece of pieces) await file.writeFile(piece);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes renames and new names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
