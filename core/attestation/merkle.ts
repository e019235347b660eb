import { createHash } from 'node:crypto';
import type { Digest } from '#core/digest/sha256.ts';

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/**
 * Root of an RFC 6962 Merkle tree.
 * @param leaves exact bytes of each leaf, in order; at least one
 * @source RFC 6962, section 2.1 (domain-separated leaf and node hashes)
 */
export function merkleRoot(leaves: readonly Uint8Array[]): Digest {
  return `sha256:${rootOf(leaves.map(leafHash)).toString('hex')}` as Digest;
}

/**
 * Inclusion proof of one leaf: sibling hashes from the leaf up, as prefixed digests.
 * @param index zero-based position, below `leaves.length`
 * @source RFC 6962, section 2.1.1
 */
export function merkleProof(leaves: readonly Uint8Array[], index: number): readonly Digest[] {
  return pathOf(leaves.map(leafHash), index).map((hash) => `sha256:${hash.toString('hex')}` as Digest);
}

/** Root recomputed from one leaf and its proof. @source RFC 9162, section 2.1.3.2 */
export function rootFromProof(
  leaf: Uint8Array,
  place: { readonly index: number; readonly size: number },
  proof: readonly Digest[],
): Digest | undefined {
  let [position, last] = [place.index, place.size - 1];
  let hash = leafHash(leaf);
  for (const sibling of proof) {
    if (last === 0) return undefined;
    const other = Buffer.from(sibling.slice('sha256:'.length), 'hex');
    const isRight = position % 2 === 1 || position === last;
    hash = isRight ? nodeHash(other, hash) : nodeHash(hash, other);
    if (isRight) while (position % 2 === 0 && position !== 0) [position, last] = [position >>> 1, last >>> 1];
    [position, last] = [position >>> 1, last >>> 1];
  }
  return last === 0 ? (`sha256:${hash.toString('hex')}` as Digest) : undefined;
}

function rootOf(hashes: readonly Buffer[]): Buffer {
  const [first] = hashes;
  if (first === undefined) return createHash('sha256').digest();
  if (hashes.length === 1) return first;
  const split = splitPoint(hashes.length);
  return nodeHash(rootOf(hashes.slice(0, split)), rootOf(hashes.slice(split)));
}

function pathOf(hashes: readonly Buffer[], index: number): readonly Buffer[] {
  if (hashes.length <= 1) return [];
  const split = splitPoint(hashes.length);
  const [left, right] = [hashes.slice(0, split), hashes.slice(split)];
  return index < split ? [...pathOf(left, index), rootOf(right)] : [...pathOf(right, index - split), rootOf(left)];
}

/** The largest power of two smaller than `size`. */
function splitPoint(size: number): number {
  return 2 ** Math.floor(Math.log2(size - 1));
}

function leafHash(leaf: Uint8Array): Buffer {
  return createHash('sha256').update(LEAF).update(leaf).digest();
}

function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash('sha256').update(NODE).update(left).update(right).digest();
}
