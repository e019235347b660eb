import { isVisible, shown } from '../foreign-text.ts';
import { Refusal } from '../refusal.ts';
import { LIMIT } from './bundle-files.ts';

/** What one entry of an input is: the two kinds that a bundle may hold. */
export type EntryKind = 'file' | 'directory';

/**
 * The names of one input: refuses each that could mean another file than it seems to, or stand for a second one.
 * The rules hold for archives, artifacts and directories alike, so that a verdict does not depend on the file system.
 */
export class NameRegister {
  readonly #seen = new Map<string, EntryKind>();

  /**
   * @param path slash path as the input gives it; a leading `./` is taken off
   * @returns the path to use
   * @throws Refusal NAME_REFUSED, NAME_COLLISION, LIMIT_EXCEEDED
   */
  admit(path: string, kind: EntryKind): string {
    const clean = path.replace(/^(?:\.\/)+/, '').replace(/\/$/, '');
    checkPath(clean);
    const folded = foldName(clean);
    const earlier = this.#seen.get(folded);
    if (earlier !== undefined && !(earlier === 'directory' && kind === 'directory'))
      throw new Refusal(
        'NAME_COLLISION',
        `the name ${shown(clean)} stands for two entries, or differs from another only in case or Unicode form`,
      );
    this.#seen.set(folded, kind);
    return clean;
  }
}

/**
 * Checks one slash path below a bundle directory.
 * @throws Refusal NAME_REFUSED, LIMIT_EXCEEDED
 */
export function checkPath(path: string): void {
  const parts = path.split('/');
  if (Buffer.byteLength(path) > LIMIT.pathBytes)
    throw new Refusal('LIMIT_EXCEEDED', `a path is longer than ${LIMIT.pathBytes} bytes: ${shown(path, 80)}`);
  if (parts.length > LIMIT.depth) throw new Refusal('LIMIT_EXCEEDED', `a path is deeper than ${LIMIT.depth} levels: ${shown(path, 80)}`);
  const problem = problemOf(path, parts);
  if (problem !== undefined) throw new Refusal('NAME_REFUSED', `the name ${shown(path)} ${problem}`);
}

function problemOf(path: string, parts: readonly string[]): string | undefined {
  if (path === '' || path.startsWith('/')) return 'is empty or absolute';
  if (parts.some((part) => part === '..' || part === '.' || part === '')) return 'climbs, repeats a slash or names the directory itself';
  if (path.includes('\\') || /^[A-Za-z]:/.test(path)) return "uses another system's path syntax";
  if (!isVisible(path) || path.includes('\ufffd')) return 'hides characters or is not UTF-8';
  if (path.normalize('NFC') !== path) return 'is not in Unicode normal form C';
  return parts.some((part) => /[. ]$/.test(part)) ? 'ends a part in a dot or space, which some systems drop' : undefined;
}

/** Names equal under this are one name on a file system that ignores case or Unicode form. */
function foldName(path: string): string {
  return path.normalize('NFKC').toUpperCase().toLowerCase();
}
