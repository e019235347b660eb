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

/** Bytes of the cached root, or undefined when there is none. */
export async function readCachedRoot(): Promise<{ readonly path: string; readonly bytes: Uint8Array } | undefined> {
  const path = rootCachePath();
  try {
    return { path, bytes: await readFile(path) };
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
