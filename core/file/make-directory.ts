import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from '#core/error.ts';

/**
 * Makes a directory and those above it that are missing; one that is there already is as good. Step by step, because `mkdir`
 * with `recursive` never returns below a file system that takes no directories, such as /proc.
 * @param mode permission bits of what is made
 * @throws what the system says, with its code: `EACCES`, `ENOTDIR`, `EEXIST` for a file, `ENOENT` where no directory can be made
 */
export async function makeDirectory(path: string, mode = 0o777): Promise<void> {
  if (await make(path, mode)) return;
  const parent = dirname(path);
  if (!(await isThere(parent))) await makeDirectory(parent, mode);
  // Also where the parent has just been made by another process.
  if (!(await make(path, mode))) throw Object.assign(new Error(`no directory can be made in ${parent}`), { code: 'ENOENT', path });
}

/** @returns false when the directory above is missing, or says that it is */
async function make(path: string, mode: number): Promise<boolean> {
  try {
    await mkdir(path, { mode });
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    if (systemCode(error) === 'EEXIST' && (await stat(path)).isDirectory()) return true;
    throw error;
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
