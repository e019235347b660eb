import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { AssayError, errorText, systemCode } from '#core/error.ts';
import { makeDirectory } from '#core/file/make-directory.ts';

/** Releases the lock. */
export type Unlock = () => Promise<void>;

/**
 * Creates a directory if needed and makes this process its only collector on this computer. The lock is a Linux abstract
 * socket: it ends with the process, however that ends, and leaves no file behind.
 * @throws LEDGER_LOCKED, STORAGE_FAILED
 */
export async function lockDirectory(path: string): Promise<Unlock> {
  const name = lockName(await ensureDirectory(path));
  const server = createServer((socket) => socket.destroy());
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen({ path: name }, resolve);
  try {
    await promise;
  } catch (cause) {
    if (systemCode(cause) !== 'EADDRINUSE') throw cause;
    throw new AssayError('LEDGER_LOCKED', `another collector uses ${path}`, {
      cause,
      hint: 'Stop it, or give this one its own --state-dir.',
    });
  }
  server.unref();
  return () => new Promise((done) => server.close(() => done()));
}

/**
 * True while a collector has this directory: one of this computer, or of this pod, whose containers share their network. The
 * directory must have the same path there.
 */
export async function isDirectoryLocked(path: string): Promise<boolean> {
  const name = await realpath(path).then(lockName, () => undefined);
  if (name === undefined) return false;
  const socket = connect({ path: name });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

function lockName(directory: string): string {
  return `\0assay-ledger-${createHash('sha256').update(directory).digest('hex')}`;
}

async function ensureDirectory(path: string): Promise<string> {
  try {
    await makeDirectory(path, 0o700);
    return await realpath(path);
  } catch (cause) {
    throw new AssayError('STORAGE_FAILED', `cannot create the state directory ${path}: ${errorText(cause)}`, {
      cause,
      hint: 'Give a --state-dir that this user may write.',
    });
  }
}
