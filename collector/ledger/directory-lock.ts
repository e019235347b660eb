import { createHash } from 'node:crypto';
import { mkdir, realpath } from 'node:fs/promises';
import { createServer } from 'node:net';
import { AssayError, errorText, systemCode } from '#core/error.ts';

/** Releases the lock. */
export type Unlock = () => Promise<void>;

/**
 * Creates a directory if needed and makes this process its only collector on this computer. The lock is a Linux abstract
 * socket: it ends with the process, however that ends, and leaves no file behind.
 * @throws LEDGER_LOCKED, STORAGE_FAILED
 */
export async function lockDirectory(path: string): Promise<Unlock> {
  const name = `\0assay-ledger-${createHash('sha256')
    .update(await ensureDirectory(path))
    .digest('hex')}`;
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

async function ensureDirectory(path: string): Promise<string> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    return await realpath(path);
  } catch (cause) {
    throw new AssayError('STORAGE_FAILED', `cannot create the state directory ${path}: ${errorText(cause)}`, {
      cause,
      hint: 'Give a --state-dir that this user may write.',
    });
  }
}
