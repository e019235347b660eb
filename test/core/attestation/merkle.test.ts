import { createHash } from 'node:crypto';
import { assert as assertProperty, integer, nat, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { merkleProof, merkleRoot, rootFromProof } from '#core/attestation/merkle.ts';

const leaf = (index: number): Uint8Array => Buffer.from(`leaf ${index}`);
const hex = (...parts: readonly Uint8Array[]): Buffer =>
  Buffer.from(parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest());

describe('Merkle tree', () => {
  it('separates leaves from nodes and splits at the largest power of two', () => {
    const [a, b, c] = [0, 1, 2].map((index) => hex(Uint8Array.of(0), leaf(index))) as [Buffer, Buffer, Buffer];
    const expected = hex(Uint8Array.of(1), hex(Uint8Array.of(1), a, b), c).toString('hex');

    expect(merkleRoot([leaf(0), leaf(1), leaf(2)])).toBe(`sha256:${expected}`);
  });

  it('proves every leaf of trees of every size up to 40', () => {
    for (let size = 1; size <= 40; size += 1) {
      const leaves = Array.from({ length: size }, (_, index) => leaf(index));
      const root = merkleRoot(leaves);
      for (let index = 0; index < size; index += 1)
        expect(rootFromProof(leaf(index), { index, size }, merkleProof(leaves, index))).toBe(root);
    }
  });

  it('does not prove another leaf, place, or a shortened or lengthened proof', () => {
    assertProperty(
      property(integer({ min: 2, max: 33 }), nat(), (size, seed) => {
        const leaves = Array.from({ length: size }, (_, index) => leaf(index));
        const index = seed % size;
        const [root, proof] = [merkleRoot(leaves), merkleProof(leaves, index)];

        expect(rootFromProof(Buffer.from('other'), { index, size }, proof)).not.toBe(root);
        expect(rootFromProof(leaf(index), { index: (index + 1) % size, size }, proof)).not.toBe(root);
        expect(rootFromProof(leaf(index), { index, size }, proof.slice(1))).not.toBe(root);
        expect(rootFromProof(leaf(index), { index, size }, [...proof, root])).not.toBe(root);
      }),
    );
  });
});
