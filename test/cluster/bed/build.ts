import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { buildPrograms } from '../../../tools/services/build-programs.ts';
import { ensurePackages } from './packages.ts';
import { place } from './place.ts';
import { buildBedPrograms } from './programs.ts';
import { recordedPid, startRecorded } from './process-record.ts';
import { timed } from './report.ts';

const FOLDER = join(place.cache, 'build');
const LOG = join(FOLDER, 'log');
const RESULT = join(FOLDER, 'exit');
const LOOK_MS = 500;

/** Installs packages and builds every program of the tier that is missing, in this process. */
export async function buildHere(report: (line: string) => void): Promise<void> {
  await timed('packages', () => ensurePackages(report));
  await timed('programs of the bed', () => buildBedPrograms(report));
  await timed('signing services and registries', () => buildPrograms(report));
}

/**
 * The same in a process of its own, which goes on when this one is cut short; a build that is under way is joined.
 * @throws when it fails, with its log on stderr
 */
export async function buildDetached(main: string): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  if (recordedPid('build', FOLDER) === undefined) {
    for (const file of [LOG, RESULT]) rmSync(file, { force: true });
    writeFileSync(LOG, '');
    startRecorded(
      { name: 'build', program: process.execPath, args: [main, 'build-here'], log: LOG, env: { [RESULT_VARIABLE]: RESULT } },
      FOLDER,
    );
  }
  let shown = 0;
  const show = (): void => {
    const text = readFileSync(LOG, 'utf8');
    process.stderr.write(text.slice(shown));
    shown = text.length;
  };
  while (recordedPid('build', FOLDER) !== undefined) {
    await wait(LOOK_MS);
    show();
  }
  show();
  if (!existsSync(RESULT) || statSync(RESULT).size === 0) throw new Error(`the build did not end well: ${LOG}`);
}

/** Names the file that says that a build ended well. */
export const RESULT_VARIABLE = 'ASSAY_BED_BUILD_RESULT';
