import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AssayError, errorText } from '#core/error.ts';
import { makeDirectory } from '#core/file/make-directory.ts';
import type { CounterSample } from '../check/counter-window.ts';

const FILE = 'counters.json';
const MAX_CHARACTERS = 4 * 1024 * 1024;

/** The sample an earlier run left in a directory of the agent's own; undefined when there is none or it cannot be used. */
export async function loadCounters(directory: string): Promise<CounterSample | undefined> {
  try {
    const text = await readFile(join(directory, FILE), 'utf8');
    const value: unknown = text.length > MAX_CHARACTERS ? undefined : JSON.parse(text);
    return isSample(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps a sample for the next run; the old one stays whole until the new one is. @throws OUTPUT_UNWRITABLE */
export async function saveCounters(directory: string, sample: CounterSample): Promise<void> {
  const path = join(directory, FILE);
  try {
    await makeDirectory(directory, 0o700);
    await writeFile(`${path}.new`, `${JSON.stringify(sample)}\n`, { mode: 0o600 });
    await rename(`${path}.new`, path);
  } catch (cause) {
    throw new AssayError('OUTPUT_UNWRITABLE', `cannot keep counters in ${directory}: ${errorText(cause)}`, {
      cause,
      hint: 'Give a --counter-dir that this user may write.',
    });
  }
}

function isSample(value: unknown): value is CounterSample {
  if (typeof value !== 'object' || value === null) return false;
  const { bootId, sampledAtMs, counters } = value as Record<string, unknown>;
  const isShaped = typeof bootId === 'string' && typeof sampledAtMs === 'number' && typeof counters === 'object' && counters !== null;
  return isShaped && Object.values(counters).every((count) => typeof count === 'number' && Number.isFinite(count));
}
