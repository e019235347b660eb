import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { AssayError, errorText, systemCode } from '../error.ts';
import { MAX_FILE_BYTES } from '../digest/read-yaml.ts';

/** How a file is opened. */
export interface BoundedRead {
  /** Refuse a symbolic link and everything that is no regular file: for files of a tree that others wrote. */
  readonly regularOnly?: boolean;
  readonly maxBytes?: number;
}

const CHUNK_BYTES = 64 * 1024;

/**
 * Reads a file of at most `maxBytes` (default 10 MiB) and never more, whatever its size claims.
 * @throws FILE_NOT_FOUND, FILE_UNREADABLE, FILE_TOO_LARGE; CATALOG_INVALID for a link or device under `regularOnly`
 */
export function readBoundedFile(path: string, options: BoundedRead = {}): Uint8Array {
  const flags = options.regularOnly === true ? constants.O_NOFOLLOW | constants.O_NONBLOCK : 0;
  let handle: number | undefined;
  try {
    handle = openSync(path, constants.O_RDONLY | flags);
    if (options.regularOnly === true && !fstatSync(handle).isFile()) throw notRegular(path);
    return readAll(handle, path, options.maxBytes ?? MAX_FILE_BYTES);
  } catch (cause) {
    throw fileError(cause, path);
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

/** The error for a symbolic link or device in a recipe tree. */
export function notRegular(path: string): AssayError {
  return new AssayError('CATALOG_INVALID', `${path} is a symbolic link or not a regular file`, {
    hint: 'A catalog holds regular files only: replace the link by a copy.',
    details: { path },
  });
}

function readAll(handle: number, path: string, maxBytes: number): Uint8Array {
  const chunks: Buffer[] = [];
  let total = 0;
  for (let count = -1; count !== 0;) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, maxBytes + 1));
    count = readSync(handle, chunk, 0, chunk.length, null);
    total += count;
    if (total > maxBytes) {
      throw new AssayError('FILE_TOO_LARGE', `${path} has more than the allowed ${maxBytes} bytes`, { details: { path, maxBytes } });
    }
    chunks.push(chunk.subarray(0, count));
  }
  return Buffer.concat(chunks, total);
}

function fileError(cause: unknown, path: string): AssayError {
  if (cause instanceof AssayError) return cause;
  if (systemCode(cause) === 'ELOOP') return notRegular(path);
  const code = systemCode(cause) === 'ENOENT' ? 'FILE_NOT_FOUND' : 'FILE_UNREADABLE';
  return new AssayError(code, `cannot read ${path}: ${errorText(cause)}`, { cause, hint: 'Check the path and its permissions.' });
}
