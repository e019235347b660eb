import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { honestEvidence, resealed, scratch, writeFiles, type Files } from '../fixture/verify/evidence.ts';
import { entriesOf, tarball, tarOf } from '../fixture/verify/tar.ts';

const MIB = 1 << 20;
/** What hostile input may cost. Node with the sources takes about 95 MiB. */
const CEILING_MIB = 350;

interface Measured {
  readonly exits: readonly number[];
  readonly peakMiB: number;
}

function measure(inputs: readonly string[]): Measured {
  const output = execFileSync(process.execPath, ['test/fixture/verify/measure-memory.ts', ...inputs], {
    encoding: 'utf8',
    timeout: 60_000,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return JSON.parse(output) as Measured;
}

const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
const withFile = (path: string, content: string): Files => resealed(honestEvidence(), { files: { [path]: content } }).files;

/** Inputs that try to cost memory, as large as the limits let through and larger. */
const DIRECTORIES: readonly (readonly [string, () => Files])[] = [
  ['a recipe of four megabytes in one text', () => withFile('recipe.yaml', `a: ${'x'.repeat(4 * MIB - 10)}`)],
  ['a recipe of a million keys', () => withFile('recipe.yaml', Array.from({ length: 300_000 }, (_, index) => `k${index}: 1`).join('\n'))],
  ['a recipe of nested lists', () => withFile('recipe.yaml', `a: ${deep(2 * MIB - 10)}`)],
  ['a snapshot of many small lists', () => withFile('snapshot.yaml', `a: [${'[],'.repeat(1_300_000)}]`)],
  ['a report of ten megabytes of brackets', () => withFile('ctrf/deployment.json', deep(5 * MIB - 10))],
  [
    'a report of ten megabytes of empty tests',
    () => withFile('ctrf/deployment.json', `{"results":{"tests":[${'{},'.repeat(3_400_000)}{}]}}`),
  ],
  [
    'a BOM of eight megabytes of components',
    () => withFile('bom.cdx.json', `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[${'{},'.repeat(2_700_000)}{}]}`),
  ],
  [
    'a statement of ten megabytes',
    () => new Map(honestEvidence().files).set('statement.intoto.json', Buffer.from(`{"predicate":[${'0,'.repeat(5_000_000)}0]}`)),
  ],
  [
    'a Sigstore bundle of ten megabytes',
    () =>
      new Map(honestEvidence().files).set(
        'attestation.intoto.jsonl',
        Buffer.from(`{"verificationMaterial":{"tlogEntries":[${'{},'.repeat(3_400_000)}{}]}}`),
      ),
  ],
];

const ARCHIVES: readonly (readonly [string, () => Buffer])[] = [
  ['a gzip of zeros', () => gzipSync(Buffer.alloc(64 * MIB), { level: 1 })],
  ['a tar with one large file', () => tarball([{ name: 'bomb', content: Buffer.alloc(40 * MIB) }])],
  ['a tar with many names', () => tarball(Array.from({ length: 20_000 }, (_, index) => ({ name: `${index}.log` })))],
  ['a gzip in a gzip', () => gzipSync(gzipSync(tarOf(entriesOf(honestEvidence().files))))],
];

describe('memory of the verifier', () => {
  it(`stays below ${CEILING_MIB} MiB for every hostile input, and none is accepted`, { timeout: 120_000 }, () => {
    using directory = scratch();
    const results: { readonly name: string; readonly peakMiB: number; readonly exits: readonly number[] }[] = [];
    for (const [index, [name, make]] of DIRECTORIES.entries())
      results.push({ name, ...measure([writeFiles(join(directory.path, String(index)), make())]) });
    for (const [index, [name, make]] of ARCHIVES.entries()) {
      const path = join(directory.path, `${index}.tar.gz`);
      writeFileSync(path, make());
      results.push({ name, ...measure([path]) });
    }
    process.stdout.write(`${results.map(({ name, peakMiB }) => `${peakMiB} MiB ${name}`).join('\n')}\n`);

    expect(results.filter(({ peakMiB }) => peakMiB > CEILING_MIB)).toEqual([]);
    expect(results.filter(({ exits }) => exits[0] !== 2)).toEqual([]);
  });
});
