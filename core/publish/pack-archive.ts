import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { BUNDLE_DIRECTORY } from '#core/attestation/media-type.ts';
import { compareText } from '#core/digest/compare-text.ts';
import { collectPieces } from '#core/oci/blob-source.ts';

const compress = promisify(gzip);
const FILE_MODE = 0o600;
const EPOCH = new Date(0);

/**
 * A bundle as a `.tar.gz`, for transport without a registry: the same files give the same bytes on one computer. Other
 * versions of zlib may compress differently; digests are those of the files, never of the archive.
 * @param files slash paths relative to the bundle directory, with exact bytes
 */
export async function packArchive(files: ReadonlyMap<string, Uint8Array>): Promise<Uint8Array> {
  const tar = pack();
  const bytes = collectPieces(tar as AsyncIterable<Uint8Array>);
  for (const [path, content] of [...files].sort(([left], [right]) => compareText(left, right)))
    tar.entry(
      { name: `${BUNDLE_DIRECTORY}/${path}`, mode: FILE_MODE, mtime: EPOCH, uid: 0, gid: 0, uname: '', gname: '', type: 'file' },
      Buffer.from(content),
    );
  tar.finalize();
  return compress(await bytes, { level: 9 });
}
