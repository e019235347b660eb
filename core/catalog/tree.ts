import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AssayError } from '../error.ts';
import { compareText } from '../digest/compare-text.ts';
import type { Origin } from '../recipe/overlay.ts';
import { notRegular, readBoundedFile } from './bounded-file.ts';

/** One directory of recipe files, listed once and read on demand. */
export interface Tree {
  readonly dir: string;
  readonly origin: Origin;
  /** Paths of all regular files below `dir`, slash-separated, folder by folder in byte order. */
  readonly paths: readonly string[];
}

/** A real catalog has a few hundred files; this ends a walk through something that is none. */
const MAX_FILES = 20_000;
const MAX_DEPTH = 32;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Lists a directory of recipe files.
 * @throws FILE_NOT_FOUND when there is no such directory; CATALOG_INVALID for a symbolic link, a device, or a tree beyond
 * 20,000 files or 32 levels
 */
export function listTree(dir: string, origin: Origin): Tree {
  if (!existsSync(dir) || !statSync(dir).isDirectory()) {
    throw new AssayError('FILE_NOT_FOUND', `there is no catalog directory ${dir}`, {
      hint: 'Check --catalog and --data.',
      details: { dir },
    });
  }
  const paths: string[] = [];
  walk({ dir, paths }, '', 1);
  return { dir, origin, paths };
}

/**
 * Reads one listed file as text.
 * @throws FILE_UNREADABLE, FILE_TOO_LARGE over 10 MiB, CATALOG_INVALID when the file became a link since it was listed
 */
export function readTreeFile(tree: Tree, path: string): string {
  const name = join(tree.dir, path);
  const bytes = readBoundedFile(name, { regularOnly: true });
  try {
    return UTF8.decode(bytes);
  } catch (cause) {
    throw new AssayError('FILE_UNREADABLE', `${name} is not UTF-8 text`, { cause, hint: 'Catalog files are UTF-8 text.' });
  }
}

function walk(listing: { readonly dir: string; readonly paths: string[] }, folder: string, depth: number): void {
  if (depth > MAX_DEPTH) throw tooLarge(listing.dir, `${MAX_DEPTH} levels of folders`);
  const entries = readdirSync(join(listing.dir, folder), { withFileTypes: true });
  for (const entry of entries.sort((left, right) => compareText(left.name, right.name))) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) walk(listing, path, depth + 1);
    else if (entry.isFile()) listing.paths.push(path);
    else throw notRegular(join(listing.dir, path));
    if (listing.paths.length > MAX_FILES) throw tooLarge(listing.dir, `${MAX_FILES} files`);
  }
}

function tooLarge(dir: string, limit: string): AssayError {
  return new AssayError('CATALOG_INVALID', `${dir} has more than ${limit}: not a recipe catalog`, {
    hint: 'Point --catalog at the folder that holds registry.yaml.',
  });
}
