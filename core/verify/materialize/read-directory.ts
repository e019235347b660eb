import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync, type Dirent } from 'node:fs';
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
export function findBundleDirectory(path: string): string | undefined {
  return [path, join(path, BUNDLE_DIRECTORY)].find((candidate) =>
    [BUNDLE_FILE.recipe, BUNDLE_FILE.manifest].every((name) => isThere(join(candidate, name))),
  );
}

/**
 * Reads every file below a bundle directory once, without following links and without opening pipes or devices.
 * Blocks while it reads: a bundle has few small files, and each round trip to a thread costs more than reading one.
 * @param root path of the bundle directory
 * @throws Refusal FILE_KIND_REFUSED, NAME_REFUSED, NAME_COLLISION, LIMIT_EXCEEDED, INPUT_UNSUPPORTED
 */
export async function readDirectory(root: string, options: DirectoryOptions = {}): Promise<BundleFiles> {
  const follow = options.followLinks === true;
  const budget = new Budget();
  const names = new NameRegister();
  const files = new Map<string, BundleFile>();
  const pending = [''];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for (const entry of listFolder(join(root, folder))) {
      budget.addEntry();
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) pending.push(names.admit(path, 'directory'));
      else if (entry.isFile() || (follow && entry.isSymbolicLink()))
        files.set(names.admit(path, 'file'), await readFileOnce(join(root, path), { path, budget, follow }));
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
  const descriptor = openFile(absolute, constants.O_RDONLY | constants.O_NONBLOCK | (follow ? 0 : constants.O_NOFOLLOW), path);
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw new Refusal('FILE_KIND_REFUSED', `${shown(path)} is not a plain file`);
    if (stat.size > LIMIT.totalBytes) throw new Refusal('LIMIT_EXCEEDED', `${shown(path)} has ${stat.size} bytes`);
    return await collectFile(path, chunksOf(descriptor, stat.size), budget);
  } finally {
    closeSync(descriptor);
  }
}

/** The bytes that are there while reading, in pieces; the known size spares most files a copy. */
function* chunksOf(descriptor: number, size: number): Generator<Uint8Array> {
  for (;;) {
    const buffer = Buffer.allocUnsafeSlow(Math.min(Math.max(size, 1), CHUNK_BYTES));
    const read = readSync(descriptor, buffer, 0, buffer.length, null);
    if (read === 0) return;
    yield read === buffer.length ? buffer : buffer.subarray(0, read);
  }
}

function openFile(absolute: string, flags: number, path: string): number {
  try {
    return openSync(absolute, flags);
  } catch (cause) {
    if (systemCode(cause) === 'ELOOP') throw new Refusal('FILE_KIND_REFUSED', `${shown(path)} is a link, not a plain file`, { cause });
    throw new Refusal('INPUT_UNSUPPORTED', `${shown(path)} cannot be read: ${errorText(cause)}`, { cause });
  }
}

function listFolder(path: string): readonly Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (cause) {
    throw new Refusal('INPUT_UNSUPPORTED', `the directory ${shown(path)} cannot be read: ${errorText(cause)}`, { cause });
  }
}

function isThere(path: string): boolean {
  try {
    return !lstatSync(path).isDirectory();
  } catch {
    return false;
  }
}
