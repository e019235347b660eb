import { compareText } from '#core/digest/compare-text.ts';
import { isDigest, type Digest } from '#core/digest/sha256.ts';
import { AssayError } from '#core/error.ts';

/** An image that ran validators, with the digest of what really ran. */
export interface PinnedImage {
  readonly image: string;
  readonly digest: Digest;
}

/** Reads `registry/name:tag@sha256:…`; undefined when the text names no image or no whole digest. */
export function parsePinnedImage(text: string): PinnedImage | undefined {
  const at = text.lastIndexOf('@');
  const [image, digest] = [text.slice(0, at), text.slice(at + 1)];
  return at > 0 && isDigest(digest) ? { image, digest } : undefined;
}

/**
 * Every image once, in byte order.
 * @throws BUG for an image without digest: such a bundle would not say which code ran
 */
export function sortedImages(images: readonly PinnedImage[]): readonly PinnedImage[] {
  const unique = new Map(images.map(({ image, digest }) => [`${image}@${digest}`, { image, digest }]));
  const open = images.find(({ digest }) => !isDigest(digest));
  if (open !== undefined) throw new AssayError('BUG', `the validator image ${open.image} has no digest`);
  return [...unique.values()].sort((left, right) => compareText(left.image, right.image) || compareText(left.digest, right.digest));
}
