import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BundleParts } from '#core/assemble/compose-bundle.ts';
import { pagePath } from '#core/assemble/log-entry.ts';
import { PhasePage } from '#core/assemble/phase-page.ts';
import { isBundlePath } from '#core/attestation/bundle-path.ts';
import { rfc3339Seconds } from '#core/clock.ts';
import { PHASES, type Phase } from '#core/ctrf/report.ts';
import { AssayError, errorText, systemCode } from '#core/error.ts';
import { bytesSource, fileSource, type BlobSource } from '#core/oci/blob-source.ts';
import { recipeName } from '#core/recipe/document.ts';

/** Files of one phase. */
const MAX_FILES = 1000;

/**
 * The files of a logs bundle: what lies in `<dir>/<phase>/`, and one page per phase made from its report.
 * Contents stay on disk and are streamed.
 * @param dir directory with one folder per phase
 * @throws FILE_NOT_FOUND, FILE_UNREADABLE, ARTIFACT_INVALID for a name that cannot stand in a bundle
 */
export async function readLogs(dir: string, parts: BundleParts): Promise<ReadonlyMap<string, BlobSource>> {
  const folders = await list(dir);
  const stray = folders.find(({ name, isDirectory }) => !isDirectory || !PHASES.some((phase) => phase === name));
  if (stray !== undefined)
    throw new AssayError('FILE_UNREADABLE', `${join(dir, stray.name)} is not a folder named after a phase`, {
      hint: `Put logs into ${PHASES.map((phase) => `${phase}/`).join(', ')}.`,
    });
  const files = new Map<string, BlobSource>();
  for (const phase of PHASES) {
    const logs = folders.some(({ name }) => name === phase) ? await readPhase(join(dir, phase)) : new Map<string, BlobSource>();
    if (logs.size === 0 && !parts.reports.has(phase)) continue;
    for (const [name, source] of logs) files.set(`phases/${phase}/logs/${name}`, source);
    files.set(pagePath(phase), bytesSource(Buffer.from(pageOf(phase, parts, logs))));
  }
  return files;
}

async function readPhase(dir: string): Promise<ReadonlyMap<string, BlobSource>> {
  const entries = await list(dir);
  if (entries.length > MAX_FILES)
    throw new AssayError('FILE_TOO_LARGE', `${dir} holds ${entries.length} entries, more than ${MAX_FILES}`, {
      hint: 'Join small logs into larger ones.',
    });
  const sources = new Map<string, BlobSource>();
  for (const { name, isFile } of entries) {
    if (!isFile)
      throw new AssayError('FILE_UNREADABLE', `${join(dir, name)} is not a plain file`, {
        hint: 'Logs are plain files directly in the folder of their phase.',
      });
    if (!isBundlePath(name))
      throw new AssayError('ARTIFACT_INVALID', `the file name ${JSON.stringify(name)} in ${dir} cannot stand in a bundle`, {
        hint: 'Use letters, digits, dots, dashes and underscores.',
      });
    sources.set(name, await fileSource(join(dir, name)));
  }
  return sources;
}

function pageOf(phase: Phase, { reports, recipe, attestedAtMs, toolVersion }: BundleParts, logs: ReadonlyMap<string, BlobSource>): string {
  const page = new PhasePage();
  for (const test of reports.get(phase)?.results.tests ?? []) page.add(test);
  const frame = { recipe: recipeName(recipe.criteria), attestedAt: rfc3339Seconds(attestedAtMs), toolVersion };
  return page.toMarkdown(
    phase,
    frame,
    [...logs].map(([name, { size, digest }]) => ({ name, size, digest })),
  );
}

interface Entry {
  readonly name: string;
  readonly isFile: boolean;
  readonly isDirectory: boolean;
}

async function list(path: string): Promise<readonly Entry[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries
      .map((entry) => ({ name: entry.name, isFile: entry.isFile(), isDirectory: entry.isDirectory() }))
      .sort((left, right) => (left.name < right.name ? -1 : 1));
  } catch (cause) {
    const code = systemCode(cause) === 'ENOENT' ? 'FILE_NOT_FOUND' : 'FILE_UNREADABLE';
    throw new AssayError(code, `cannot list ${path}: ${errorText(cause)}`, { cause, hint: 'Check the path and its permissions.' });
  }
}
