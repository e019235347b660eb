import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { sha256 } from '#core/digest/sha256.ts';
import { bytesSource } from '#core/oci/blob-source.ts';
import type { RegistryOptions } from '#core/oci/registry/credential.ts';
import { registryStore } from '#core/oci/registry/registry-store.ts';
import type { ArtifactStore } from '#core/oci/store.ts';
import { selfSignedCertificate } from '../../collector/session/certificate.ts';
import { startServer, type Answer, type Asked, type LocalServer } from '../../tools/services/json-server.ts';

const blob = bytesSource(Buffer.from('content'));
const NOT_FOUND = { status: 404, body: {} };

/** A server that answers as the test tells it, and keeps what it was asked. */
async function server(answer: (asked: Asked, base: string) => Answer): Promise<LocalServer & { readonly asked: Asked[] }> {
  const asked: Asked[] = [];
  const started = await startServer((one, base) => {
    asked.push(one);
    return answer(one, base);
  });
  onTestFinished(() => started.close());
  return { ...started, asked };
}

function store({ url }: LocalServer, options: RegistryOptions = {}): ArtifactStore {
  return registryStore({ registry: new URL(url).host, repository: 'team/evidence' }, { retries: 0, timeoutMs: 2000, ...options });
}

const robot = { credentials: () => Promise.resolve({ kind: 'basic' as const, username: 'robot', password: 'secret' }) };
const wantsBasic = { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' }, body: {} };

describe('a registry client and credentials', () => {
  it('gives none until it is asked', async () => {
    const registry = await server(({ headers }) => (headers.authorization === undefined ? wantsBasic : { body: Buffer.from('content') }));

    await store(registry, robot).getBlob(blob);

    expect(registry.asked.map(({ headers }) => headers.authorization)).toEqual([undefined, 'Basic cm9ib3Q6c2VjcmV0']);
  });

  it('follows a redirect to blob storage without them', async () => {
    const storage = await server(() => ({ body: Buffer.from('content') }));
    const registry = await server(({ headers }) =>
      headers.authorization === undefined ? wantsBasic : { status: 307, headers: { location: `${storage.url}/bucket/key?sig=1` } },
    );

    expect(await store(registry, robot).getBlob(blob)).toEqual(Buffer.from('content'));

    expect(storage.asked.map(({ url, headers }) => ({ path: url.pathname, authorization: headers.authorization }))).toEqual([
      { path: '/bucket/key', authorization: undefined },
    ]);
  });

  it('does not answer a demand for them from another server', async () => {
    const storage = await server(() => wantsBasic);
    const registry = await server(({ headers }) =>
      headers.authorization === undefined ? wantsBasic : { status: 307, headers: { location: storage.url } },
    );

    await expect(store(registry, robot).getBlob(blob)).rejects.toMatchObject({ code: 'REGISTRY_UNAUTHORIZED' });

    expect(storage.asked.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  it('uploads to another server without them', async () => {
    const storage = await server(() => ({ status: 201 }));
    const registry = await server(({ method, headers }) => {
      if (headers.authorization === undefined) return wantsBasic;
      return method === 'HEAD' ? NOT_FOUND : { status: 202, headers: { location: `${storage.url}/upload?state=1` } };
    });

    await store(registry, robot).putBlob(blob);

    expect(
      storage.asked.map(({ url, headers, body }) => ({ url: url.search, authorization: headers.authorization, body: body.toString() })),
    ).toEqual([{ url: `?state=1&digest=${encodeURIComponent(blob.digest)}`, authorization: undefined, body: 'content' }]);
  });

  it.each([
    ['a token service over plain http elsewhere', 'Bearer realm="http://tokens.test/token"'],
    ['a token service that is no URL', 'Bearer realm="token"'],
    ['a token service without address', 'Bearer service="x"'],
    ['a token service in a file', 'Bearer realm="file:///etc/passwd"'],
  ])('are not sent to %s', async (_, challenge) => {
    const registry = await server(() => ({ status: 401, headers: { 'www-authenticate': challenge }, body: {} }));

    await expect(store(registry, robot).getBlob(blob)).rejects.toMatchObject({ code: 'REGISTRY_REFUSED' });
  });

  it.each([['{}'], ['[]'], ['{"token":""}'], ['{"token":"a\\nb: c"}'], ['<html>']])('take no token from the answer %s', async (body) => {
    const registry = await server((asked, base) =>
      asked.url.pathname === '/token'
        ? { body: Buffer.from(body) }
        : { status: 401, headers: { 'www-authenticate': `Bearer realm="${base}/token"` }, body: {} },
    );

    await expect(store(registry, robot).getBlob(blob)).rejects.toMatchObject({ code: 'REGISTRY_REFUSED' });
  });

  it('are asked for once, however often the registry refuses them', async () => {
    let lookups = 0;
    const credentials = (): ReturnType<(typeof robot)['credentials']> => {
      lookups++;
      return robot.credentials();
    };
    const registry = await server(() => wantsBasic);

    await expect(store(registry, { credentials }).getBlob(blob)).rejects.toMatchObject({ code: 'REGISTRY_UNAUTHORIZED' });

    expect({ lookups, asked: registry.asked.length }).toEqual({ lookups: 1, asked: 2 });
  });
});

describe('a registry client and wrong answers', () => {
  it.each<[string, (asked: Asked, base: string) => Answer, string]>([
    ['redirects in a circle', (_, base) => ({ status: 302, headers: { location: `${base}/again` } }), 'REGISTRY_REFUSED'],
    ['redirects nowhere', () => ({ status: 302 }), 'REGISTRY_REFUSED'],
    ['redirects to a file', () => ({ status: 302, headers: { location: 'file:///etc/passwd' } }), 'REGISTRY_REFUSED'],
    ['sends more than was asked for', () => ({ body: Buffer.from('content and more') }), 'DIGEST_MISMATCH'],
    ['sends less', () => ({ body: Buffer.from('conten') }), 'DIGEST_MISMATCH'],
    ['sends something else', () => ({ body: Buffer.from('CONTENT') }), 'DIGEST_MISMATCH'],
    ['answers 206', () => ({ status: 206, body: Buffer.from('content') }), 'REGISTRY_REFUSED'],
    ['answers 204', () => ({ status: 204 }), 'REGISTRY_REFUSED'],
  ])('refuses a blob when the registry %s', async (_, answer, code) => {
    await expect(store(await server(answer)).getBlob(blob)).rejects.toMatchObject({ code });
  });

  it.each<[string, Answer, string]>([
    ['of another digest', { body: Buffer.from('{}') }, 'DIGEST_MISMATCH'],
    ['over 4 MiB', { body: Buffer.alloc((4 << 20) + 1, ' ') }, 'ARTIFACT_INVALID'],
  ])('refuses a manifest %s', async (_, answer, code) => {
    await expect(store(await server(() => answer)).getManifest(sha256('other'))).rejects.toMatchObject({ code });
  });

  it('refuses a manifest under a tag when the registry contradicts itself about its digest', async () => {
    const registry = await server(() => ({ headers: { 'docker-content-digest': sha256('other') }, body: Buffer.from('{}') }));

    await expect(store(registry).getManifest('v1')).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  it.each<[string, Record<string, string>]>([
    ['no digest', { 'content-length': '2' }],
    ['no length', { 'docker-content-digest': sha256('{}') }],
    ['a digest of another kind', { 'docker-content-digest': 'sha512:abcd', 'content-length': '2' }],
  ])('asks for the manifest itself when a HEAD gives %s', async (_, headers) => {
    const registry = await server(({ method }) =>
      method === 'HEAD'
        ? { headers }
        : { headers: { 'content-type': 'application/vnd.oci.image.manifest.v1+json; charset=utf-8' }, body: Buffer.from('{}') },
    );

    expect(await store(registry).resolve('v1')).toEqual({
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      digest: sha256('{}'),
      size: 2,
    });
  });

  it.each<[string, Answer]>([
    ['no place to send it to', { status: 202 }],
    ['a file to send it to', { status: 202, headers: { location: 'file:///tmp/x' } }],
    ['another status', { status: 200 }],
  ])('does not push a blob when the upload gets %s', async (_, begun) => {
    const registry = await server(({ method }) => (method === 'HEAD' ? NOT_FOUND : begun));

    await expect(store(registry).putBlob(blob)).rejects.toMatchObject({ code: 'REGISTRY_REFUSED' });
  });

  it('does not believe an upload that was stored under another digest', async () => {
    const registry = await server(({ method }, base) =>
      method === 'HEAD'
        ? NOT_FOUND
        : method === 'POST'
          ? { status: 202, headers: { location: `${base}/up` } }
          : { status: 201, headers: { 'docker-content-digest': sha256('other') } },
    );

    await expect(store(registry).putBlob(blob)).rejects.toMatchObject({ code: 'REGISTRY_REFUSED' });
  });

  it.each<[string, unknown]>([
    ['a list', []],
    ['tags that are numbers', { tags: [1] }],
  ])('does not take %s for a list of tags', async (_, body) => {
    const registry = await server(() => ({ body: body ?? Buffer.from('') }));
    const listing = store(registry).listTags();

    await (Array.isArray(body)
      ? expect(listing).resolves.toEqual([])
      : expect(listing).rejects.toMatchObject({ code: 'REGISTRY_REFUSED' }));
  });

  it('reads a list in pages, and not from another server', async () => {
    const registry = await server(({ url }) =>
      url.searchParams.get('last') === 'b'
        ? { body: { tags: ['c'] } }
        : { headers: { link: '</v2/team/evidence/tags/list?last=b>; rel="next"' }, body: { tags: ['a', 'b'] } },
    );
    const hostile = await server(() => ({ headers: { link: '<https://evil.test/list>; rel="next"' }, body: { tags: ['a'] } }));
    const endless = await server(() => ({ headers: { link: '</v2/x>; rel="next"' }, body: { tags: ['a'] } }));

    expect(await store(registry).listTags()).toEqual(['a', 'b', 'c']);
    await expect(store(hostile).listTags()).rejects.toMatchObject({ code: 'REGISTRY_REFUSED' });
    await expect(store(endless).listTags()).rejects.toMatchObject({ code: 'REGISTRY_REFUSED' });
  });

  it('reads referrers in pages, whatever the registry makes of artifact types', async () => {
    const entry = (text: string) => ({
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      digest: sha256(text),
      size: 1,
      artifactType: 'application/vnd.oci.empty.v1+json',
    });
    const index = (text: string) => ({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [entry(text)] });
    const registry = await server(({ url }) =>
      url.search === '' ? { headers: { link: '<?page=2>; rel="next"' }, body: index('a') } : { body: index('b') },
    );

    expect((await store(registry).referrers(sha256('subject'))).map(({ digest }) => digest)).toEqual([sha256('a'), sha256('b')]);
  });

  it('refuses to say that nothing refers to an artifact when the registry only failed to say', async () => {
    const registry = await server(() => ({ status: 500, body: {} }));

    await expect(store(registry).referrers(sha256('subject'))).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
  });
});

describe('a registry client and connections', () => {
  it('speaks https to other computers, and says when it cannot', async () => {
    const far = registryStore({ registry: 'registry.invalid', repository: 'team/evidence' }, { retries: 0, timeoutMs: 3000 });

    await expect(far.getBlob(blob)).rejects.toMatchObject({
      code: 'REGISTRY_UNAVAILABLE',
      message: expect.stringContaining('https://registry.invalid') as string,
    });
  });

  it('checks the certificate of a registry unless it is told not to', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = privateKey.export({ format: 'pem', type: 'pkcs8' });
    const registry = createServer({ key, cert: await selfSignedCertificate(privateKey) }, (_, answer) => void answer.end('content'));
    await new Promise<void>((ready) => registry.listen(0, '127.0.0.1', ready));
    onTestFinished(() => void registry.close());
    const host = `localhost:${(registry.address() as AddressInfo).port}`;
    const tls = (options: RegistryOptions): ArtifactStore =>
      registryStore({ registry: host, repository: 'team/evidence' }, { retries: 0, ...options });

    expect(await tls({ insecureTls: true }).getBlob(blob)).toEqual(Buffer.from('content'));
    await expect(fetch(`https://${host}/`)).rejects.toThrow('fetch failed');
    await expect(tls({ plainHttp: true }).getBlob(blob)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
  });
});
