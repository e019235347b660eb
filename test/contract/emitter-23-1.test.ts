// The emitter's checklist of recipe evidence v1, line by line: what upstream's verifier needs to accept a bundle unchanged.
// Files are read here with JSON.parse and hashes only, not with our own reader, which could share a mistake with our writer.
import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleFromJSON } from '@sigstore/bundle';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { readRecipeFile } from '#core/catalog/read-recipe.ts';
import { canonicalRecipe } from '#core/recipe/canonical-recipe.ts';
import { verifyEvidence } from '#core/verify/verify-evidence.ts';
import { emitFoldedRun, emitFromFiles, emitFromRun, type Emitted } from '../fixture/bundle/emitted.ts';
import { NOW_MS } from '../fixture/verify/evidence.ts';

const HEX = /^[0-9a-f]{64}$/;
const PREFIXED = /^sha256:[0-9a-f]{64}$/;
const PREDICATE_TYPE = 'https://aicr.run/recipe-evidence/v1';
const SIGSTORE_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const UNLISTED = ['attestation.intoto.jsonl', 'manifest.json', 'statement.intoto.json'];

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const json = (bytes: Uint8Array | string): any => JSON.parse(Buffer.from(bytes as string).toString());

const emitters = [
  ['bundle create', emitFromFiles],
  ['the assembly of a run', emitFromRun],
  ['a run whose reports fold', emitFoldedRun],
] as const;

describe.each(emitters)('emitter checklist 23.1, on a bundle of %s', (_, emit) => {
  let emitted: Emitted;
  let files: Map<string, Buffer>;
  let statement: any;
  let predicate: any;
  let sigstore: any;
  let signed: any;

  beforeAll(async () => {
    emitted = await emit(mkdtempSync(join(tmpdir(), 'assay-emit-')));
    const paths = readdirSync(emitted.bundle, { recursive: true, encoding: 'utf8' }).filter((path) =>
      statSync(join(emitted.bundle, path)).isFile(),
    );
    files = new Map(paths.sort().map((path) => [path, readFileSync(join(emitted.bundle, path))]));
    statement = json(files.get('statement.intoto.json') ?? '');
    predicate = statement.predicate;
    sigstore = json(files.get('attestation.intoto.jsonl') ?? '');
    signed = json(Buffer.from(sigstore.dsseEnvelope.payload, 'base64'));
  });
  afterAll(() => rmSync(emitted.out, { recursive: true, force: true }));

  const manifestFiles = (): readonly { path: string; size: number; sha256: string }[] => json(files.get('manifest.json') ?? '').files;
  const blob = (digest: string): Buffer => readFileSync(join(emitted.out, 'oci/blobs/sha256', digest.replace('sha256:', '')));
  const artifact = (): any => json(blob(emitted.published.digest));

  describe('1', () => {
    it('recipe.yaml and manifest.json are at the bundle root', () => {
      expect(['recipe.yaml', 'manifest.json'].map((path) => statSync(join(emitted.bundle, path)).isFile())).toEqual([true, true]);
    });

    it('everything else is listed in the manifest, with its size and hash', () => {
      expect(manifestFiles().map(({ path, size, sha256: digest }) => [path, size, digest])).toEqual(
        [...files].filter(([path]) => !UNLISTED.includes(path)).map(([path, bytes]) => [path, bytes.length, `sha256:${sha256(bytes)}`]),
      );
    });

    it('the entries of the manifest are sorted by path and relative, without dots', () => {
      const paths = manifestFiles().map(({ path }) => path);

      expect(paths).toEqual([...paths].sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right))));
      expect(paths.filter((path) => /^\/|\\|(^|\/)\.\.?(\/|$)/.test(path))).toEqual([]);
    });

    it('there are no stray files, no hidden ones and no empty directories', () => {
      const directories = readdirSync(emitted.bundle, { recursive: true, withFileTypes: true }).filter((entry) => entry.isDirectory());

      expect([...files.keys()].filter((path) => /(^|\/)\./.test(path))).toEqual([]);
      expect(directories.map(({ name }) => name)).toEqual(['ctrf']);
    });
  });

  describe('2', () => {
    it('hashes are lowercase', () => {
      const text = [...files.values()].map((bytes) => bytes.toString()).join('\n');

      expect(text.match(/sha256:[0-9A-Fa-f]*[A-F][0-9A-Fa-f]*/g)).toBeNull();
    });

    it('hashes have the prefix in the manifest, ctrfDigest, manifest.digest and bom.digest', () => {
      const prefixed = [
        ...manifestFiles().map(({ sha256: digest }) => digest),
        ...Object.values<any>(predicate.phases).map(({ ctrfDigest }) => ctrfDigest),
        predicate.manifest.digest,
        predicate.bom.digest,
      ];

      expect(prefixed.filter((digest) => !PREFIXED.test(digest))).toEqual([]);
    });

    it('hashes are bare in recipe.digest and in the subjects', () => {
      const bare = [predicate.recipe.digest, ...[...statement.subject, ...signed.subject].map(({ digest }) => digest.sha256)];

      expect(bare.filter((digest) => !HEX.test(digest))).toEqual([]);
    });

    it('manifest.digest and bom.digest are those of the files', () => {
      expect([predicate.manifest.digest, predicate.bom.digest]).toEqual(
        ['manifest.json', 'bom.cdx.json'].map((path) => `sha256:${sha256(files.get(path) ?? Buffer.alloc(0))}`),
      );
    });
  });

  describe('3', () => {
    it('the predicate type is exact', () => {
      expect([statement.predicateType, signed.predicateType]).toEqual([PREDICATE_TYPE, PREDICATE_TYPE]);
    });

    it('attestedAt is RFC 3339, UTC, in whole seconds', () => {
      expect(predicate.attestedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    });

    it('counts are integers', () => {
      const counts = [
        ...Object.values<any>(predicate.phases).flatMap(({ passed, failed, skipped }) => [passed, failed, skipped]),
        predicate.bom.imageCount,
        predicate.manifest.fileCount,
      ];

      expect(counts.filter((count) => !Number.isInteger(count) || count < 0)).toEqual([]);
      expect(files.get('statement.intoto.json')?.toString()).not.toMatch(/"(passed|failed|skipped|imageCount|fileCount)": \d*[.eE]/);
    });

    it('perDimension, validatorImages and applied are arrays', () => {
      expect(
        [predicate.criteriaMatch.perDimension, predicate.validatorImages, predicate.redaction.applied].map((value) => Array.isArray(value)),
      ).toEqual([true, true, true]);
    });

    it('every key that upstream writes is there, in its type', () => {
      const { 'x-assay': _ours, ...upstream } = predicate;

      expect(Object.keys(upstream).sort()).toEqual([
        'aicrVersion',
        'attestedAt',
        'bom',
        'criteriaMatch',
        'fingerprint',
        'manifest',
        'phases',
        'recipe',
        'redaction',
        'schemaVersion',
        'validatorCatalogVersion',
        'validatorImages',
      ]);
      expect(upstream).toMatchObject({
        schemaVersion: '1.0.0',
        aicrVersion: expect.any(String),
        validatorCatalogVersion: expect.any(String),
        bom: { format: 'CycloneDX', version: '1.6' },
        criteriaMatch: { matched: expect.any(Boolean) },
        redaction: { policy: 'minimal', version: 'v1' },
      });
      expect(Object.keys(upstream.fingerprint).sort()).toEqual([
        'accelerator',
        'gpuModel',
        'gpuNodeCount',
        'k8sVersion',
        'nodeCount',
        'os',
        'region',
        'service',
      ]);
    });
  });

  describe('4', () => {
    it('phases have only the three names', () => {
      expect(Object.keys(predicate.phases).filter((phase) => !['deployment', 'performance', 'conformance'].includes(phase))).toEqual([]);
      expect(Object.keys(predicate.phases).length).toBeGreaterThan(0);
    });

    it('each phase has its file, and each report its phase', () => {
      const reports = [...files].filter(([path]) => path.startsWith('ctrf/'));

      expect(
        Object.fromEntries(Object.entries<any>(predicate.phases).map(([phase, { ctrfDigest }]) => [`ctrf/${phase}.json`, ctrfDigest])),
      ).toEqual(Object.fromEntries(reports.map(([path, bytes]) => [path, `sha256:${sha256(bytes)}`])));
    });

    it('other and pending tests count as failed, so that a crash never looks fine', () => {
      for (const [phase, counts] of Object.entries<any>(predicate.phases)) {
        const { summary } = json(files.get(`ctrf/${phase}.json`) ?? '').results;

        expect([counts.passed, counts.failed, counts.skipped]).toEqual([
          summary.passed,
          summary.failed + summary.other + summary.pending,
          summary.skipped,
        ]);
      }
    });
  });

  describe('5', () => {
    it('the signed statement has only the four standard top-level keys', () => {
      expect(Object.keys(signed).sort()).toEqual(['_type', 'predicate', 'predicateType', 'subject']);
      expect(signed._type).toBe('https://in-toto.io/Statement/v1');
    });

    it('subject[0] is the artifact digest, lowercase, without prefix', () => {
      expect(signed.subject[0].digest).toEqual({ sha256: emitted.published.digest.slice('sha256:'.length) });
      expect(sha256(blob(emitted.published.digest))).toBe(signed.subject[0].digest.sha256);
    });

    it('further subjects stand only after the right one: the material slice, when it is known', () => {
      const slice = predicate['x-assay'].materialSlice;

      expect(signed.subject.slice(1)).toEqual(
        slice === undefined ? [] : [{ name: 'material-slice', digest: { sha256: slice.slice('sha256:'.length) } }],
      );
    });

    it('the predicate is the same object as in the unsigned statement, whose subject is the recipe', () => {
      expect(JSON.stringify(signed.predicate)).toBe(JSON.stringify(predicate));
      expect(statement.subject).toEqual([{ name: `recipe:${predicate.recipe.name}`, digest: { sha256: predicate.recipe.digest } }]);
    });
  });

  describe('6', () => {
    it('the DSSE envelope has one signature with an empty key id, and the payload type of in-toto', () => {
      const { payloadType, signatures } = sigstore.dsseEnvelope;

      expect(payloadType).toBe('application/vnd.in-toto+json');
      expect(signatures.map(({ keyid = '' }) => keyid)).toEqual(['']);
    });

    it('the Sigstore bundle is v0.3, one compact document, with a single certificate', () => {
      const { certificate, x509CertificateChain, publicKey } = sigstore.verificationMaterial;

      expect(sigstore.mediaType).toBe(SIGSTORE_TYPE);
      expect([x509CertificateChain, publicKey]).toEqual([undefined, undefined]);
      expect(new X509Certificate(Buffer.from(certificate.rawBytes, 'base64')).ca).toBe(false);
      expect(files.get('attestation.intoto.jsonl')?.toString().trim().split('\n').length).toBe(1);
    });

    it('its one log entry has an inclusion proof', () => {
      const { tlogEntries } = sigstore.verificationMaterial;

      expect(tlogEntries).toMatchObject([
        { inclusionProof: { rootHash: expect.any(String), checkpoint: { envelope: expect.any(String) } } },
      ]);
    });

    it('a timestamp stands where the log entry carries no time', () => {
      const { tlogEntries, timestampVerificationData } = sigstore.verificationMaterial;
      const hasTime = Number(tlogEntries[0].integratedTime ?? 0) > 0;

      expect(hasTime || timestampVerificationData.rfc3161Timestamps.length > 0).toBe(true);
    });

    it('no field is outside the Sigstore schema', () => {
      expect(unknownKeys(sigstore, SIGSTORE_KEYS)).toEqual([]);
      expect(bundleFromJSON(sigstore).mediaType).toBe(SIGSTORE_TYPE);
    });
  });

  describe('7', () => {
    it('the artifact has one layer per file with its path as title, and an empty config', () => {
      const { mediaType, artifactType, config, layers } = artifact();

      expect([mediaType, artifactType, config.mediaType, config.digest]).toEqual([
        'application/vnd.oci.image.manifest.v1+json',
        'application/vnd.nvidia.aicr.artifact',
        'application/vnd.oci.empty.v1+json',
        'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
      ]);
      expect(layers.map(({ annotations, digest, size }: any) => [annotations['org.opencontainers.image.title'], digest, size])).toEqual(
        [...files]
          .filter(([path]) => path !== 'attestation.intoto.jsonl')
          .map(([path, bytes]) => [path, `sha256:${sha256(bytes)}`, bytes.length]),
      );
    });

    it('no layer asks to be unpacked, and every blob is there', () => {
      const { layers } = artifact();

      expect(layers.flatMap(({ annotations }: any) => Object.keys(annotations))).toEqual(
        layers.map(() => 'org.opencontainers.image.title'),
      );
      expect(layers.map(({ digest }: any) => `sha256:${sha256(blob(digest))}`)).toEqual(layers.map(({ digest }: any) => digest));
    });

    it('the referrer has the artifact type on the manifest and on its config, and exactly one layer: the Sigstore bundle', () => {
      const index = json(readFileSync(join(emitted.out, 'oci/index.json')));
      const referrers = index.manifests.map(({ digest }: any) => json(blob(digest))).filter(({ subject }: any) => subject !== undefined);
      const bytes = files.get('attestation.intoto.jsonl') ?? Buffer.alloc(0);

      expect(referrers).toMatchObject([
        {
          artifactType: SIGSTORE_TYPE,
          config: { mediaType: SIGSTORE_TYPE },
          layers: [{ mediaType: SIGSTORE_TYPE, digest: `sha256:${sha256(bytes)}`, size: bytes.length }],
          subject: {
            mediaType: 'application/vnd.oci.image.manifest.v1+json',
            digest: emitted.published.digest,
            size: blob(emitted.published.digest).length,
          },
        },
      ]);
    });

    it('the default tag is the recipe name and 12 digits of the manifest digest', () => {
      const index = json(readFileSync(join(emitted.out, 'oci/index.json')));
      const tags = index.manifests.flatMap(({ annotations }: any) => annotations?.['org.opencontainers.image.ref.name'] ?? []);

      expect(tags).toContain(`${predicate.recipe.name}-${sha256(files.get('manifest.json') ?? Buffer.alloc(0)).slice(0, 12)}`);
    });
  });

  describe('8', () => {
    const pointer = (): any => parseYaml(readFileSync(join(emitted.out, 'pointer.yaml'), 'utf8'));

    it('the pointer has one attestation, with the digest of the artifact', () => {
      expect(pointer()).toMatchObject({
        schemaVersion: '1.0.0',
        recipe: predicate.recipe.name,
        attestations: [{ attestedAt: predicate.attestedAt, bundle: { digest: emitted.published.digest, predicateType: PREDICATE_TYPE } }],
      });
      expect(pointer().attestations).toHaveLength(1);
    });

    it('its signer values are those of the certificate', () => {
      const certificate = new X509Certificate(Buffer.from(sigstore.verificationMaterial.certificate.rawBytes, 'base64'));
      const { signer } = pointer().attestations[0];

      expect(certificate.subjectAltName).toBe(`URI:${signer.identity}`);
      expect(Buffer.from(certificate.raw).includes(Buffer.from(signer.issuer))).toBe(true);
      expect(signer.rekorLogIndex ?? 0).toBe(Number(sigstore.verificationMaterial.tlogEntries[0].logIndex ?? 0));
    });
  });

  describe('9', () => {
    it('recipe.yaml is the canonical form of what it says, and its hash the recipe digest', async () => {
      const again = canonicalRecipe(await readRecipeFile(join(emitted.bundle, 'recipe.yaml')));

      expect(Buffer.from(again.bytes).equals(files.get('recipe.yaml') ?? Buffer.alloc(0))).toBe(true);
      expect(predicate.recipe.digest).toBe(sha256(files.get('recipe.yaml') ?? Buffer.alloc(0)));
    });
  });

  describe('as a whole', () => {
    it.each(['the directory', 'the layout'])("is accepted by upstream's rules from %s", async (place) => {
      const input = place === 'the directory' ? emitted.bundle : `oci-layout:${join(emitted.out, 'oci')}@${emitted.published.digest}`;
      const verdict = await verifyEvidence(input, {
        upstream: true,
        offline: true,
        trustedRoot: join(emitted.out, 'trusted_root.json'),
        nowMs: NOW_MS,
      });

      expect([verdict.exit < 2, verdict.signer?.identity, verdict.findings.filter(({ severity }) => severity === 'error')]).toEqual([
        true,
        emitted.signer.identity,
        [],
      ]);
    });

    it('is accepted by the full rules of ours from the pointer', async () => {
      const verdict = await verifyEvidence(join(emitted.out, 'pointer.yaml'), {
        offline: true,
        trustedRoot: join(emitted.out, 'trusted_root.json'),
        nowMs: NOW_MS,
      });

      expect([verdict.exit < 2, verdict.findings.filter(({ severity }) => severity === 'error')]).toEqual([true, []]);
    });

    it('fits the limits of a reader: statement at most 64 KiB, manifest 1 MiB, reports 10 MiB', () => {
      const size = (path: string): number => files.get(path)?.length ?? 0;

      expect(size('statement.intoto.json')).toBeLessThanOrEqual(64 << 10);
      expect(size('manifest.json')).toBeLessThanOrEqual(1 << 20);
      expect([...files].filter(([path, bytes]) => path.startsWith('ctrf/') && bytes.length > 10 << 20)).toEqual([]);
    });
  });
});

/** Keys of a Sigstore bundle v0.3 by the path of their object; list items share the path of the list. @source Sigstore protobuf-specs */
const SIGSTORE_KEYS: Readonly<Record<string, string>> = {
  '': 'mediaType verificationMaterial dsseEnvelope',
  verificationMaterial: 'certificate tlogEntries timestampVerificationData',
  'verificationMaterial.certificate': 'rawBytes',
  'verificationMaterial.tlogEntries': 'logIndex logId kindVersion integratedTime inclusionPromise inclusionProof canonicalizedBody',
  'verificationMaterial.tlogEntries.logId': 'keyId',
  'verificationMaterial.tlogEntries.kindVersion': 'kind version',
  'verificationMaterial.tlogEntries.inclusionPromise': 'signedEntryTimestamp',
  'verificationMaterial.tlogEntries.inclusionProof': 'logIndex rootHash treeSize hashes checkpoint',
  'verificationMaterial.tlogEntries.inclusionProof.checkpoint': 'envelope',
  'verificationMaterial.timestampVerificationData': 'rfc3161Timestamps',
  'verificationMaterial.timestampVerificationData.rfc3161Timestamps': 'signedTimestamp',
  dsseEnvelope: 'payload payloadType signatures',
  'dsseEnvelope.signatures': 'sig keyid',
};

function unknownKeys(value: unknown, known: Readonly<Record<string, string>>, path = ''): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item) => unknownKeys(item, known, path));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => {
    const at = path === '' ? key : `${path}.${key}`;
    return (known[path] ?? '').split(' ').includes(key) ? unknownKeys(member, known, at) : [at];
  });
}

const upstream = '../shared/data/bundles';

describe.skipIf(!existsSync(upstream))(
  "emitter checklist 23.1, beside upstream's own bundles (skipped where they are not checked out)",
  () => {
    let emitted: Emitted;
    beforeAll(async () => {
      emitted = await emitFromFiles(mkdtempSync(join(tmpdir(), 'assay-emit-')));
    });
    afterAll(() => rmSync(emitted.out, { recursive: true, force: true }));
    const ours = (path: string): any => json(readFileSync(join(emitted.bundle, path)));
    const theirs = (path: string): any => json(readFileSync(join(upstream, 'all-pass/summary-bundle', path)));

    it('the predicate has the shape of theirs and nothing more than x-assay', () => {
      const { 'x-assay': _ours, ...predicate } = ours('statement.intoto.json').predicate;

      expect(shapeOf(predicate)).toEqual(shapeOf(theirs('statement.intoto.json').predicate));
    });

    it('the manifest has the shape of theirs', () => {
      expect(shapeOf(ours('manifest.json'))).toEqual(shapeOf(theirs('manifest.json')));
    });

    it('a report has every key that theirs has', () => {
      const keys = (report: any): string[] =>
        [Object.keys(report), Object.keys(report.results), Object.keys(report.results.summary), Object.keys(report.results.tests[0])]
          .flat()
          .sort();

      expect(keys(ours('ctrf/deployment.json'))).toEqual(
        expect.arrayContaining(keys(theirs('ctrf/deployment.json')).filter((key) => key !== 'environment')),
      );
    });

    it('the artifact manifest and the referrer manifest have every key of theirs', () => {
      const blobs = join(emitted.out, 'oci/blobs/sha256');
      const own = (digest: string): any => json(readFileSync(join(blobs, digest.replace('sha256:', ''))));
      const [artifact, referrer] = [
        own(emitted.published.digest),
        json(readFileSync(join(emitted.out, 'oci/index.json')))
          .manifests.map(({ digest }: any) => own(digest))
          .find(({ subject }: any) => subject),
      ];

      const theirKeys = (name: string): string[] => Object.keys(json(readFileSync(join(upstream, 'oci', name))));

      expect(Object.keys(artifact)).toEqual(expect.arrayContaining(theirKeys('artifact-manifest.json')));
      expect(Object.keys(referrer)).toEqual(expect.arrayContaining(theirKeys('referrer-manifest.json')));
    });

    it('the canonical recipe of every example has the digest that their tool prints', async () => {
      const lines = readFileSync(join(upstream, 'canonical/digests.txt'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.split(' '));
      const own = await Promise.all(
        lines.map(async ([name = '']) => [
          name,
          canonicalRecipe(await readRecipeFile(join(upstream, 'canonical', name))).digest.slice('sha256:'.length),
        ]),
      );

      expect(lines.length).toBeGreaterThan(3);
      expect(own).toEqual(lines.map(([name, digest]) => [name, digest]));
    });
  },
);

/** Types by key, so that two documents can be compared without their values; a list stands for its first item. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [typeof value[0] === 'object' ? 'object' : typeof value[0]];
  if (typeof value !== 'object' || value === null) return typeof value;
  const optional = ['source', 'note'];
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !optional.includes(key))
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, member]) => [key, key === 'phases' ? shapeOf(Object.values(member as object)[0]) : shapeOf(member)]),
  );
}
