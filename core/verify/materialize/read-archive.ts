import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type ExtractEvents } from 'tar-stream';
import { errorText } from '#core/error.ts';
import { shown } from '../foreign-text.ts';
import { Refusal } from '../refusal.ts';
import { belowBundle, Budget, collectFile, LIMIT, type BundleFile, type BundleFiles } from './bundle-files.ts';
import { NameRegister } from './path-rules.ts';

/** Bytes of a packed tar and how they are packed. */
export interface PackedTar {
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly packedSize: number;
  readonly compression: 'gzip' | 'none';
}

/**
 * Reads a `.tar.gz` file as a bundle. Nothing is written anywhere.
 * @throws Refusal ARCHIVE_INVALID, LIMIT_EXCEEDED and the name rules
 */
export async function readTarball(path: string): Promise<BundleFiles> {
  const { size } = await stat(path);
  return readTar({ chunks: createReadStream(path), packedSize: size, compression: 'gzip' });
}

/**
 * Reads the files of a tar stream: plain files only, each once, within the limits.
 * @throws Refusal ARCHIVE_INVALID, FILE_KIND_REFUSED, NAME_REFUSED, NAME_COLLISION, LIMIT_EXCEEDED
 */
export async function readTar(packed: PackedTar): Promise<BundleFiles> {
  if (packed.packedSize > LIMIT.packedBytes)
    throw new Refusal('LIMIT_EXCEEDED', `the archive has ${packed.packedSize} bytes, the limit is ${LIMIT.packedBytes >> 20} MiB`);
  const files = new Map<string, BundleFile>();
  const unpack = extract();
  const reading = readEntries(unpack, files);
  try {
    // Both ends are awaited: an entry that is refused must stop the unpacking, and a damaged stream the reading.
    await Promise.all([reading.catch(stop(unpack)), feed(packed, unpack)]);
    await reading;
  } catch (cause) {
    const first = await reading.then(
      () => cause,
      (error: unknown) => error,
    );
    if (first instanceof Refusal) throw first;
    if (cause instanceof Refusal) throw cause;
    throw new Refusal('ARCHIVE_INVALID', `the archive cannot be unpacked: ${errorText(cause)}`, { cause });
  }
  return files;
}

type Unpack = ReturnType<typeof extract>;

function stop(unpack: Unpack): (error: unknown) => void {
  return (error) => {
    unpack.destroy(error instanceof Error ? error : new Error(String(error)));
  };
}

async function readEntries(unpack: Unpack, files: Map<string, BundleFile>): Promise<void> {
  const budget = new Budget();
  const names = new NameRegister();
  for await (const entry of unpack) {
    budget.addEntry();
    const { name, type } = entry.header;
    if (type === 'directory') {
      if (!isRootEntry(name)) names.admit(name, 'directory');
      entry.resume();
    } else await addFile(entry, { files, names, budget });
  }
}

interface Reading {
  readonly files: Map<string, BundleFile>;
  readonly names: NameRegister;
  readonly budget: Budget;
}

/** One entry of a tar: its header, and its bytes as a stream. */
type Entry = ExtractEvents['entry'][1];

async function addFile(entry: Entry, { files, names, budget }: Reading): Promise<void> {
  const { name, type, size } = entry.header;
  if (type !== 'file')
    throw new Refusal('FILE_KIND_REFUSED', `${shown(name)} is a ${shown(type ?? 'thing of unknown kind', 40)}, not a plain file`);
  if ((size ?? 0) > LIMIT.totalBytes) throw new Refusal('LIMIT_EXCEEDED', `${shown(name)} claims ${size} bytes`);
  const path = names.admit(name, 'file');
  files.set(path, await collectFile(belowBundle(path), entry as AsyncIterable<Uint8Array>, budget));
}

function isRootEntry(name: string): boolean {
  return name === '.' || name === './' || name === '';
}

async function feed({ chunks, packedSize, compression }: PackedTar, unpack: Unpack): Promise<void> {
  if (compression === 'none') return pipeline(chunks, unpack);
  const gunzip = createGunzip();
  await pipeline(chunks, gunzip, guardRatio(packedSize), unpack);
  if (gunzip.bytesWritten !== packedSize) throw new Refusal('ARCHIVE_INVALID', 'the archive has bytes after its end');
}

/** Passes unpacked bytes on and stops a stream that grows out of proportion. */
function guardRatio(packedSize: number): (source: AsyncIterable<Uint8Array>) => AsyncGenerator<Uint8Array> {
  return async function* guard(source) {
    let unpacked = 0;
    for await (const chunk of source) {
      unpacked += chunk.byteLength;
      if (unpacked > LIMIT.totalBytes + LIMIT.ratioFrom)
        throw new Refusal('LIMIT_EXCEEDED', `the archive unpacks to more than ${LIMIT.totalBytes >> 20} MiB`);
      if (unpacked > LIMIT.ratioFrom && unpacked > packedSize * LIMIT.ratio)
        throw new Refusal('LIMIT_EXCEEDED', `the archive unpacks to more than ${LIMIT.ratio} times its size`);
      yield chunk;
    }
  };
}
