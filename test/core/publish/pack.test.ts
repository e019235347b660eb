import { describe, expect, it } from 'vitest';
import { sha256, sha256Hex, type Digest } from '#core/digest/sha256.ts';
import { defaultTag } from '#core/publish/default-tag.ts';
import { packBundle } from '#core/publish/pack.ts';
import { packSignature } from '#core/publish/signature-referrer.ts';

const files = new Map([
  ['recipe.yaml', Buffer.from('a: 1\n')],
  ['ctrf/deployment.json', Buffer.from('{}')],
  ['bom.cdx.json', Buffer.from('{}')],
]);
const emptyDigest = 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a';

function manifestOf(bytes: Uint8Array): Record<string, unknown> {
  return JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>;
}

describe('a packed bundle', () => {
  it('is a manifest with one titled layer per file, in path order', () => {
    const packed = packBundle(files, { version: 'v0.1.0' });

    expect(manifestOf(packed.manifest)).toEqual({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      artifactType: 'application/vnd.nvidia.aicr.artifact',
      config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: emptyDigest, size: 2 },
      layers: ['bom.cdx.json', 'ctrf/deployment.json', 'recipe.yaml'].map((path) => ({
        mediaType: 'application/octet-stream',
        digest: `sha256:${sha256Hex(files.get(path) ?? '')}`,
        size: files.get(path)?.length,
        annotations: { 'org.opencontainers.image.title': path },
      })),
      annotations: {
        'org.opencontainers.image.created': '1970-01-01T00:00:00Z',
        'org.opencontainers.image.description': 'Signed evidence bundle for an aicr recipe (recipe-evidence/v1).',
        'org.opencontainers.image.title': 'AICR Recipe Evidence',
        'org.opencontainers.image.version': 'v0.1.0',
      },
    });
    expect(packed.descriptor).toMatchObject({ digest: sha256(packed.manifest), size: packed.manifest.length });
  });

  it('has the same digest whatever order the files came in', () => {
    const reversed = new Map([...files].reverse());

    expect(packBundle(reversed, { version: 'v1' }).descriptor).toEqual(packBundle(files, { version: 'v1' }).descriptor);
  });

  it('leaves out a signature that lies beside it, so that signing does not change its digest', () => {
    const signed = new Map([...files, ['attestation.intoto.jsonl', Buffer.from('{}')]]);

    expect(packBundle(signed, { version: 'v1' }).descriptor).toEqual(packBundle(files, { version: 'v1' }).descriptor);
  });

  it('sends equal files once', () => {
    expect(packBundle(files, { version: 'v1' }).blobs.map((blob) => blob.digest)).toEqual([emptyDigest, sha256('a: 1\n')]);
  });

  it.each(['../recipe.yaml', '/etc/passwd', 'a//b', '.hidden', 'a/./b', 'a\\b', '', 'a/', 'ü.json', 'a\nb'])(
    'refuses the path %j',
    (path) => {
      expect(() => packBundle(new Map([[path, Buffer.from('x')]]), { version: 'v1' })).toThrow(
        expect.objectContaining({ code: 'ARTIFACT_INVALID' }),
      );
    },
  );
});

describe('a packed signature', () => {
  it('refers to its subject with exactly one layer, and says what it is on manifest and config', () => {
    const sigstoreBundle = Buffer.from('{"mediaType":"x"}\n');
    const subject = { ...packBundle(files, { version: 'v1' }).descriptor, annotations: { a: 'b' } };

    const packed = packSignature({ subject, sigstoreBundle, predicateType: 'https://aicr.run/recipe-evidence/v1' });

    const type = 'application/vnd.dev.sigstore.bundle.v0.3+json';
    expect(manifestOf(packed.manifest)).toEqual({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      artifactType: type,
      config: { mediaType: type, digest: emptyDigest, size: 2 },
      layers: [
        {
          mediaType: type,
          digest: sha256(sigstoreBundle),
          size: sigstoreBundle.length,
          annotations: { 'org.opencontainers.image.title': 'payload' },
        },
      ],
      subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
      annotations: {
        'dev.sigstore.bundle.content': 'dsse-envelope',
        'dev.sigstore.bundle.predicateType': 'https://aicr.run/recipe-evidence/v1',
        'org.opencontainers.image.created': '1970-01-01T00:00:00Z',
        'org.opencontainers.image.vendor': 'NVIDIA',
      },
    });
  });
});

describe('the default tag', () => {
  const digest = `sha256:1cdec8857098${'0'.repeat(52)}` as Digest;

  it.each([
    ['h100-eks-ubuntu-training', 'h100-eks-ubuntu-training-1cdec8857098'],
    ['H100 EKS/Training', 'h100-eks-training-1cdec8857098'],
    ['--.x.--', 'x-1cdec8857098'],
    ['a'.repeat(100), `${'a'.repeat(80)}-1cdec8857098`],
    ['ü', 'recipe-1cdec8857098'],
  ])('of the recipe %j is %s', (name, tag) => {
    expect(defaultTag(name, digest)).toBe(tag);
  });
});
