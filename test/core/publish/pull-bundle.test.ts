import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ARTIFACT_TYPE, OCI_EMPTY_TYPE, OCI_MANIFEST_TYPE } from '#core/attestation/media-type.ts';
import { bytesSource, collectPieces } from '#core/oci/blob-source.ts';
import { layoutStore } from '#core/oci/layout.ts';
import type { ArtifactStore } from '#core/oci/store.ts';
import { listRepository } from '#core/publish/list-repository.ts';
import { packArchive } from '#core/publish/pack-archive.ts';
import { EMPTY_CONFIG, packBundle, seal } from '#core/publish/pack.ts';
import { publishArtifact } from '#core/publish/publish-artifact.ts';
import { pullBundle } from '#core/publish/pull-bundle.ts';
import { unpackTar } from '#core/publish/unpack-tar.ts';
import { honestEvidence, signEvidence, TOOL_VERSION } from '../../fixture/verify/evidence.ts';

let directory: string;
let store: ArtifactStore;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'assay-pull-'));
  store = layoutStore(directory);
});
afterEach(() => rmSync(directory, { recursive: true }));

const TAR_TYPE = 'application/vnd.oci.image.layer.v1.tar+gzip';

/** Stores an artifact with these layers under the tag v1. */
async function put(layers: readonly { readonly type: string; readonly bytes: Uint8Array; readonly title?: string }[]): Promise<void> {
  const artifact = seal(
    {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST_TYPE,
      artifactType: ARTIFACT_TYPE,
      config: { mediaType: OCI_EMPTY_TYPE, digest: EMPTY_CONFIG.digest, size: 2 },
      layers: layers.map(({ type, bytes, title }) => {
        const { digest, size } = bytesSource(bytes);
        return {
          mediaType: type,
          digest,
          size,
          ...(title === undefined ? {} : { annotations: { 'org.opencontainers.image.title': title } }),
        };
      }),
    },
    [EMPTY_CONFIG, ...layers.map(({ bytes }) => bytesSource(bytes))],
  );
  await publishArtifact(store, { artifact, signatures: [], tag: 'v1' });
}

type Entry = { readonly name: string; readonly type?: 'file' | 'directory' | 'symlink' | 'link'; readonly content?: string };

async function tar(entries: readonly Entry[]): Promise<Buffer> {
  const packing = pack();
  const bytes = collectPieces(packing as AsyncIterable<Uint8Array>);
  for (const { name, type = 'file', content = '' } of entries)
    packing.entry(
      { name, type, ...(type === 'symlink' || type === 'link' ? { linkname: '/etc/passwd' } : {}) },
      type === 'file' ? content : '',
    );
  packing.finalize();
  return bytes;
}

describe('a pulled bundle', () => {
  it('is what was published, with its signature among the files', async () => {
    const { files, sigstoreBundle, artifactDigest } = await signEvidence(honestEvidence());
    await publishArtifact(store, {
      artifact: packBundle(files, { version: TOOL_VERSION }),
      signatures: [{ sigstoreBundle, predicateType: 'x' }],
      tag: 'v1',
    });

    const pulled = await pullBundle(store, 'v1');

    expect({ digest: pulled.digest, signatures: pulled.signatures }).toEqual({ digest: artifactDigest, signatures: 1 });
    expect(Object.fromEntries([...pulled.files].map(([path, bytes]) => [path, Buffer.from(bytes)]))).toEqual(
      Object.fromEntries([...files].map(([path, bytes]) => [path, Buffer.from(bytes)])),
    );
  });

  it.each([
    ['', ''],
    ['./', ''],
    ['summary-bundle/', ''],
  ])('may be one tar layer with names that begin with %j', async (prefix) => {
    const entries = ['', 'ctrf/'].map((name) => ({ name: prefix + name || '.', type: 'directory' as const }));
    const packed = await tar([
      ...entries,
      { name: `${prefix}recipe.yaml`, content: 'a' },
      { name: `${prefix}manifest.json`, content: 'b' },
      { name: `${prefix}ctrf/x.json`, content: 'c' },
    ]);
    await put([{ type: TAR_TYPE, bytes: gzipSync(packed) }]);

    const { files } = await pullBundle(store, 'v1');

    expect([...files].map(([path, bytes]) => [path, Buffer.from(bytes).toString()])).toEqual([
      ['recipe.yaml', 'a'],
      ['manifest.json', 'b'],
      ['ctrf/x.json', 'c'],
    ]);
  });

  it.each<[string, readonly Entry[]]>([
    ['climbs out', [{ name: '../evil' }]],
    ['climbs out from inside', [{ name: 'a/../../evil' }]],
    ['is absolute', [{ name: '/etc/evil' }]],
    ['is a link', [{ name: 'recipe.yaml', type: 'symlink' }]],
    ['is a hard link', [{ name: 'recipe.yaml', type: 'link' }]],
    ['comes twice', [{ name: 'recipe.yaml' }, { name: './recipe.yaml' }]],
    ['differs from another in case only', [{ name: 'recipe.yaml' }, { name: 'Recipe.yaml' }]],
  ])('is refused when a name in its tar %s', async (_, entries) => {
    await put([{ type: TAR_TYPE, bytes: gzipSync(await tar([...entries, { name: 'manifest.json' }])) }]);

    await expect(pullBundle(store, 'v1')).rejects.toMatchObject({ code: 'BUNDLE_INVALID', exit: 2 });
  });

  it.each([
    ['no titles', [{ type: 'x', bytes: Buffer.from('a') }]],
    [
      'a title that climbs',
      [
        { type: 'x', bytes: Buffer.from('a'), title: '../recipe.yaml' },
        { type: 'x', bytes: Buffer.from('b'), title: 'manifest.json' },
      ],
    ],
    [
      'one title twice',
      [
        { type: 'x', bytes: Buffer.from('a'), title: 'recipe.yaml' },
        { type: 'x', bytes: Buffer.from('b'), title: 'recipe.yaml' },
      ],
    ],
    ['a tar that is none', [{ type: TAR_TYPE, bytes: Buffer.from('not gzip') }]],
    ['no recipe and no manifest', [{ type: 'x', bytes: Buffer.from('a'), title: 'other.txt' }]],
  ])('is refused with %s', async (_, layers) => {
    await put(layers);

    await expect(pullBundle(store, 'v1')).rejects.toMatchObject({ code: 'BUNDLE_INVALID' });
  });
});

describe('unpacking a tar', () => {
  it('stops at a bomb before it has unpacked it', async () => {
    await expect(unpackTar(gzipSync(Buffer.alloc(300 << 20)), true)).rejects.toMatchObject({ name: 'Refusal' });
  });

  it.each([
    ['cut in the middle', (bytes: Buffer) => bytes.subarray(0, 700)],
    ['damaged', (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 100), Buffer.alloc(50, 7), bytes.subarray(150)])],
  ])('refuses an archive that is %s', async (_, damage) => {
    const whole = await tar([{ name: 'a', content: 'x'.repeat(2000) }]);

    await expect(unpackTar(damage(whole), false)).rejects.toMatchObject({ name: 'Refusal' });
  });

  it('gives back what was packed as an archive, which is the same every time', async () => {
    const files = new Map([
      ['recipe.yaml', Buffer.from('a')],
      ['ctrf/deployment.json', Buffer.from('{}')],
    ]);

    const archive = await packArchive(files);

    expect(await packArchive(new Map([...files].reverse()))).toEqual(archive);
    expect([...(await unpackTar(archive, true))].map(([path]) => path)).toEqual(['ctrf/deployment.json', 'recipe.yaml']);
  });
});

describe('the list of a repository', () => {
  it('tells evidence from other things, with what it claims and how often it was signed', async () => {
    const { files, sigstoreBundle, artifactDigest } = await signEvidence(honestEvidence());
    await publishArtifact(store, {
      artifact: packBundle(files, { version: TOOL_VERSION }),
      signatures: [{ sigstoreBundle, predicateType: 'x' }],
      tag: 'b',
    });
    const other = seal(
      {
        schemaVersion: 2,
        mediaType: OCI_MANIFEST_TYPE,
        artifactType: 'application/vnd.example',
        config: { mediaType: OCI_EMPTY_TYPE, digest: EMPTY_CONFIG.digest, size: 2 },
        layers: [],
      },
      [EMPTY_CONFIG],
    );
    await publishArtifact(store, { artifact: other, signatures: [], tag: 'a' });

    expect(await listRepository(store)).toEqual([
      { tag: 'a', digest: other.descriptor.digest, isEvidence: false, signatures: 0 },
      {
        tag: 'b',
        digest: artifactDigest,
        isEvidence: true,
        recipe: 'h100-eks-ubuntu-training',
        attestedAt: '2026-11-21T12:00:00Z',
        signatures: 1,
      },
    ]);
  });
});
