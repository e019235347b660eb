/** One to three numeric parts; what follows a `-` or `+` is not part of it. */
export type Version = readonly number[];

/** A version, or why a text is none. */
export type VersionReading = { readonly version: Version } | { readonly problem: string };

const MAX_PARTS = 3;

/**
 * Reads a version: one leading `v` is dropped, a suffix after a digit (`-eks-1`, `+build`) is cut, the rest is one to
 * three non-negative whole numbers.
 * @source recipe constraint semantics
 */
export function readVersion(text: string): VersionReading {
  const core = text.replace(/^v/, '').replace(/(?<=\d)[-+].*$/s, '');
  if (core === '') return { problem: 'version string is empty' };
  const parts = core.split('.');
  if (parts.length > MAX_PARTS) return { problem: `too many components: "${core}": version has more than ${MAX_PARTS} components` };
  const bad = parts.find((part) => !/^[-+]?\d{1,15}$/.test(part));
  if (bad !== undefined) return { problem: `non-numeric component: "${bad}": version component is not numeric` };
  const negative = parts.find((part) => part.startsWith('-'));
  if (negative !== undefined) return { problem: `negative component: "${negative}": version component is negative` };
  return { version: parts.map(Number) };
}

/** Order of two versions at the lower precision of the two: 1.33.9 and 1.33 are equal. */
export function compareAtCommonPrecision(left: Version, right: Version): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Equality of all parts, missing ones counted as zero: 1.33 and 1.33.0 are equal, 1.33 and 1.33.4 are not. */
export function sameVersion(left: Version, right: Version): boolean {
  return [0, 1, 2].every((index) => (left[index] ?? 0) === (right[index] ?? 0));
}
