import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { systemCode } from '#core/error.ts';

/** Where trust material is kept between runs. Whoever can write there decides what is trusted here. */
export function rootCacheDirectory(): string {
  return join(homedir(), '.cache', 'assay', 'trust');
}

/** The public trusted root that `assay trust update` fetched last. */
export function rootCachePath(): string {
  return join(rootCacheDirectory(), 'trusted_root.json');
}

/** What a place without a usable cache answers: none there, none of ours, or a user without a home directory. */
const NO_CACHE = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ERR_SYSTEM_ERROR']);

/** Bytes of the cached root, or undefined when there is none that this user can read. */
export async function readCachedRoot(): Promise<{ readonly path: string; readonly bytes: Uint8Array } | undefined> {
  try {
    const path = rootCachePath();
    return { path, bytes: await readFile(path) };
  } catch (error) {
    if (NO_CACHE.has(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}
