const SEGMENT = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/;
const MAX_PATH = 512;

/**
 * True when a path may stand in a bundle: relative, slash-separated, plain ASCII names, nothing hidden, no step up.
 * Whatever writes or unpacks a bundle asks this before it touches a disk.
 */
export function isBundlePath(path: string): boolean {
  return path.length <= MAX_PATH && path.split('/').every((segment) => SEGMENT.test(segment));
}
