import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { FindingCode } from '#core/verify/finding.ts';
import type { StepName } from '#core/verify/verdict.ts';
import type { VerifyOptions } from '#core/verify/verify-options.ts';
import { honestEvidence, scratch, signEvidence, writeFiles, type Files, type SignedFixture } from '../../fixture/verify/evidence.ts';
import { attach, Layout, storeEvidence, storeSigned } from '../../fixture/verify/layout.ts';
import { outcomeOf, refused, type Outcome } from '../../fixture/verify/outcome.ts';

const TYPE = 'https://aicr.run/recipe-evidence/v1';
const RECIPE = 'h100-eks-ubuntu-training';
const IDENTITY = 'https://lab.assay.invalid/local/tester@bench-1';
const ISSUER = 'https://lab.assay.invalid';

let signed: SignedFixture;

beforeAll(async () => {
  signed = await signEvidence(honestEvidence());
});

interface PointerFields {
  readonly recipe?: string;
  readonly oci?: string;
  readonly digest?: string;
  readonly attestedAt?: string;
  readonly type?: string;
  readonly signer?: string;
}

function pointer({
  recipe = RECIPE,
  oci = '""',
  digest = signed.artifactDigest,
  attestedAt = '2026-11-21T12:00:00Z',
  type = TYPE,
  signer = `{identity: "${IDENTITY}", issuer: "${ISSUER}"}`,
}: PointerFields = {}): string {
  return `attestations:\n  - attestedAt: ${attestedAt}\n    bundle:\n      digest: ${digest}\n      oci: ${oci}\n      predicateType: ${type}\n    signer: ${signer}\nrecipe: ${recipe}\nschemaVersion: 1.0.0\n`;
}

/** Verifies a pointer with a bundle beside it. */
async function outcomeOfPointer(text: string | Uint8Array, options: VerifyOptions & { readonly files?: Files } = {}): Promise<Outcome> {
  using directory = scratch();
  const { files = signed.files, ...rest } = options;
  writeFiles(join(directory.path, 'summary-bundle'), files);
  writeFileSync(join(directory.path, 'pointer.yaml'), text);
  return await outcomeOf(join(directory.path, 'pointer.yaml'), { trustedRoot: signed.trustedRoot, ...rest });
}

const FORM_CASES: readonly (readonly [string, FindingCode, () => string | Uint8Array])[] = [
  ['is empty', 'POINTER_INVALID', () => ''],
  ['is a text', 'POINTER_INVALID', () => 'approved'],
  ['is no YAML', 'POINTER_INVALID', () => '{{'],
  ['is not UTF-8', 'POINTER_INVALID', () => Buffer.of(0xff, 0xfe, 0x00)],
  ['is over one megabyte', 'LIMIT_EXCEEDED', () => `${pointer()}# ${'x'.repeat(1 << 20)}`],
  [
    'has an alias bomb',
    'POINTER_INVALID',
    () =>
      `a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdefghij'
        .split('')
        .map((name, index) => `${name}: &${name} [${Array.from({ length: 10 }, () => `*${'abcdefghi'.charAt(index)}`).join(',')}]`)
        .join('\n')}\n${pointer()}`,
  ],
  ['has ten thousand levels', 'POINTER_INVALID', () => `${pointer()}x: ${'['.repeat(10_000)}${']'.repeat(10_000)}\n`],
  ['repeats a key', 'POINTER_INVALID', () => `${pointer()}recipe: other\n`],
  ['has two documents', 'POINTER_INVALID', () => `${pointer()}---\n${pointer()}`],
  ['has another version', 'POINTER_INVALID', () => pointer().replace('1.0.0', '2.0.0')],
  ['has no recipe', 'POINTER_INVALID', () => pointer({ recipe: '""' })],
  [
    'has two attestations',
    'POINTER_INVALID',
    () => pointer().replace('recipe:', `  - bundle: {oci: "", digest: "", predicateType: "${TYPE}"}\nrecipe:`),
  ],
  ['has no attestation', 'POINTER_INVALID', () => `attestations: []\nrecipe: ${RECIPE}\nschemaVersion: 1.0.0\n`],
  ['names another predicate type', 'POINTER_INVALID', () => pointer({ type: 'https://slsa.dev/provenance/v1' })],
  ['has a short digest', 'POINTER_INVALID', () => pointer({ digest: 'sha256:ab' })],
  ['has a digest of another algorithm', 'POINTER_INVALID', () => pointer({ digest: `sha512:${'a'.repeat(128)}` })],
  ['names a tag without digest', 'POINTER_INVALID', () => pointer({ oci: 'registry.test/a:v1', digest: '""' })],
  ['names a repository in capitals', 'POINTER_INVALID', () => pointer({ oci: 'registry.test/A:v1' })],
  ['names a repository that climbs', 'POINTER_INVALID', () => pointer({ oci: 'registry.test/../admin:v1' })],
  ['names a registry with a user', 'POINTER_INVALID', () => pointer({ oci: 'me:secret@registry.test/a:v1' })],
  ['names a URL', 'POINTER_INVALID', () => pointer({ oci: 'https://registry.test/a:v1' })],
  ['names a local directory', 'POINTER_INVALID', () => pointer({ oci: 'oci-layout:/etc:v1' })],
  ['names neither tag nor digest', 'POINTER_INVALID', () => pointer({ oci: 'registry.test/a' })],
  ['has a signer without issuer', 'POINTER_INVALID', () => pointer({ signer: `{identity: "${IDENTITY}"}` })],
  ['has a negative log index', 'POINTER_INVALID', () => pointer({ signer: `{identity: a, issuer: b, rekorLogIndex: -1}` })],
  ['has a time that is none', 'POINTER_INVALID', () => pointer({ attestedAt: 'yesterday' })],
];

describe('a pointer', () => {
  it('finds the bundle beside it, and everything is compared', async () => {
    expect(await outcomeOfPointer(pointer())).toEqual({ exit: 0, step: undefined, codes: [] });
  });

  it.each(FORM_CASES)('that %s is refused with %s', async (_name, code, make) => {
    expect(await outcomeOfPointer(make())).toEqual(refused('materialize', code));
  });

  it.each<readonly [string, FindingCode, StepName, () => string]>([
    [
      'another identity',
      'SIGNER_CONTRADICTS_POINTER',
      'signature',
      () => pointer({ signer: `{identity: "${IDENTITY}x", issuer: "${ISSUER}"}` }),
    ],
    [
      'another issuer',
      'SIGNER_CONTRADICTS_POINTER',
      'signature',
      () => pointer({ signer: `{identity: "${IDENTITY}", issuer: "${ISSUER}/"}` }),
    ],
    [
      'a log index',
      'SIGNER_CONTRADICTS_POINTER',
      'signature',
      () => pointer({ signer: `{identity: "${IDENTITY}", issuer: "${ISSUER}", rekorLogIndex: 5}` }),
    ],
    ['another artifact', 'SUBJECT_MISMATCH', 'signature', () => pointer({ digest: `sha256:${'9'.repeat(64)}` })],
    ['another recipe', 'POINTER_CONTRADICTS_PREDICATE', 'predicate', () => pointer({ recipe: 'b200-gke-cos-inference' })],
    ['another time', 'POINTER_CONTRADICTS_PREDICATE', 'predicate', () => pointer({ attestedAt: '2026-11-20T12:00:00Z' })],
    ['another version of the predicate', 'POINTER_CONTRADICTS_PREDICATE', 'predicate', () => pointer({ type: TYPE.replace('v1', 'v3') })],
  ])('that claims %s is refused with %s', async (_name, code, step, make) => {
    expect(await outcomeOfPointer(make())).toEqual(refused(step, code));
  });

  it('that claims a signer is not satisfied by an unsigned bundle', async () => {
    expect(await outcomeOfPointer(pointer(), { files: honestEvidence().files })).toEqual(refused('signature', 'SIGNATURE_MISSING'));
  });

  it('that claims nobody accepts a signed bundle', async () => {
    expect((await outcomeOfPointer(pointer({ signer: 'null' }))).exit).toBe(0);
  });

  it('to a registry is not followed offline', async () => {
    expect(await outcomeOfPointer(pointer({ oci: 'registry.test/a:v1' }), { offline: true })).toEqual({
      exit: 3,
      step: 'materialize',
      codes: ['OFFLINE_INPUT'],
    });
  });

  it('takes the bundle from where the caller says, by the digest it pins', async () => {
    using directory = scratch();
    const layout = new Layout(directory.path);
    storeSigned(layout, signed);
    const reference = `oci-layout:${directory.path}:v1`;

    expect((await outcomeOfPointer(pointer({ oci: 'registry.test/a:v1' }), { bundle: reference })).exit).toBe(0);
    expect(await outcomeOfPointer(pointer({ digest: `sha256:${'9'.repeat(64)}` }), { bundle: reference })).toEqual(
      refused('materialize', 'ARTIFACT_NOT_FOUND'),
    );
  });

  it('whose artifact has only strays attached is refused, because it claims a signer', async () => {
    using directory = scratch();
    const layout = new Layout(directory.path);
    attach(layout, storeEvidence(layout, signed.files), Buffer.from('{}'));

    expect((await outcomeOfPointer(pointer(), { bundle: `oci-layout:${directory.path}:v1` })).exit).toBe(2);
  });

  it('that lies alone and names no artifact leads nowhere', async () => {
    using directory = scratch();
    writeFileSync(join(directory.path, 'p.yml'), pointer());

    expect(await outcomeOf(join(directory.path, 'p.yml'))).toEqual(refused('materialize', 'POINTER_INVALID'));
  });
});
