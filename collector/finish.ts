import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExitCode } from '#core/error.ts';
import type { SealedRun } from '#core/wire/run.ts';
import type { CollectorConfig } from './config.ts';
import type { Emit } from './session/gathering.ts';

/**
 * What happens to a run once it is immutable. Called again for the same run after a restart: it must be repeatable.
 * @returns exit status of the program
 */
export async function finishRun(run: SealedRun, config: CollectorConfig, _emit: Emit): Promise<ExitCode> {
  await mkdir(config.out, { recursive: true });
  await writeFile(join(config.out, 'sealed-run.json'), `${JSON.stringify(run, null, 2)}\n`);
  return run.absences.length === 0 ? 0 : 1;
}
