import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SIGSTORE_BUNDLE_TYPE } from '#core/attestation/media-type.ts';
import { bareHex, sha256 } from '#core/digest/sha256.ts';
import { bytesSource } from '#core/oci/blob-source.ts';
import { isLayoutDirectory, layoutStore } from '#core/oci/layout.ts';
import type { ArtifactStore } from '#core/oci/store.ts';
import { packBundle } from '#core/publish/pack.ts';
import { attachSignature, publishArtifact } from '#core/publish/publish-artifact.ts';

let directory: string;
let store: ArtifactStore;

beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'assay-layout-')), 'oci');
  store = layoutStore(directory);
});
afterEach(() => rm(join(directory, '..'), { recursive: true }));

const artifact = packBundle(new Map([['recipe.yaml', Buffer.from('a: 1\n')]]), { version: 'v1' });
const other = packBundle(new Map([['recipe.yaml', Buffer.from('a: 2\n')]]), { version: 'v1' });
const signature = { sigstoreBundle: Buffer.from('{"x":1}\n'), predicateType: 'https://example.test/v1' };
const blob = bytesSource(Buffer.from('content'));

function blobFile(digest: string): string {
  return join(directory, 'blobs/sha256', digest.replace('sha256:', ''));
}

describe('a layout directory', () => {
  it('comes into being with the first manifest, as the image specification has it', async () => {
    expect(await isLayoutDirectory(directory)).toBe(false);

    await publishArtifact(store, { artifact, signatures: [signature], tag: 'v1' });

    expect(await isLayoutDirectory(directory)).toBe(true);
    expect(JSON.parse(await readFile(join(directory, 'oci-layout'), 'utf8'))).toEqual({ imageLayoutVersion: '1.0.0' });
    expect((await readdir(directory)).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('is the same after publishing twice', async () => {
    await publishArtifact(store, { artifact, signatures: [signature], tag: 'v1' });
    const once = await readFile(join(directory, 'index.json'), 'utf8');

    await publishArtifact(store, { artifact, signatures: [signature], tag: 'v1' });

    expect(await readFile(join(directory, 'index.json'), 'utf8')).toBe(once);
  });

  it('finds an artifact by tag and by digest', async () => {
    await publishArtifact(store, { artifact, signatures: [], tag: 'v1' });

    expect((await store.resolve('v1'))?.digest).toBe(artifact.descriptor.digest);
    expect((await store.getManifest(artifact.descriptor.digest)).bytes).toEqual(artifact.manifest);
    expect(await store.resolve('v2')).toBeUndefined();
  });

  it('moves a tag to another artifact and keeps the first one reachable', async () => {
    await publishArtifact(store, { artifact, signatures: [], tag: 'v1' });
    await publishArtifact(store, { artifact: other, signatures: [], tag: 'v1' });

    expect((await store.resolve('v1'))?.digest).toBe(other.descriptor.digest);
    expect((await store.resolve(artifact.descriptor.digest))?.digest).toBe(artifact.descriptor.digest);
    expect(await store.listTags()).toEqual(['v1']);
  });

  it('lets one artifact have several tags', async () => {
    await publishArtifact(store, { artifact, signatures: [], tag: 'b' });
    await store.tag(artifact.descriptor.digest, 'a');

    expect(await store.listTags()).toEqual(['a', 'b']);
  });

  it('lists the referrers of a subject in the order they came, and of no other', async () => {
    await publishArtifact(store, { artifact, signatures: [signature], tag: 'v1' });
    const second = await attachSignature(store, artifact.descriptor, { ...signature, sigstoreBundle: Buffer.from('{"x":2}\n') });
    await publishArtifact(store, { artifact: other, signatures: [signature] });

    const found = await store.referrers(artifact.descriptor.digest);

    expect(found.map((entry) => entry.artifactType)).toEqual([SIGSTORE_BUNDLE_TYPE, SIGSTORE_BUNDLE_TYPE]);
    expect(found[1]?.digest).toBe(second.digest);
  });

  it('finds referrers that another tool listed under the fallback tag', async () => {
    const [{ digest: referrer } = { digest: '' }] = (await publishArtifact(store, { artifact, signatures: [signature] })).referrers;
    const index = JSON.parse(await readFile(join(directory, 'index.json'), 'utf8')) as { manifests: { digest: string }[] };
    const nested = bytesSource(
      Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: index.manifests.filter((entry) => entry.digest === referrer) })),
    );
    await store.putBlob(nested);
    const tagged = {
      mediaType: 'application/vnd.oci.image.index.v1+json',
      digest: nested.digest,
      size: nested.size,
      annotations: { 'org.opencontainers.image.ref.name': `sha256-${bareHex(artifact.descriptor.digest)}` },
    };
    await writeFile(
      join(directory, 'index.json'),
      JSON.stringify({ schemaVersion: 2, manifests: [...index.manifests.filter((entry) => entry.digest !== referrer), tagged] }),
    );

    expect((await store.referrers(artifact.descriptor.digest)).map((entry) => entry.digest)).toEqual([referrer]);
  });

  it('keeps every one of many manifests written at the same time', async () => {
    const artifacts = Array.from({ length: 12 }, (_, index) =>
      packBundle(new Map([['recipe.yaml', Buffer.from(`a: ${index}`)]]), { version: 'v1' }),
    );

    await Promise.all(artifacts.map((one, index) => publishArtifact(store, { artifact: one, signatures: [], tag: `t${index}` })));

    expect(await store.listTags()).toHaveLength(12);
  });

  it('holds no temporary file after a blob whose bytes were not what they claimed', async () => {
    const lying = { ...blob, read: () => bytesSource(Buffer.from('CONTENT')).read() };

    await expect(store.putBlob(lying)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });

    expect(await readdir(join(directory, 'blobs/sha256'))).toEqual([]);
  });

  it('repairs a blob that was damaged on disk when it is stored again', async () => {
    await store.putBlob(blob);
    await writeFile(blobFile(blob.digest), 'CONTENT');

    await store.putBlob(blob);

    expect(await store.getBlob(blob)).toEqual(Buffer.from('content'));
  });
});

describe('reading a layout is refused', () => {
  it('for a blob that is not there', async () => {
    await expect(store.getBlob(blob)).rejects.toMatchObject({ code: 'ARTIFACT_NOT_FOUND' });
  });

  it.each([
    ['changed', 'CONTENT'],
    ['cut', 'conten'],
    ['longer', 'contents'],
  ])('for a blob that was %s', async (_, content) => {
    await store.putBlob(blob);
    await writeFile(blobFile(blob.digest), content);

    await expect(store.getBlob(blob)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  it('for a manifest that was changed, also while looking for referrers', async () => {
    const { referrers } = await publishArtifact(store, { artifact, signatures: [signature], tag: 'v1' });
    const path = blobFile(referrers[0]?.digest ?? '');
    await writeFile(path, (await readFile(path, 'utf8')).replace('NVIDIA', 'nvidia'));

    await expect(store.referrers(artifact.descriptor.digest)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  it.each([
    ['no JSON', '{', 'JSON_INVALID'],
    ['a list', '[]', 'ARTIFACT_INVALID'],
    ['another schema version', '{"schemaVersion":1,"manifests":[]}', 'ARTIFACT_INVALID'],
    ['an entry without digest', '{"schemaVersion":2,"manifests":[{"mediaType":"x","size":1}]}', 'ARTIFACT_INVALID'],
    [
      'an entry whose digest climbs',
      '{"schemaVersion":2,"manifests":[{"mediaType":"x","size":1,"digest":"sha256:../../x"}]}',
      'ARTIFACT_INVALID',
    ],
    [
      'an entry of negative size',
      `{"schemaVersion":2,"manifests":[{"mediaType":"x","size":-1,"digest":"${blob.digest}"}]}`,
      'ARTIFACT_INVALID',
    ],
  ])('when index.json holds %s', async (_, text, code) => {
    await publishArtifact(store, { artifact, signatures: [], tag: 'v1' });
    await writeFile(join(directory, 'index.json'), text);

    await expect(store.resolve('v1')).rejects.toMatchObject({ code });
  });

  it('for a tag on a manifest that was never stored', async () => {
    await expect(store.tag(sha256('nothing'), 'v1')).rejects.toMatchObject({ code: 'ARTIFACT_NOT_FOUND' });
  });
});
