import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { FindingCode } from '#core/verify/finding.ts';
import { honestEvidence, scratch, signEvidence } from '../../fixture/verify/evidence.ts';
import { outcomeOf, refused, type Outcome } from '../../fixture/verify/outcome.ts';
import { entriesOf, paxPath, tarball, tarOf, type TarEntry } from '../../fixture/verify/tar.ts';

async function outcomeOfArchive(
  bytes: Uint8Array,
  options: { readonly trustedRoot?: object; readonly name?: string } = {},
): Promise<Outcome> {
  using directory = scratch();
  const path = join(directory.path, options.name ?? 'bundle.tar.gz');
  writeFileSync(path, bytes);
  return await outcomeOf(path, options.trustedRoot === undefined ? {} : { trustedRoot: options.trustedRoot });
}

const honest = (): readonly TarEntry[] => entriesOf(honestEvidence().files);
const MIB = 1 << 20;

const CASES: readonly (readonly [string, FindingCode, () => Uint8Array])[] = [
  ['that is empty', 'ARCHIVE_INVALID', () => Buffer.of()],
  ['that is no gzip', 'ARCHIVE_INVALID', () => Buffer.from('recipe.yaml')],
  ['that is not compressed', 'ARCHIVE_INVALID', () => tarOf(honest())],
  ['that is gzip around text', 'ARCHIVE_INVALID', () => gzipSync('not a tar '.repeat(200))],
  ['whose gzip is cut', 'ARCHIVE_INVALID', () => tarball(honest()).subarray(0, -20)],
  ['whose gzip checksum is wrong', 'ARCHIVE_INVALID', () => flipped(tarball(honest()), -5)],
  ['whose tar is cut', 'ARCHIVE_INVALID', () => gzipSync(tarOf(honest()).subarray(0, 5000))],
  ['whose tar header is damaged', 'ARCHIVE_INVALID', () => gzipSync(flipped(tarOf(honest()), 20))],
  ['with bytes after its end', 'ARCHIVE_INVALID', () => Buffer.concat([tarball(honest()), Buffer.from('hidden')])],
  ['without entries', 'BUNDLE_INCOMPLETE', () => tarball([])],
  ['of something else', 'BUNDLE_INCOMPLETE', () => tarball([{ name: 'readme.txt', content: 'hello' }])],
  ['with the bundle two folders down', 'BUNDLE_INCOMPLETE', () => tarball(entriesOf(honestEvidence().files, 'a/summary-bundle/'))],
  ['with a path that climbs', 'NAME_REFUSED', () => tarball([...honest(), { name: '../../etc/cron.d/x', content: 'x' }])],
  ['with a path that climbs from inside', 'NAME_REFUSED', () => tarball([...honest(), { name: 'ctrf/../../x', content: 'x' }])],
  ['with an absolute path', 'NAME_REFUSED', () => tarball([...honest(), { name: '/etc/passwd', content: 'x' }])],
  ['with a directory that climbs', 'NAME_REFUSED', () => tarball([...honest(), { name: '../up/', type: '5' }])],
  [
    'with a renaming extension that climbs',
    'NAME_REFUSED',
    () => tarball([...honest(), paxPath('../../x'), { name: 'harmless', content: 'x' }]),
  ],
  [
    'with a long name that climbs',
    'NAME_REFUSED',
    () =>
      tarball([...honest(), { name: '././@LongLink', type: 'L', content: `../${'a'.repeat(150)}\0` }, { name: 'harmless', content: 'x' }]),
  ],
  ['with a backslash in a name', 'NAME_REFUSED', () => tarball([...honest(), { name: '..\\..\\x', content: 'x' }])],
  ['with a control character in a name', 'NAME_REFUSED', () => tarball([...honest(), { name: 'a\u001b[2Jb', content: 'x' }])],
  ['with a name that is not UTF-8', 'NAME_REFUSED', () => gzipSync(withNameByte(0xff))],
  ['with a symbolic link', 'FILE_KIND_REFUSED', () => tarball([...honest(), { name: 'link', type: '2', link: '/etc/passwd' }])],
  [
    'with a symbolic link in place of a file',
    'FILE_KIND_REFUSED',
    () => tarball([{ name: 'recipe.yaml', type: '2', link: 'other.yaml' }, ...honest()]),
  ],
  ['with a hard link', 'FILE_KIND_REFUSED', () => tarball([...honest(), { name: 'again', type: '1', link: 'recipe.yaml' }])],
  ['with a character device', 'FILE_KIND_REFUSED', () => tarball([...honest(), { name: 'zero', type: '3' }])],
  ['with a block device', 'FILE_KIND_REFUSED', () => tarball([...honest(), { name: 'disk', type: '4' }])],
  ['with a pipe', 'FILE_KIND_REFUSED', () => tarball([...honest(), { name: 'pipe', type: '6' }])],
  ['with an entry of an unknown kind', 'FILE_KIND_REFUSED', () => tarball([...honest(), { name: 'odd', type: 'Z' }])],
  ['with a file twice', 'NAME_COLLISION', () => tarball([...honest(), { name: 'recipe.yaml', content: 'kind: RecipeResult\n' }])],
  ['with a file twice under a dot', 'NAME_COLLISION', () => tarball([...honest(), { name: './recipe.yaml', content: 'x' }])],
  ['with a file that is also a directory', 'NAME_COLLISION', () => tarball([...honest(), { name: 'recipe.yaml/', type: '5' }])],
  ['with names that differ only in case', 'NAME_COLLISION', () => tarball([...honest(), { name: 'RECIPE.yaml', content: 'x' }])],
  [
    'with names that differ only in Unicode form',
    'NAME_COLLISION',
    () => tarball([{ name: 's.log', content: 'x' }, { name: '\u017f.log', content: 'x' }, ...honest()]),
  ],
  [
    'with eleven thousand files',
    'LIMIT_EXCEEDED',
    () => tarball([...honest(), ...Array.from({ length: 11_000 }, (_, index) => ({ name: `${index}.log`, content: '' }))]),
  ],
  ['with nine levels', 'LIMIT_EXCEEDED', () => tarball([...honest(), { name: 'a/b/c/d/e/f/g/h/i', content: 'x' }])],
  ['that unpacks to a thousand times its size', 'LIMIT_EXCEEDED', () => tarball([{ name: 'bomb', content: Buffer.alloc(64 * MIB) }])],
  [
    'that unpacks to many files of zeros',
    'LIMIT_EXCEEDED',
    () => tarball(Array.from({ length: 16 }, (_, index) => ({ name: `${index}.log`, content: Buffer.alloc(4 * MIB) }))),
  ],
  ['whose header claims a terabyte', 'LIMIT_EXCEEDED', () => tarball([{ name: 'huge', size: 2 ** 33 - 1 }])],
];

function flipped(bytes: Buffer, index: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[index < 0 ? copy.length + index : index] = (copy.at(index) ?? 0) ^ 1;
  return copy;
}

/** A tar whose second name holds one raw byte; the header's checksum is made to fit. */
function withNameByte(byte: number): Buffer {
  const tar = tarOf([{ name: 'a', content: '' }, ...honest()]);
  tar[0] = byte;
  tar.write('        ', 148);
  tar.write(
    `${tar
      .subarray(0, 512)
      .reduce((sum, one) => sum + one, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  );
  return tar;
}

describe('a hostile archive', () => {
  it.each(CASES)('%s is refused with %s', async (_name, code, make) => {
    expect(await outcomeOfArchive(make())).toEqual(refused('materialize', code));
  });
});

describe('an honest archive', () => {
  it('is verified at its root and below summary-bundle, with directory entries and with ./', async () => {
    const { files, trustedRoot } = await signEvidence(honestEvidence());

    const shapes = [
      entriesOf(files),
      [{ name: './', type: '5' }, { name: './ctrf/', type: '5' }, ...entriesOf(files, './')],
      [{ name: 'pointer.yaml', content: 'x' }, { name: 'summary-bundle/', type: '5' }, ...entriesOf(files, 'summary-bundle/')],
    ];
    for (const entries of shapes)
      expect(await outcomeOfArchive(tarball(entries), { trustedRoot })).toEqual({ exit: 0, step: undefined, codes: [] });
    expect((await outcomeOfArchive(tarball(entriesOf(files)), { trustedRoot, name: 'b.tgz' })).exit).toBe(0);
  });
});
