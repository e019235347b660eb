import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack, type Pack } from 'tar-stream';
import { isBundlePath } from '#core/attestation/bundle-path.ts';
import { BUNDLE_DIRECTORY } from '#core/attestation/media-type.ts';
import { compareText } from '#core/digest/compare-text.ts';
import { AssayError } from '#core/error.ts';
import { writeFileAtomically } from '#core/oci/atomic-file.ts';
import type { BlobSource } from '#core/oci/blob-source.ts';

/** How the name of an archive has to end. */
const SUFFIXES: readonly string[] = ['.tar.gz', '.tgz'];
/** Fixed, so that the same files give the same bytes wherever the same zlib runs. */
const GZIP_LEVEL = 6;
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o755;
/** What a tar header must not tell: who packed, and when. */
const NEUTRAL = { mtime: new Date(0), uid: 0, gid: 0, uname: '', gname: '' } as const;

/**
 * Writes a bundle as one `.tar.gz` file for places that no registry reaches: directories before their files, names in byte
 * order below `summary-bundle/`, epoch times, no owner. The file appears whole or not at all; contents are streamed.
 * @param path ends in `.tar.gz` or `.tgz`
 * @param files slash paths relative to the bundle directory
 * @throws USAGE for another suffix, ARTIFACT_INVALID for a path that cannot stand in a bundle, DISK_FULL, OUTPUT_UNWRITABLE
 */
export async function writeArchive(path: string, files: ReadonlyMap<string, BlobSource>): Promise<void> {
  if (!SUFFIXES.some((suffix) => path.endsWith(suffix)))
    throw new AssayError('USAGE', `the archive ${path} does not end in ${SUFFIXES.join(' or ')}`, {
      hint: `Write it as ${path}.tar.gz.`,
    });
  await writeFileAtomically(path, archivePieces(files));
}

/** The bytes of a bundle's `.tar.gz`, in pieces. @throws ARTIFACT_INVALID */
export async function* archivePieces(files: ReadonlyMap<string, BlobSource>): AsyncGenerator<Uint8Array> {
  for (const path of files.keys())
    if (!isBundlePath(path)) throw new AssayError('ARTIFACT_INVALID', `the path ${JSON.stringify(path)} cannot stand in a bundle`);
  const tar = pack();
  const gzip = createGzip({ level: GZIP_LEVEL });
  const packing = addAll(tar, files).catch((error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))));
  const zipping = pipeline(tar, gzip);
  // A failure reaches the reader through the stream; this only keeps it from being reported twice.
  zipping.catch(() => undefined);
  for await (const piece of gzip) yield piece as Uint8Array;
  await Promise.all([packing, zipping]);
}

async function addAll(tar: Pack, files: ReadonlyMap<string, BlobSource>): Promise<void> {
  const paths = [...files.keys()].map((path) => `${BUNDLE_DIRECTORY}/${path}`).sort(compareText);
  const folders = new Set(paths.flatMap(foldersOf));
  for (const name of [...paths, ...folders].sort(compareText)) {
    const source = files.get(name.slice(BUNDLE_DIRECTORY.length + 1));
    if (source === undefined) tar.entry({ ...NEUTRAL, name: `${name}/`, type: 'directory', mode: DIRECTORY_MODE });
    else await addFile(tar, name, source);
  }
  tar.finalize();
}

async function addFile(tar: Pack, name: string, source: BlobSource): Promise<void> {
  const entry = tar.entry({ ...NEUTRAL, name, size: source.size, mode: FILE_MODE });
  // A failure is reported by the whole pack; its open entry repeats it.
  entry.on('error', () => undefined);
  await pipeline(source.read(), entry);
}

/** `a/b/c` lies in `a` and `a/b`. */
function foldersOf(path: string): string[] {
  const segments = path.split('/');
  return segments.slice(1).map((_, index) => segments.slice(0, index + 1).join('/'));
}
