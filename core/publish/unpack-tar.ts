import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { errorText } from '#core/error.ts';
import { collectPieces } from '#core/oci/blob-source.ts';
import { belowBundle, LIMIT } from '#core/verify/materialize/bundle-files.ts';
import { NameRegister } from '#core/verify/materialize/path-rules.ts';
import { Refusal } from '#core/verify/refusal.ts';

const unzip = promisify(gunzip);

/**
 * The files of a tar, in memory: plain files only, each name once.
 * @param isGzip whether the tar is compressed
 * @throws Refusal ARCHIVE_INVALID, LIMIT_EXCEEDED, FILE_KIND_REFUSED and the name rules
 */
export async function unpackTar(packed: Uint8Array, isGzip: boolean): Promise<Map<string, Uint8Array>> {
  const tar = isGzip ? await inflate(packed) : packed;
  const unpack = extract();
  const files = new Map<string, Uint8Array>();
  const reading = readEntries(unpack, files);
  const results = await Promise.allSettled([reading, pipeline([tar], unpack)]);
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  const failure = failures.find((error) => error instanceof Refusal) ?? failures[0];
  if (failure !== undefined)
    throw failure instanceof Refusal
      ? failure
      : new Refusal('ARCHIVE_INVALID', `the archive cannot be unpacked: ${errorText(failure)}`, { cause: failure });
  return files;
}

async function inflate(packed: Uint8Array): Promise<Uint8Array> {
  try {
    return await unzip(packed, { maxOutputLength: LIMIT.totalBytes });
  } catch (cause) {
    throw new Refusal('ARCHIVE_INVALID', `the archive cannot be unpacked, or unpacks to more than ${LIMIT.totalBytes >> 20} MiB`, {
      cause,
    });
  }
}

async function readEntries(unpack: ReturnType<typeof extract>, files: Map<string, Uint8Array>): Promise<void> {
  const names = new NameRegister();
  try {
    for await (const entry of unpack) {
      const { name, type } = entry.header;
      const isRoot = /^\.?\/?$/.test(name);
      if (type !== 'file' && type !== 'directory') throw new Refusal('FILE_KIND_REFUSED', `${JSON.stringify(name)} is no plain file`);
      const path = isRoot && type === 'directory' ? '' : names.admit(name, type);
      if (type === 'directory') entry.resume();
      else files.set(belowBundle(path), await collectPieces(entry as AsyncIterable<Uint8Array>));
    }
  } catch (error) {
    unpack.destroy(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}
