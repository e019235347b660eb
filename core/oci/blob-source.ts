import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { finishSha256, sha256, type Digest } from '#core/digest/sha256.ts';
import { AssayError } from '#core/error.ts';
import { readFailure } from './file-failure.ts';

/** Content that can be sent more than once without being held in memory. */
export interface BlobSource {
  readonly digest: Digest;
  readonly size: number;
  /** A fresh pass over the bytes. */
  readonly read: () => AsyncIterable<Uint8Array>;
}

/** Bytes already in memory, as a source. */
export function bytesSource(bytes: Uint8Array): BlobSource {
  return { digest: sha256(bytes), size: bytes.length, read: () => once(bytes) };
}

/**
 * A file as a source: read once now for its digest, and again for each send, in pieces.
 * @throws FILE_NOT_FOUND, FILE_UNREADABLE; reading it again throws DIGEST_MISMATCH when it has changed
 */
export async function fileSource(path: string): Promise<BlobSource> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const piece of readFilePieces(path)) {
    hash.update(piece);
    size += piece.length;
  }
  const digest = finishSha256(hash);
  return { digest, size, read: () => verifiedPieces(readFilePieces(path), { digest, size }, path) };
}

/**
 * Passes bytes through and checks them at the end: the last piece is only followed by "done" when all of them were right.
 * @param what where the bytes come from, for the message
 * @throws DIGEST_MISMATCH when size or digest differ from what was expected
 */
export async function* verifiedPieces(
  pieces: AsyncIterable<Uint8Array>,
  expected: { readonly digest: Digest; readonly size: number },
  what: string,
): AsyncIterable<Uint8Array> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const piece of pieces) {
    size += piece.length;
    if (size > expected.size) throw mismatch(what, expected, `more than ${expected.size} bytes`);
    hash.update(piece);
    yield piece;
  }
  if (size !== expected.size) throw mismatch(what, expected, `${size} bytes`);
  const digest = finishSha256(hash);
  if (digest !== expected.digest) throw mismatch(what, expected, digest);
}

/** All pieces as one buffer. The caller has bounded the size by the descriptor it asked for. */
export async function collectPieces(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) parts.push(piece);
  return Buffer.concat(parts);
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

/** A file's bytes in pieces. @throws FILE_NOT_FOUND, FILE_UNREADABLE */
export async function* readFilePieces(path: string): AsyncIterable<Uint8Array> {
  try {
    for await (const piece of createReadStream(path)) yield piece as Buffer;
  } catch (cause) {
    throw readFailure(path, cause);
  }
}

function mismatch(what: string, expected: { readonly digest: Digest; readonly size: number }, got: string): AssayError {
  return new AssayError('DIGEST_MISMATCH', `${what} gave ${got} where ${expected.digest} (${expected.size} bytes) was expected`, {
    hint: 'The content was changed or damaged on the way or at its source; do not use it.',
  });
}
