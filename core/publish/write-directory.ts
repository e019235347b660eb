import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isBundlePath } from '#core/attestation/bundle-path.ts';
import { BUNDLE_FILE } from '#core/attestation/media-type.ts';
import { AssayError, systemCode } from '#core/error.ts';
import { makeDirectory } from '#core/file/make-directory.ts';
import { syncDirectory, writeDurably } from '#core/oci/atomic-file.ts';
import type { BlobSource } from '#core/oci/blob-source.ts';
import { writeFailure } from '#core/oci/file-failure.ts';

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o755;
const SUFFIX_BYTES = 6;

type FileContents = ReadonlyMap<string, Uint8Array | BlobSource>;

/**
 * Writes a bundle directory so that at no moment, not even after a crash, half a bundle stands at `target`: everything is
 * written and synced beside it, then renamed into place. A bundle that was there before is moved away in the same step and
 * removed. Files get mode 0600, directories 0755. Left-overs of an earlier crash are removed.
 * @param target directory to be
 * @param files slash paths relative to it, with exact bytes, or where to read them from
 * @throws ARTIFACT_INVALID for a path that cannot stand in a bundle; DISK_FULL, OUTPUT_UNWRITABLE; what reading a source throws
 */
export async function writeBundleDirectory(target: string, files: FileContents): Promise<void> {
  for (const path of files.keys())
    if (!isBundlePath(path)) throw new AssayError('ARTIFACT_INVALID', `the path ${JSON.stringify(path)} cannot stand in a bundle`);
  try {
    await makeDirectory(dirname(target));
    await removeLeftOvers(target);
    await writeAndSwap(target, files);
  } catch (cause) {
    throw writeFailure(target, cause);
  }
}

/**
 * Adds the signature to a bundle directory, whole or not at all. Its temporary file stands beside the bundle: inside, a
 * crash would leave a file that the manifest does not list.
 * @param target bundle directory
 * @param sigstoreBundle exact bytes
 * @throws DISK_FULL, OUTPUT_UNWRITABLE
 */
export async function writeSignature(target: string, sigstoreBundle: Uint8Array): Promise<void> {
  const temporary = `${hidden(target, 'new')}${randomBytes(SUFFIX_BYTES).toString('hex')}`;
  const path = join(target, BUNDLE_FILE.signature);
  try {
    await writeDurably(temporary, [sigstoreBundle], FILE_MODE);
    await rename(temporary, path);
    await syncDirectory(target);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw writeFailure(path, cause);
  }
}

async function writeAndSwap(target: string, files: FileContents): Promise<void> {
  const fresh = await mkdtemp(hidden(target, 'new'));
  try {
    await chmod(fresh, DIRECTORY_MODE);
    await writeFiles(fresh, files);
    const old = `${hidden(target, 'old')}${randomBytes(SUFFIX_BYTES).toString('hex')}`;
    if (await exists(target)) await rename(target, old);
    await rename(fresh, target);
    await syncDirectory(dirname(target));
    await rm(old, { recursive: true, force: true });
  } catch (cause) {
    await rm(fresh, { recursive: true, force: true });
    throw cause;
  }
}

async function writeFiles(root: string, files: FileContents): Promise<void> {
  const folders = new Set([...files.keys()].flatMap((path) => parents(path)));
  for (const folder of [...folders].sort()) await mkdir(join(root, folder), { mode: DIRECTORY_MODE });
  for (const [path, content] of files) await writeDurably(join(root, path), 'read' in content ? content.read() : [content], FILE_MODE);
  for (const folder of [...folders, '.']) await syncDirectory(join(root, folder));
}

/** `a/b/c` lies in `a` and `a/b`. */
function parents(path: string): string[] {
  const segments = path.split('/');
  return segments.slice(1).map((_, index) => segments.slice(0, index + 1).join('/'));
}

/** A crash between the two renames leaves the old bundle under its hidden name: it goes back before anything is removed. */
async function removeLeftOvers(target: string): Promise<void> {
  const names = await readdir(dirname(target));
  const found = (role: 'new' | 'old'): string[] =>
    names.filter((name) => name.startsWith(basename(hidden(target, role)))).map((name) => join(dirname(target), name));
  const [old] = found('old');
  if (old !== undefined && !(await exists(target))) await rename(old, target);
  for (const path of [...found('new'), ...found('old')]) await rm(path, { recursive: true, force: true });
}

function hidden(target: string, role: 'new' | 'old'): string {
  return join(dirname(target), `.${basename(target)}.${role}-`);
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return false;
    throw cause;
  }
}
