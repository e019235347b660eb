import { constants } from 'node:fs';
import { lstat, open, readdir, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { BUNDLE_DIRECTORY, BUNDLE_FILE } from '#core/attestation/media-type.ts';
import { errorText, systemCode } from '#core/error.ts';
import { shown } from '../foreign-text.ts';
import { Refusal } from '../refusal.ts';
import { Budget, collectFile, LIMIT, type BundleFile, type BundleFiles } from './bundle-files.ts';
import { NameRegister } from './path-rules.ts';

const CHUNK_BYTES = 256 << 10;

/** How a directory is read. */
export interface DirectoryOptions {
  /** Upstream follows links to files; otherwise a link is refused. */
  readonly followLinks?: boolean;
}

/**
 * The bundle directory at or below a path: the directory itself, or its `summary-bundle`.
 * @returns undefined when neither holds recipe.yaml and manifest.json
 */
export async function findBundleDirectory(path: string): Promise<string | undefined> {
  for (const candidate of [path, join(path, BUNDLE_DIRECTORY)]) {
    const kinds = await Promise.all([BUNDLE_FILE.recipe, BUNDLE_FILE.manifest].map((name) => entryKind(join(candidate, name))));
    if (kinds.every((kind) => kind === 'present')) return candidate;
  }
  return undefined;
}

/**
 * Reads every file below a bundle directory once, without following links and without opening pipes or devices.
 * @param root path of the bundle directory
 * @throws Refusal FILE_KIND_REFUSED, NAME_REFUSED, NAME_COLLISION, LIMIT_EXCEEDED, INPUT_UNSUPPORTED
 */
export async function readDirectory(root: string, options: DirectoryOptions = {}): Promise<BundleFiles> {
  const budget = new Budget();
  const names = new NameRegister();
  const files = new Map<string, BundleFile>();
  const pending = [''];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for (const entry of await listFolder(join(root, folder))) {
      budget.addEntry();
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) pending.push(names.admit(path, 'directory'));
      else if (entry.isFile() || (options.followLinks === true && entry.isSymbolicLink()))
        files.set(names.admit(path, 'file'), await readFileOnce(join(root, path), { path, budget, follow: options.followLinks === true }));
      else
        throw new Refusal(
          'FILE_KIND_REFUSED',
          `${shown(path)} is a ${entry.isSymbolicLink() ? 'link' : 'device, pipe or socket'}, not a plain file`,
        );
    }
  }
  return files;
}

interface ReadPlace {
  readonly path: string;
  readonly budget: Budget;
  readonly follow: boolean;
}

async function readFileOnce(absolute: string, { path, budget, follow }: ReadPlace): Promise<BundleFile> {
  // Non-blocking: opening a pipe that took the file's place must not wait for a writer.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | (follow ? 0 : constants.O_NOFOLLOW);
  const handle = await openFile(absolute, flags, path);
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new Refusal('FILE_KIND_REFUSED', `${shown(path)} is not a plain file`);
    if (stat.size > LIMIT.totalBytes) throw new Refusal('LIMIT_EXCEEDED', `${shown(path)} has ${stat.size} bytes`);
    return await collectFile(path, chunksOf(handle, stat.size), budget);
  } finally {
    await handle.close();
  }
}

/** The bytes that are there while reading, in pieces; a first read of the known size spares most files a copy. */
async function* chunksOf(handle: FileHandle, size: number): AsyncGenerator<Uint8Array> {
  for (;;) {
    const buffer = Buffer.allocUnsafeSlow(Math.min(Math.max(size, 1), CHUNK_BYTES));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
    if (bytesRead === 0) return;
    yield bytesRead === buffer.length ? buffer : buffer.subarray(0, bytesRead);
  }
}

async function openFile(absolute: string, flags: number, path: string): Promise<FileHandle> {
  try {
    return await open(absolute, flags);
  } catch (cause) {
    if (systemCode(cause) === 'ELOOP') throw new Refusal('FILE_KIND_REFUSED', `${shown(path)} is a link, not a plain file`, { cause });
    throw new Refusal('INPUT_UNSUPPORTED', `${shown(path)} cannot be read: ${errorText(cause)}`, { cause });
  }
}

async function listFolder(path: string): ReturnType<typeof readEntries> {
  try {
    return await readEntries(path);
  } catch (cause) {
    throw new Refusal('INPUT_UNSUPPORTED', `the directory ${shown(path)} cannot be read: ${errorText(cause)}`, { cause });
  }
}

function readEntries(path: string) {
  return readdir(path, { withFileTypes: true });
}

async function entryKind(path: string): Promise<'present' | 'absent'> {
  try {
    return (await lstat(path)).isDirectory() ? 'absent' : 'present';
  } catch {
    return 'absent';
  }
}
