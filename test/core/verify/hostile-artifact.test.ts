import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '#core/digest/sha256.ts';
import type { FindingCode } from '#core/verify/finding.ts';
import { verifyEvidence } from '#core/verify/verify-evidence.ts';
import type { VerifyOptions } from '#core/verify/verify-options.ts';
import { honestEvidence, NOW_MS, scratch, signEvidence, type SignedFixture } from '../../fixture/verify/evidence.ts';
import { attach, Layout, storeEvidence, storeSigned, type LooseDescriptor, type LooseManifest } from '../../fixture/verify/layout.ts';
import { outcomeOf, refused, type Outcome } from '../../fixture/verify/outcome.ts';
import { entriesOf, tarOf } from '../../fixture/verify/tar.ts';

let signed: SignedFixture;
let stranger: SignedFixture;

beforeAll(async () => {
  signed = await signEvidence(honestEvidence());
  stranger = await signEvidence(honestEvidence(), { user: 'stranger' });
});

async function outcomeOfLayout(build: (layout: Layout) => string | void, options: VerifyOptions = {}): Promise<Outcome> {
  using directory = scratch();
  const layout = new Layout(directory.path);
  const suffix = build(layout);
  return await outcomeOf(`oci-layout:${directory.path}${suffix ?? ''}`, { trustedRoot: signed.trustedRoot, ...options });
}

const layers =
  (change: (layers: LooseDescriptor[]) => LooseDescriptor[]) =>
  (manifest: LooseManifest): LooseManifest => ({ ...manifest, layers: change(manifest.layers) });
const firstLayer = (change: Partial<LooseDescriptor>) =>
  layers(([first, ...rest]) => [{ ...(first as LooseDescriptor), ...change }, ...rest]);
const title = (text: string) => firstLayer({ annotations: { 'org.opencontainers.image.title': text } });

const ARTIFACT_CASES: readonly (readonly [string, FindingCode, (manifest: LooseManifest) => LooseManifest | string])[] = [
  ['is no JSON', 'ARTIFACT_INVALID', () => 'manifest'],
  ['is a list', 'ARTIFACT_INVALID', () => '[]'],
  ['repeats a key', 'ARTIFACT_INVALID', (manifest) => JSON.stringify(manifest).replace('{', '{"schemaVersion":2,')],
  ['has a hundred levels', 'ARTIFACT_INVALID', () => `{"schemaVersion":2,"x":${'['.repeat(100)}${']'.repeat(100)}}`],
  ['is of schema version 1', 'ARTIFACT_INVALID', (manifest) => ({ ...manifest, schemaVersion: 1 })],
  ['is an index', 'ARTIFACT_INVALID', (manifest) => ({ ...manifest, mediaType: 'application/vnd.oci.image.index.v1+json' })],
  ['has no layers', 'BUNDLE_INCOMPLETE', (manifest) => ({ ...manifest, layers: [] })],
  ['has layers that are a text', 'ARTIFACT_INVALID', (manifest) => JSON.stringify({ ...manifest, layers: 'all' })],
  ['has a layer without digest', 'ARTIFACT_INVALID', firstLayer({ digest: '' })],
  ['has a layer with a digest in capitals', 'ARTIFACT_INVALID', firstLayer({ digest: `sha256:${'A'.repeat(64)}` })],
  ['has a layer of negative size', 'ARTIFACT_INVALID', firstLayer({ size: -1 })],
  ['has a layer of a terabyte', 'LIMIT_EXCEEDED', firstLayer({ size: 2 ** 40 })],
  ['has a layer of another size', 'DIGEST_MISMATCH', firstLayer({ size: 3 })],
  ['has a layer that is not stored', 'ARTIFACT_NOT_FOUND', firstLayer({ digest: `sha256:${'5'.repeat(64)}` })],
  ['has a layer without title', 'ARTIFACT_INVALID', firstLayer({ annotations: {} })],
  ['has a title that climbs', 'NAME_REFUSED', title('../bom.cdx.json')],
  ['has a title that climbs from inside', 'NAME_REFUSED', title('ctrf/../../x')],
  ['has an absolute title', 'NAME_REFUSED', title('/etc/passwd')],
  ['has an empty title', 'NAME_REFUSED', title('')],
  ['has a title with an escape sequence', 'NAME_REFUSED', title('\u001b]8;;https://evil.test\u0007bom')],
  ['has a title twice', 'NAME_COLLISION', title('recipe.yaml')],
  ['has titles that differ only in case', 'NAME_COLLISION', title('RECIPE.YAML')],
  [
    'has ten thousand and one layers',
    'ARTIFACT_INVALID',
    layers((honest) => Array.from({ length: 10_001 }, () => honest[0] as LooseDescriptor)),
  ],
  ['is over four megabytes', 'ARTIFACT_INVALID', (manifest) => ({ ...manifest, annotations: { note: 'x'.repeat(4 << 20) } })],
];

describe('an artifact', () => {
  it.each(ARTIFACT_CASES)('whose manifest %s is refused with %s', async (_name, code, change) => {
    expect(await outcomeOfLayout((layout) => void storeEvidence(layout, signed.files, change))).toEqual(refused('materialize', code));
  });

  it('whose layers were swapped is not the one that was signed', async () => {
    const swap = layers((honest) =>
      honest.map((layer, index) => ({ ...layer, annotations: (honest[honest.length - 1 - index] as LooseDescriptor).annotations ?? {} })),
    );

    const outcome = await outcomeOfLayout(
      (layout) => void attach(layout, storeEvidence(layout, signed.files, swap), signed.sigstoreBundle),
    );

    expect(outcome).toEqual(refused('signature', 'SUBJECT_MISMATCH'));
  });

  it('whose layer was damaged on disk is refused', async () => {
    const outcome = await outcomeOfLayout((layout) => {
      storeSigned(layout, signed);
      layout.blob('kind: Other\n', sha256(signed.files.get('recipe.yaml') ?? ''));
    });

    expect(outcome).toEqual(refused('materialize', 'DIGEST_MISMATCH'));
  });

  it('whose manifest was damaged on disk is refused', async () => {
    const outcome = await outcomeOfLayout((layout) => {
      const { digest, size } = storeSigned(layout, signed);
      layout.blob('{'.padEnd(size, ' '), digest);
    });

    expect(outcome).toEqual(refused('materialize', 'DIGEST_MISMATCH'));
  });

  it.each<readonly [string, FindingCode]>([
    [':v2', 'ARTIFACT_NOT_FOUND'],
    [`@sha256:${'7'.repeat(64)}`, 'ARTIFACT_NOT_FOUND'],
    ['@sha256:77', 'REFERENCE_INVALID'],
  ])('named %s that is not there is refused with %s', async (suffix, code) => {
    expect(await outcomeOfLayout((layout) => (storeSigned(layout, signed), suffix))).toEqual(refused('materialize', code));
  });

  it('must be named when a layout holds two', async () => {
    const outcome = await outcomeOfLayout((layout) => {
      storeSigned(layout, signed);
      layout.manifest({ schemaVersion: 2, config: { mediaType: 'a/b', ...layout.blob('{}') }, layers: [] }, 'other');
    });

    expect(outcome).toEqual(refused('materialize', 'REFERENCE_INVALID'));
  });

  it.each(['{', '[]', '{"schemaVersion":1,"manifests":[]}', '{"schemaVersion":2,"manifests":{}}'])(
    'in a layout whose index is %s is refused',
    async (index) => {
      const outcome = await outcomeOfLayout((layout) => {
        storeSigned(layout, signed);
        writeFileSync(join(layout.path, 'index.json'), index);
      });

      expect(outcome).toEqual(refused('materialize', 'ARTIFACT_INVALID'));
    },
  );

  it.each(['gzip', 'none'])('as one tar layer (%s) is read like one layer per file', async (compression) => {
    const { statement, files } = honestEvidence();
    const tar = tarOf([{ name: '.', type: '5' }, { name: 'ctrf/', type: '5' }, ...entriesOf(files)]);
    const mediaType = `application/vnd.oci.image.layer.v1.tar${compression === 'gzip' ? '+gzip' : ''}`;
    using directory = scratch();
    const layout = new Layout(directory.path);
    const layer = {
      mediaType,
      ...layout.blob(compression === 'gzip' ? gzipSync(tar) : tar),
      annotations: { 'org.opencontainers.image.title': '.' },
    };
    const artifact = layout.manifest(
      { schemaVersion: 2, config: { mediaType: 'application/vnd.oci.empty.v1+json', ...layout.blob('{}') }, layers: [layer] },
      'v1',
    );
    const own = await signEvidence({ files, statement }, { subject: artifact.digest as SignedFixture['artifactDigest'] });
    attach(layout, artifact, own.sigstoreBundle);

    const verdict = await verifyEvidence(`oci-layout:${directory.path}:v1`, { trustedRoot: own.trustedRoot, nowMs: NOW_MS });

    expect([verdict.exit, verdict.input, verdict.bundleDigest]).toEqual([0, 'oci-layout', artifact.digest]);
  });
});

describe('signatures of an artifact', () => {
  it('is verified against the artifact that was read', async () => {
    expect(await outcomeOfLayout((layout) => void storeSigned(layout, signed), { requireSignature: true })).toEqual({
      exit: 0,
      step: undefined,
      codes: [],
    });
  });

  const STRAYS: readonly (readonly [string, (layout: Layout, artifact: LooseDescriptor) => void])[] = [
    ['of a stranger', (layout, artifact) => void attach(layout, artifact, stranger.sigstoreBundle)],
    ['that is no Sigstore bundle', (layout, artifact) => void attach(layout, artifact, Buffer.from('{}'))],
    ['that is no JSON', (layout, artifact) => void attach(layout, artifact, Buffer.from('signed!'))],
    ['that is empty', (layout, artifact) => void attach(layout, artifact, Buffer.of())],
    [
      'whose layer is not stored',
      (layout, artifact) => void attach(layout, artifact, signed.sigstoreBundle, firstLayer({ digest: `sha256:${'6'.repeat(64)}` })),
    ],
    ['whose layer has another size', (layout, artifact) => void attach(layout, artifact, Buffer.from('x'), firstLayer({ size: 700 }))],
  ];

  it.each(STRAYS)('one %s blocks nothing beside a good one, before or after it', async (_name, addStray) => {
    for (const order of ['before', 'after']) {
      const outcome = await outcomeOfLayout((layout) => {
        const artifact = storeEvidence(layout, signed.files);
        if (order === 'before') addStray(layout, artifact);
        attach(layout, artifact, signed.sigstoreBundle);
        if (order === 'after') addStray(layout, artifact);
      });

      expect(outcome).toEqual({ exit: 0, step: undefined, codes: [] });
    }
  });

  it.each(STRAYS)('one %s alone is never taken for an unsigned artifact', async (_name, addStray) => {
    const outcome = await outcomeOfLayout((layout) => addStray(layout, storeEvidence(layout, signed.files)));

    expect([outcome.exit, outcome.step]).toEqual([2, 'signature']);
  });

  it('two hundred strays are refused, and never called unsigned', async () => {
    const outcome = await outcomeOfLayout((layout) => {
      const artifact = storeEvidence(layout, signed.files);
      for (let index = 0; index < 200; index += 1) attach(layout, artifact, Buffer.from(`{"n":${index}}`));
    });

    expect(outcome).toEqual(refused('signature', 'SIGNATURE_MALFORMED'));
  });

  it('two hundred referrers of another kind leave it undecidable whether it is signed', async () => {
    const outcome = await outcomeOfLayout((layout) => {
      const artifact = storeEvidence(layout, signed.files);
      for (let index = 0; index < 200; index += 1)
        attach(layout, artifact, Buffer.from(`sbom ${index}`), (manifest) => ({
          ...manifest,
          artifactType: 'application/spdx+json',
          layers: manifest.layers.map((layer) => ({ ...layer, mediaType: 'application/spdx+json' })),
        }));
    });

    expect(outcome).toEqual(refused('materialize', 'LIMIT_EXCEEDED'));
  });

  it('one whose artifact type says something else is found by its layer', async () => {
    const outcome = await outcomeOfLayout(
      (layout) =>
        void attach(layout, storeEvidence(layout, signed.files), signed.sigstoreBundle, (manifest) => ({
          ...manifest,
          artifactType: 'application/x',
        })),
      { requireSignature: true },
    );

    expect(outcome.exit).toBe(0);
  });

  it('one over another artifact does not count', async () => {
    const other = await signEvidence(honestEvidence({ redaction: 'full' }));

    const outcome = await outcomeOfLayout((layout) => void attach(layout, storeEvidence(layout, signed.files), other.sigstoreBundle), {
      trustedRoot: other.trustedRoot,
    });

    expect(outcome).toEqual(refused('signature', 'SUBJECT_MISMATCH'));
  });

  it('one packed into the artifact itself is no signature over it', async () => {
    const outcome = await outcomeOfLayout(
      (layout) => {
        const extra = {
          mediaType: 'application/octet-stream',
          ...layout.blob(signed.sigstoreBundle),
          annotations: { 'org.opencontainers.image.title': 'attestation.intoto.jsonl' },
        };
        storeEvidence(
          layout,
          signed.files,
          layers((honest) => [...honest, extra]),
        );
      },
      { requireSignature: true },
    );

    expect(outcome).toEqual(refused('signature', 'SIGNATURE_REQUIRED'));
  });
});
