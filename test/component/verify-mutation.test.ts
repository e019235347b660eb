import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { verifyEvidence } from '#core/verify/verify-evidence.ts';
import { honestEvidence, NOW_MS, scratch, signEvidence, writeFiles } from '../fixture/verify/evidence.ts';

const MUTATIONS = 500;
/** A fixed seed: a failure can be repeated; another seed can be given to search further. */
const SEED = Number(process.env['MUTATION_SEED'] ?? 1);

/** Pseudo-random numbers below a bound, the same for the same seed. @source Steele and Vigna, SplitMix */
function numbers(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) % below;
  };
}

describe('a signed bundle directory', () => {
  it(`is refused ${MUTATIONS} times out of ${MUTATIONS} when one byte in one of its files changes`, { timeout: 120_000 }, async () => {
    using directory = scratch();
    const { files, trustedRoot } = await signEvidence(honestEvidence());
    writeFiles(directory.path, files);
    const paths = [...files.keys()];
    const next = numbers(SEED);
    const options = { trustedRoot, requireSignature: true, nowMs: NOW_MS };
    const missed: string[] = [];
    for (let index = 0; index < MUTATIONS; index += 1) {
      const path = join(directory.path, paths[index % paths.length] ?? '');
      const honest = readFileSync(path);
      const [place, bit] = [next(honest.length), 1 + next(255)];
      const changed = Buffer.from(honest);
      // Every other time one bit, which is what a bad disk does; else any other byte.
      changed[place] = (honest[place] ?? 0) ^ (index % 2 === 0 ? 1 << (bit % 8) : bit);
      writeFileSync(path, changed);
      const { exit } = await verifyEvidence(directory.path, options);
      if (exit !== 2) missed.push(`${path} byte ${place}: ${honest[place]} to ${changed[place]} gave ${exit}`);
      writeFileSync(path, honest);
    }

    expect(missed).toEqual([]);
    expect((await verifyEvidence(directory.path, options)).exit).toBe(0);
  });
});
