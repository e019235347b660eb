import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AssayError, isAssayError, systemCode } from '#core/error.ts';
import { makeDirectory } from '#core/file/make-directory.ts';
import { writeFailure } from '#core/oci/file-failure.ts';

/** `.run-<process>-<random>`: private files of one run, beside its results so that both are on one disk. */
const RUN_DIRECTORY = /^\.run-(\d+)-/;

/**
 * Makes the private directory of a run in its output directory, which is made when missing. What a run that was killed left
 * there is removed.
 * @returns its path; the caller removes it
 * @throws OUTPUT_UNWRITABLE also when another run is writing there; DISK_FULL
 */
export async function makeRunDirectory(outDir: string): Promise<string> {
  try {
    await makeDirectory(outDir);
    await clearEarlierRuns(outDir);
    return await mkdtemp(join(outDir, `.run-${process.pid}-`));
  } catch (cause) {
    const failure = writeFailure(outDir, cause);
    if (!isAssayError(failure) || isAssayError(cause) || failure.code === 'DISK_FULL') throw failure;
    throw new AssayError('OUTPUT_UNWRITABLE', failure.message, { cause, hint: 'Choose another directory with --out.' });
  }
}

async function clearEarlierRuns(outDir: string): Promise<void> {
  for (const name of await readdir(outDir)) {
    const owner = RUN_DIRECTORY.exec(name)?.[1];
    if (owner === undefined) continue;
    if (isAlive(Number(owner)))
      throw new AssayError('OUTPUT_UNWRITABLE', `another run (process ${owner}) is writing to ${outDir}`, {
        hint: `Wait for it, or choose another directory with --out. When there is no such run, remove ${join(outDir, name)}.`,
      });
    await rm(join(outDir, name), { recursive: true, force: true });
  }
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}
