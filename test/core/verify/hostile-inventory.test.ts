import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { statementBytes } from '#core/attestation/build-statement.ts';
import type { Predicate } from '#core/attestation/predicate.ts';
import { sha256 } from '#core/digest/sha256.ts';
import type { FindingCode } from '#core/verify/finding.ts';
import { honestEvidence, readJson, resealed, scratch, writeFiles, type Files } from '../../fixture/verify/evidence.ts';
import { outcomeOf, outcomeOfFiles, refused } from '../../fixture/verify/outcome.ts';

interface LooseManifest {
  schemaVersion?: unknown;
  files?: unknown;
}
interface Entry {
  path: unknown;
  size: unknown;
  sha256: unknown;
}

/** A manifest that the predicate names, however it looks. */
function manifestCase(make: (honest: LooseManifest & { files: Entry[] }) => unknown): Files {
  const { files, statement } = honestEvidence();
  const made = make(structuredClone(readJson(files, 'manifest.json')));
  const bytes = Buffer.from(typeof made === 'string' ? made : JSON.stringify(made));
  const predicate: Predicate = { ...statement.predicate, manifest: { ...statement.predicate.manifest, digest: sha256(bytes) } };
  return new Map(files).set('manifest.json', bytes).set('statement.intoto.json', statementBytes({ ...statement, predicate }));
}

type ManifestChange = (honest: LooseManifest & { files: Entry[] }) => unknown;

const first =
  (change: Partial<Entry>): ManifestChange =>
  (manifest) => ({ ...manifest, files: [{ ...manifest.files[0], ...change }, ...manifest.files.slice(1)] });

const MANIFEST_CASES: readonly (readonly [string, ManifestChange])[] = [
  ['no JSON', () => 'files: []'],
  ['a list', () => []],
  ['null', () => null],
  ['two documents', (manifest) => `${JSON.stringify(manifest)}{}`],
  ['a document with a repeated key', (manifest) => JSON.stringify(manifest).replace('{', '{"schemaVersion":"9",')],
  ['a document with a thousand levels', () => `{"schemaVersion":"1.0.0","files":${'['.repeat(1000)}${']'.repeat(1000)}}`],
  ['over one megabyte', (manifest) => ({ ...manifest, note: 'x'.repeat(1 << 20) })],
  ['of the next version', (manifest) => ({ ...manifest, schemaVersion: '1.1.0' })],
  ['without version', ({ files }) => ({ files })],
  ['with a version that is a number', (manifest) => ({ ...manifest, schemaVersion: 1 })],
  ['without files', ({ schemaVersion }) => ({ schemaVersion })],
  ['with no file in its list', (manifest) => ({ ...manifest, files: [] })],
  ['whose files are an object', (manifest) => ({ ...manifest, files: {} })],
  ['that lists null', (manifest) => ({ ...manifest, files: [null, ...manifest.files] })],
  ['that lists a file twice', (manifest) => ({ ...manifest, files: [...manifest.files, manifest.files[0]] })],
  ['that lists a file outside', first({ path: '../recipe.yaml' })],
  ['that lists a file outside from inside', first({ path: 'ctrf/../../recipe.yaml' })],
  ['that lists an absolute path', first({ path: '/etc/hostname' })],
  ['that lists a path with a dot', first({ path: './bom.cdx.json' })],
  ['that lists a path with two slashes', first({ path: 'ctrf//deployment.json' })],
  ['that lists a path with a control character', first({ path: 'bom\u0000.cdx.json' })],
  ['that lists a path with a direction override', first({ path: '\u202enosj.xdc.mob' })],
  ['that lists a path that is a number', first({ path: 7 })],
  ['that lists itself', first({ path: 'manifest.json' })],
  ['that lists the statement', first({ path: 'statement.intoto.json' })],
  ['with a digest in capitals', first({ sha256: `sha256:${'A'.repeat(64)}` })],
  ['with a bare digest', first({ sha256: 'a'.repeat(64) })],
  ['with a digest of another algorithm', first({ sha256: `md5:${'a'.repeat(32)}` })],
  ['without a digest', first({ sha256: undefined })],
  ['with a negative size', first({ size: -1 })],
  ['with a fractional size', first({ size: 0.5 })],
  ['with a size as text', first({ size: '12' })],
];

describe('a hostile manifest', () => {
  it.each(MANIFEST_CASES)('that is %s is refused', async (_name, make) => {
    expect(await outcomeOfFiles(manifestCase(make))).toEqual(refused('inventory', 'MANIFEST_INVALID'));
  });

  it.each<readonly [string, FindingCode, ManifestChange]>([
    [
      'lists a file that is not there',
      'FILE_MISSING',
      (manifest) => ({ ...manifest, files: [...manifest.files, { path: 'gone.log', size: 1, sha256: `sha256:${'a'.repeat(64)}` }] }),
    ],
    ['gives a file another size', 'FILE_CHANGED', first({ size: 5 })],
    ['gives a file another digest', 'FILE_CHANGED', first({ sha256: `sha256:${'a'.repeat(64)}` })],
  ])('that %s is refused', async (_name, code, make) => {
    const { exit, step, codes } = await outcomeOfFiles(manifestCase(make));

    expect({ exit, step, first: codes[0] }).toEqual({ exit: 2, step: 'inventory', first: code });
  });
});

const FILE_CASES: readonly (readonly [string, FindingCode, (files: Files) => void])[] = [
  [
    'one byte of the manifest changed',
    'MANIFEST_DIGEST_MISMATCH',
    (files) => void files.set('manifest.json', Buffer.concat([files.get('manifest.json') ?? Buffer.of(), Buffer.from(' ')])),
  ],
  ['a file changed', 'FILE_CHANGED', (files) => void files.set('recipe.yaml', Buffer.from('kind: RecipeResult\n'))],
  [
    'a file changed to the same size',
    'FILE_CHANGED',
    (files) => void files.set('nodes.json', Buffer.from(files.get('nodes.json') ?? []).fill(0x20, 5, 6)),
  ],
  ['a file emptied', 'FILE_CHANGED', (files) => void files.set('bom.cdx.json', Buffer.of())],
  ['a hidden file added', 'FILE_UNLISTED', (files) => void files.set('.DS_Store', Buffer.of(1))],
  ['a file added deep inside', 'FILE_UNLISTED', (files) => void files.set('ctrf/logs/a/b.log', Buffer.of(1))],
  ['a phase report added', 'FILE_UNLISTED', (files) => void files.set('ctrf/performance.json', Buffer.from('{}'))],
  ['a second signature below a folder', 'FILE_UNLISTED', (files) => void files.set('ctrf/attestation.intoto.jsonl', Buffer.from('{}'))],
  ['a file removed', 'FILE_MISSING', (files) => void files.delete('nodes.json')],
];

describe('a bundle', () => {
  it.each(FILE_CASES)('with %s is refused', async (_name, code, change) => {
    const { files } = honestEvidence();
    change(files);

    const { exit, step, codes } = await outcomeOfFiles(files);
    expect({ exit, step, has: codes.includes(code) }).toEqual({ exit: 2, step: 'inventory', has: true });
  });

  it.each(['recipe.yaml', 'snapshot.yaml', 'bom.cdx.json'])('without %s is refused even when the manifest agrees', async (path) => {
    const outcome = await outcomeOfFiles(resealed(honestEvidence(), { files: { [path]: undefined } }).files);

    expect(outcome).toEqual(path === 'recipe.yaml' ? refused('materialize', 'BUNDLE_INCOMPLETE') : refused('inventory', 'FILE_MISSING'));
  });

  it.each<readonly [string, FindingCode, (predicate: Predicate) => unknown]>([
    [
      'counts another number of files',
      'FILE_COUNT_WRONG',
      (predicate) => ({ ...predicate, manifest: { ...predicate.manifest, fileCount: 1 } }),
    ],
    [
      'names another manifest',
      'MANIFEST_DIGEST_MISMATCH',
      (predicate) => ({ ...predicate, manifest: { ...predicate.manifest, digest: `sha256:${'0'.repeat(64)}` } }),
    ],
    [
      'names another report',
      'PHASE_DIGEST_MISMATCH',
      ({ phases, ...predicate }) => ({
        ...predicate,
        phases: { ...phases, deployment: { ...phases.deployment, ctrfDigest: `sha256:${'0'.repeat(64)}` } },
      }),
    ],
    [
      'names a phase that has no report',
      'PHASE_DIGEST_MISMATCH',
      ({ phases, ...predicate }) => ({ ...predicate, phases: { ...phases, performance: phases.deployment } }),
    ],
    [
      'names an unknown phase',
      'PHASE_DIGEST_MISMATCH',
      ({ phases, ...predicate }) => ({ ...predicate, phases: { ...phases, readiness: phases.deployment } }),
    ],
    [
      'leaves a report out',
      'PHASE_UNDECLARED',
      ({ phases, ...predicate }) => ({ ...predicate, phases: { deployment: phases.deployment } }),
    ],
  ])('whose predicate %s is refused', async (_name, code, predicate) => {
    expect(await outcomeOfFiles(resealed(honestEvidence(), { predicate }).files)).toEqual(refused('inventory', code));
  });
});

const NAME =
  (path: string): ((root: string) => void) =>
  (root) => {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), 'x');
  };

const DISK_CASES: readonly (readonly [string, FindingCode, (root: string) => void])[] = [
  ['a link to another file', 'FILE_KIND_REFUSED', (root) => symlinkSync('/etc/hostname', join(root, 'link'))],
  [
    'a listed file replaced by a link to its content',
    'FILE_KIND_REFUSED',
    (root) => (
      linkSync(join(root, 'nodes.json'), join(root, '../real')),
      rmSync(join(root, 'nodes.json')),
      symlinkSync('../real', join(root, 'nodes.json'))
    ),
  ],
  ['a link that leads nowhere', 'FILE_KIND_REFUSED', (root) => symlinkSync('nowhere', join(root, 'dangling'))],
  ['a link to a folder', 'FILE_KIND_REFUSED', (root) => symlinkSync('/etc', join(root, 'ctrf/more'))],
  ['a link to itself', 'FILE_KIND_REFUSED', (root) => symlinkSync('loop', join(root, 'loop'))],
  ['a pipe', 'FILE_KIND_REFUSED', (root) => void execFileSync('mkfifo', [join(root, 'pipe')])],
  [
    'a pipe in place of a report',
    'FILE_KIND_REFUSED',
    (root) => (rmSync(join(root, 'ctrf/deployment.json')), void execFileSync('mkfifo', [join(root, 'ctrf/deployment.json')])),
  ],
  ['a name that differs only in case', 'NAME_COLLISION', NAME('Recipe.yaml')],
  ['a name that differs only in Unicode form', 'NAME_COLLISION', (root) => (NAME('s.log')(root), NAME('\u017f.log')(root))],
  ['a name in decomposed form', 'NAME_REFUSED', NAME('e\u0301.log')],
  ['a name with a line break', 'NAME_REFUSED', NAME('a\nb.log')],
  ['a name with an escape sequence', 'NAME_REFUSED', NAME('\u001b[31m.log')],
  ['a name with a direction override', 'NAME_REFUSED', NAME('gnp\u202e.log')],
  ['a name with a backslash', 'NAME_REFUSED', NAME('..\\x.log')],
  ['a name that looks like a drive', 'NAME_REFUSED', NAME('C:x.log')],
  ['a name that ends in a dot', 'NAME_REFUSED', NAME('recipe.yaml.')],
  ['folders nested too deep', 'LIMIT_EXCEEDED', NAME('a/b/c/d/e/f/g/h/i/j/x.log')],
  ['a path that is too long', 'LIMIT_EXCEEDED', NAME(`${'a'.repeat(200)}/${'b'.repeat(200)}/${'c'.repeat(200)}`)],
  [
    'a file of a terabyte',
    'LIMIT_EXCEEDED',
    (root) => (writeFileSync(join(root, 'huge.log'), ''), truncateSync(join(root, 'huge.log'), 2 ** 40)),
  ],
];

describe('a bundle directory', () => {
  it.each(DISK_CASES)('with %s is refused', async (_name, code, damage) => {
    using directory = scratch();
    const root = join(directory.path, 'summary-bundle');
    writeFiles(root, honestEvidence().files);
    damage(root);

    expect(await outcomeOf(root)).toEqual(refused('materialize', code));
  });

  it('with a socket is refused', async () => {
    using directory = scratch();
    const root = writeFiles(directory.path, honestEvidence().files);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(root, 'socket'), resolve));

    expect(await outcomeOf(root)).toEqual(refused('materialize', 'FILE_KIND_REFUSED'));
    await new Promise((resolve) => server.close(resolve));
  });

  it('with ten thousand entries is refused', async () => {
    using directory = scratch();
    const root = writeFiles(directory.path, honestEvidence().files);
    for (let index = 0; index < 10_001; index += 1) writeFileSync(join(root, `${index}.log`), '');

    expect(await outcomeOf(root)).toEqual(refused('materialize', 'LIMIT_EXCEEDED'));
  });

  it('may hold empty folders', async () => {
    using directory = scratch();
    const root = writeFiles(directory.path, honestEvidence().files);
    mkdirSync(join(root, 'empty'));

    expect((await outcomeOf(root)).exit).toBe(1);
  });
});

describe('an input', () => {
  it.each<readonly [string, FindingCode]>([
    ['/does/not/exist', 'INPUT_NOT_FOUND'],
    ['nonsense', 'INPUT_NOT_FOUND'],
    ['', 'INPUT_NOT_FOUND'],
    ['\u0000', 'INPUT_NOT_FOUND'],
    ['https://example.test/bundle', 'INPUT_UNSUPPORTED'],
    ['HTTP://169.254.169.254/latest', 'INPUT_UNSUPPORTED'],
    ['package.json', 'INPUT_UNSUPPORTED'],
    ['/dev/null', 'INPUT_UNSUPPORTED'],
    ['test', 'BUNDLE_INCOMPLETE'],
    ['oci-layout:/does/not/exist', 'INPUT_NOT_FOUND'],
    ['oci-layout:', 'REFERENCE_INVALID'],
    ['oci://Registry.test/UPPER:x', 'REFERENCE_INVALID'],
    ['oci://registry.test/a@sha256:short', 'REFERENCE_INVALID'],
    ['registry.test/evidence:v1', 'TAG_ONLY'],
    ['oci://registry.test/evidence', 'REFERENCE_INVALID'],
  ])('of %j is refused', async (input, code) => {
    expect(await outcomeOf(input)).toEqual(refused('materialize', code));
  });
});
