import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SIGSTORE_BUNDLE_TYPE } from '#core/attestation/media-type.ts';
import { bareHex, sha256 } from '#core/digest/sha256.ts';
import { bytesSource } from '#core/oci/blob-source.ts';
import type { RegistryOptions } from '#core/oci/registry/credential.ts';
import { registryStore } from '#core/oci/registry/registry-store.ts';
import { packBundle } from '#core/publish/pack.ts';
import { attachSignature, publishArtifact } from '#core/publish/publish-artifact.ts';
import { startFaultProxy, type FaultProxy } from '../../../tools/services/fault-proxy.ts';
import { startStack, type Stack } from '../../../tools/services/stack.ts';
import { place, skipServices, tool, WHY_SKIPPED } from '../../fixture/services.ts';

const signature = { sigstoreBundle: Buffer.from('{"x":1}\n'), predicateType: 'https://example.test/v1' };
const artifact = packBundle(
  new Map([
    ['recipe.yaml', Buffer.from('a: 1\n')],
    ['ctrf/deployment.json', Buffer.from('{}')],
  ]),
  { version: 'v1' },
);
const big = bytesSource(randomBytes(3 << 20));

function store(registry: string, repository: string, options: RegistryOptions = {}): ReturnType<typeof registryStore> {
  return registryStore({ registry, repository }, options);
}

describe.skipIf(skipServices).each(['registry', 'plainRegistry'] as const)(`the %s ${WHY_SKIPPED}`, (which) => {
  let stack: Stack;
  let host: string;
  beforeAll(async () => {
    stack = await startStack();
    host = stack[which];
  });
  afterAll(() => stack?.stop());

  it('keeps an artifact with its signature, found by tag, digest and reference', async () => {
    const team = store(host, 'team/evidence');

    const { referrers } = await publishArtifact(team, { artifact, signatures: [signature], tag: 'v1' });

    expect((await team.resolve('v1'))?.digest).toBe(artifact.descriptor.digest);
    expect((await team.getManifest(artifact.descriptor.digest)).bytes).toEqual(artifact.manifest);
    expect((await team.referrers(artifact.descriptor.digest)).map(({ digest, artifactType }) => ({ digest, artifactType }))).toEqual([
      { digest: referrers[0]?.digest, artifactType: SIGSTORE_BUNDLE_TYPE },
    ]);
  });

  it('is unchanged by publishing the same again', async () => {
    const proxy = await startFaultProxy(`http://${host}`);
    await publishArtifact(store(host, 'team/again'), { artifact, signatures: [signature], tag: 'v1' });

    await publishArtifact(store(proxy.url.slice('http://'.length), 'team/again'), { artifact, signatures: [signature], tag: 'v1' });

    expect([...new Set(proxy.seen.map(({ method }) => method))].sort()).toEqual(['GET', 'HEAD']);
    await proxy.close();
  });

  it('takes a blob in pieces', async () => {
    const team = store(host, 'team/pieces', { chunkBytes: 1_000_003 });

    await team.putBlob(big);

    expect(sha256(await team.getBlob(big))).toBe(big.digest);
  });

  it('mounts a blob of another repository instead of sending it again', async () => {
    await store(host, 'team/source').putBlob(big);
    const proxy = await startFaultProxy(`http://${host}`);

    await store(proxy.url.slice('http://'.length), 'team/mounted', { mountFrom: 'team/source' }).putBlob(big);

    expect(await store(host, 'team/mounted').hasBlob(big.digest)).toBe(true);
    expect(proxy.seen.map(({ method }) => method)).toEqual(which === 'registry' ? ['HEAD'] : ['HEAD', 'POST']);
    await proxy.close();
  });

  it('keeps every one of many signatures attached at the same time', async () => {
    const team = store(host, 'team/many');
    await publishArtifact(team, { artifact, signatures: [] });

    const attached = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        attachSignature(team, artifact.descriptor, { ...signature, sigstoreBundle: Buffer.from(`{"x":${index}}`) }),
      ),
    );

    const found = (await team.referrers(artifact.descriptor.digest)).map(({ digest }) => digest);
    expect(found.sort()).toEqual(attached.map(({ digest }) => digest).sort());
  });

  it('keeps signatures that two writers attach through separate clients', async () => {
    await publishArtifact(store(host, 'team/two'), { artifact, signatures: [] });
    const writers = [store(host, 'team/two'), store(host, 'team/two')];

    await Promise.all(
      writers.map((writer, index) =>
        attachSignature(writer, artifact.descriptor, { ...signature, sigstoreBundle: Buffer.from(`{"y":${index}}`) }),
      ),
    );

    expect(await store(host, 'team/two').referrers(artifact.descriptor.digest)).toHaveLength(2);
  });

  it('has what crane reads: manifest, layers and tags', async () => {
    await publishArtifact(store(host, 'team/crane'), { artifact, signatures: [signature], tag: 'v1' });

    const manifest = await tool('crane', ['manifest', '--insecure', `${host}/team/crane:v1`]);
    const validated = await tool('crane', ['digest', '--insecure', `${host}/team/crane@${artifact.descriptor.digest}`]);
    const tags = await tool('crane', ['ls', '--insecure', `${host}/team/crane`]);

    expect(manifest).toMatchObject({ exit: 0, stdout: Buffer.from(artifact.manifest).toString() });
    expect(validated.stdout.trim()).toBe(artifact.descriptor.digest);
    expect(tags.stdout.split('\n')).toContain('v1');
  });

  it('says that a repository, tag or blob is not there', async () => {
    const team = store(host, 'team/nothing');

    await expect(team.getManifest('v1')).rejects.toMatchObject({ code: 'ARTIFACT_NOT_FOUND', exit: 2 });
    await expect(team.getBlob(bytesSource(Buffer.from('never stored')))).rejects.toMatchObject({ code: 'ARTIFACT_NOT_FOUND' });
    await expect(team.listTags()).rejects.toMatchObject({ code: 'ARTIFACT_NOT_FOUND' });
    expect(await team.resolve('v1')).toBeUndefined();
  });
});

describe.skipIf(skipServices)(`the registry without referrers API ${WHY_SKIPPED}`, () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack();
  });
  afterAll(() => stack?.stop());

  it('gets the fallback tag, an index with the artifact types', async () => {
    const team = store(stack.plainRegistry, 'team/fallback');
    const { referrers } = await publishArtifact(team, { artifact, signatures: [signature], tag: 'v1' });

    const { bytes } = await team.getManifest(`sha256-${bareHex(artifact.descriptor.digest)}`);

    expect(JSON.parse(Buffer.from(bytes).toString())).toEqual({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [{ ...referrers[0], artifactType: SIGSTORE_BUNDLE_TYPE }],
    });
  });

  it('keeps what another tool wrote into the fallback tag', async () => {
    const team = store(stack.plainRegistry, 'team/foreign');
    await publishArtifact(team, { artifact, signatures: [] });
    const foreign = {
      mediaType: artifact.descriptor.mediaType,
      digest: artifact.descriptor.digest,
      size: artifact.descriptor.size,
      artifactType: 'application/vnd.example.sbom',
    };
    const index = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [foreign] }),
    );
    const tag = `sha256-${bareHex(artifact.descriptor.digest)}`;
    const written = await team.putManifest({ bytes: index, mediaType: 'application/vnd.oci.image.index.v1+json' });
    await team.tag(written.digest, tag);

    await attachSignature(team, artifact.descriptor, signature);

    expect((await team.referrers(artifact.descriptor.digest)).map(({ artifactType }) => artifactType)).toEqual([
      'application/vnd.example.sbom',
      SIGSTORE_BUNDLE_TYPE,
    ]);
  });
});

describe.skipIf(skipServices)(`a registry that fails ${WHY_SKIPPED}`, () => {
  let stack: Stack;
  let proxy: FaultProxy;
  beforeAll(async () => {
    stack = await startStack();
  });
  afterAll(() => stack?.stop());

  async function proxied(repository: string): Promise<ReturnType<typeof registryStore>> {
    proxy = await startFaultProxy(`http://${stack.plainRegistry}`);
    return store(proxy.url.slice('http://'.length), repository, { timeoutMs: 500, retries: 2 });
  }

  it.each([
    [401, 'REGISTRY_UNAUTHORIZED', 1],
    [403, 'REGISTRY_FORBIDDEN', 1],
    [400, 'REGISTRY_REFUSED', 1],
    [405, 'REGISTRY_REFUSED', 1],
    [429, 'REGISTRY_RATE_LIMITED', 3],
    [500, 'REGISTRY_UNAVAILABLE', 3],
    [503, 'REGISTRY_UNAVAILABLE', 3],
  ])('with %i ends in %s after %i attempts, exit 3', async (status, code, attempts) => {
    const team = await proxied('team/evidence');
    proxy.setFault(() => ({
      kind: 'answer',
      status,
      headers: { 'retry-after': '0' },
      body: '{"errors":[{"code":"DENIED","message":"<script>"}]}',
    }));

    await expect(team.getManifest('v1')).rejects.toMatchObject({
      code,
      exit: 3,
      details: { httpStatus: status, errorCodes: ['DENIED'] },
      message: expect.not.stringContaining('script') as string,
    });

    expect(proxy.seen).toHaveLength(attempts);
    await proxy.close();
  });

  it.each([['hang'], ['cut']] as const)('by a %s ends in REGISTRY_UNAVAILABLE', async (kind) => {
    const team = await proxied('team/evidence');
    proxy.setFault(() => ({ kind }));

    await expect(team.getManifest('v1')).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE', exit: 3 });
    await proxy.close();
  });

  it('in the middle of an upload loses nothing: the blob is sent again', async () => {
    const team = await proxied('team/cut-upload');
    proxy.setFault(({ method, count }) => (method === 'PUT' && count < 5 ? { kind: 'cut-request', afterBytes: 1 << 20 } : undefined));

    await team.putBlob(big);

    expect(sha256(await team.getBlob(big))).toBe(big.digest);
    expect(proxy.seen.filter(({ method }) => method === 'POST')).toHaveLength(2);
    await proxy.close();
  });

  it('in the middle of a download is asked again', async () => {
    await store(stack.plainRegistry, 'team/cut-download').putBlob(big);
    const team = await proxied('team/cut-download');
    proxy.setFault(({ count }) => (count === 1 ? { kind: 'cut-answer', afterBytes: 1 << 20 } : undefined));

    expect(sha256(await team.getBlob(big))).toBe(big.digest);
    expect(proxy.seen).toHaveLength(2);
    await proxy.close();
  });

  it('by losing the answer to the upload finds the blob there and goes on', async () => {
    const team = await proxied('team/lost-answer');
    proxy.setFault(({ method, count }) => (method === 'PUT' && count < 5 ? { kind: 'lose-answer' } : undefined));

    await team.putBlob(big);

    expect(proxy.seen.filter(({ method }) => method === 'PUT')).toHaveLength(1);
    await proxy.close();
  });

  it.each([
    ['other bytes of the same length', (body: Buffer) => Buffer.alloc(body.length, 'x')],
    ['fewer bytes', (body: Buffer) => body.subarray(1)],
    ['more bytes', (body: Buffer) => Buffer.concat([body, body])],
  ])('by giving %s is caught, and not asked again', async (_, edit) => {
    const team = await proxied('team/edited');
    await publishArtifact(team, { artifact, signatures: [], tag: 'v1' });
    const before = proxy.seen.length;
    proxy.setFault(() => ({ kind: 'edit-answer', edit }));
    const [blob] = artifact.blobs;

    await expect(team.getManifest(artifact.descriptor.digest)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH', exit: 2 });
    await expect(team.getBlob(blob ?? big)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH', exit: 2 });

    expect(proxy.seen.length - before).toBe(2);
    await proxy.close();
  });

  it('never lets half an artifact carry a tag: a push that fails late leaves none', async () => {
    const team = await proxied('team/late');
    proxy.setFault(({ method, path }) => (method === 'PUT' && path.includes('/manifests/') ? { kind: 'answer', status: 403 } : undefined));

    await expect(publishArtifact(team, { artifact, signatures: [signature], tag: 'v1' })).rejects.toMatchObject({
      code: 'REGISTRY_FORBIDDEN',
    });

    expect(await store(stack.plainRegistry, 'team/late').resolve('v1')).toBeUndefined();
    await proxy.close();
  });
});

describe.skipIf(skipServices)(`cosign and our artifacts ${WHY_SKIPPED}`, () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack();
  });
  afterAll(() => stack?.stop());

  it.each(['registry', 'plainRegistry'] as const)('shows the signature as part of the artifact in the %s', async (which) => {
    const work = place();
    mkdirSync(join(work, 'home'));
    writeFileSync(join(work, 'note'), '');
    await publishArtifact(store(stack[which], 'team/tree'), { artifact, signatures: [signature], tag: 'v1' });

    const tree = await tool('cosign', ['tree', `${stack[which]}/team/tree@${artifact.descriptor.digest}`], work);

    expect(tree).toMatchObject({ exit: 0 });
    expect(tree.stdout).toContain('https://example.test/v1 artifacts via OCI referrer');
  });
});
