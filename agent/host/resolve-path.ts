import { readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '#core/error.ts';

/** As many links as Linux follows before it gives up (path_resolution(7)). */
const MAX_LINKS = 40;

/** A chain of links that does not end; has the code that the kernel would give. */
class TooManyLinks extends Error {
  readonly code = 'ELOOP';
}

/**
 * Resolves every link of a host path inside a root: an absolute target starts again at the root, `..` stops at it.
 * Parts that do not exist are kept as they are.
 * @param root directory on this machine, without trailing slash unless `/`
 * @param path absolute host path
 * @returns absolute host path (without the root) that contains no link
 */
export async function resolvePath(root: string, path: string): Promise<string> {
  const pending = parts(path).reverse();
  let done: string[] = [];
  let links = 0;
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    if (part === '..') {
      done.pop();
      continue;
    }
    const target = await linkTarget(join(root, ...done, part));
    if (target === undefined) {
      done.push(part);
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) throw new TooManyLinks(`more than ${MAX_LINKS} links`);
    if (target.startsWith('/')) done = [];
    pending.push(...parts(target).reverse());
  }
  return `/${done.join('/')}`;
}

function parts(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    const code = systemCode(error);
    // EINVAL: not a link. The others surface, with their reason, when the path is opened.
    if (code === 'EINVAL' || code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES' || code === 'UNKNOWN') return undefined;
    throw error;
  }
}
