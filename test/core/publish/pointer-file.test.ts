import { describe, expect, it } from 'vitest';
import type { Pointer } from '#core/attestation/pointer.ts';
import { committedPointerPath, parsePointer, pointerYaml } from '#core/publish/pointer-file.ts';
import { sourceSlug } from '#core/publish/source-slug.ts';

const digest = `sha256:${'b9'.repeat(32)}`;
const bundle = { oci: 'registry.test/me/aicr-evidence:v1', digest, predicateType: 'https://aicr.run/recipe-evidence/v1' };
const signer = {
  identity: 'https://github.com/acme/evidence/.github/workflows/attest.yml@refs/heads/main',
  issuer: 'https://token.actions.githubusercontent.com',
  rekorLogIndex: 123,
};
const signed: Pointer = {
  schemaVersion: '1.0.0',
  recipe: 'h100-eks',
  attestations: [{ attestedAt: '2026-11-21T08:32:53Z', bundle, signer }],
};
const pending: Pointer = { schemaVersion: '1.0.0', recipe: 'h100-eks', attestations: [{ bundle: { ...bundle, oci: '', digest: '' } }] };

const signedText = `attestations:
  - attestedAt: 2026-11-21T08:32:53Z
    bundle:
      digest: ${digest}
      oci: registry.test/me/aicr-evidence:v1
      predicateType: https://aicr.run/recipe-evidence/v1
    signer:
      identity: https://github.com/acme/evidence/.github/workflows/attest.yml@refs/heads/main
      issuer: https://token.actions.githubusercontent.com
      rekorLogIndex: 123
recipe: h100-eks
schemaVersion: 1.0.0
`;

describe('a pointer file', () => {
  it('is written with sorted keys and two-space indent', () => {
    expect(pointerYaml(signed)).toBe(signedText);
  });

  it.each([[signed], [pending]])('reads back as it was written', (pointer) => {
    expect(parsePointer(pointerYaml(pointer))).toEqual(pointer);
  });

  it('keeps a signer that looks like YAML', () => {
    const odd = { ...signed, attestations: [{ bundle, signer: { identity: 'yes', issuer: '*a: {b' } }] } satisfies Pointer;

    expect(parsePointer(pointerYaml(odd))).toEqual(odd);
  });

  it.each([
    ['a JSON body', JSON.stringify(signed), signed],
    ['an unquoted schema version 1.0', signedText.replace('1.0.0', '1.0'), { ...signed, schemaVersion: '1.0' }],
    ['unknown fields', `${signedText}logsBundle: {oci: x}\n`, signed],
    ['a null signer', pointerYaml(pending).replace('recipe:', '    signer: null\nrecipe:'), pending],
    ['a quoted time', signedText.replace('2026-11-21T08:32:53Z', "'2026-11-21T08:32:53Z'"), signed],
  ])('may have %s', (_, text, pointer) => {
    expect(parsePointer(text)).toEqual(pointer);
  });

  it.each([
    ['another schema version', signedText.replace('1.0.0', '1.1.0'), 'POINTER_INVALID'],
    ['no schema version', signedText.replace('schemaVersion: 1.0.0', ''), 'POINTER_INVALID'],
    ['no recipe', signedText.replace('recipe: h100-eks\n', ''), 'POINTER_INVALID'],
    ['an empty recipe', signedText.replace('h100-eks', "''"), 'POINTER_INVALID'],
    ['a numeric recipe', signedText.replace('h100-eks', '7'), 'POINTER_INVALID'],
    ['no attestation', 'schemaVersion: 1.0.0\nrecipe: x\nattestations: []\n', 'POINTER_INVALID'],
    ['two attestations', JSON.stringify({ ...signed, attestations: [signed.attestations[0], signed.attestations[0]] }), 'POINTER_INVALID'],
    ['an attestation that is a text', 'schemaVersion: 1.0.0\nrecipe: x\nattestations: [x]\n', 'POINTER_INVALID'],
    ['no bundle', signedText.replace('bundle:', 'bundles:'), 'POINTER_INVALID'],
    ['another predicate type', signedText.replace('evidence/v1\n', 'evidence/v9\n'), 'POINTER_INVALID'],
    ['a reference without tag and digest', signedText.replace('evidence:v1', 'evidence'), 'POINTER_INVALID'],
    ['a reference that is none', signedText.replace('registry.test/me/aicr-evidence:v1', 'https://x'), 'POINTER_INVALID'],
    ['a short digest', signedText.replace(digest, 'sha256:abcd'), 'POINTER_INVALID'],
    ['no digest beside a reference', signedText.replace(digest, "''"), 'POINTER_INVALID'],
    ['a signer without issuer', signedText.replace(/ +issuer.*\n/, ''), 'POINTER_INVALID'],
    ['an empty identity', signedText.replace(/identity: .*/, "identity: ''"), 'POINTER_INVALID'],
    ['a log index that is a text', signedText.replace('123', "'123'"), 'POINTER_INVALID'],
    ['a negative log index', signedText.replace('123', '-1'), 'POINTER_INVALID'],
    ['a time without zone', signedText.replace('08:32:53Z', '08:32:53'), 'POINTER_INVALID'],
    ['a time that is none', signedText.replace('2026-11-21T', '2026-13-41T'), 'POINTER_INVALID'],
    ['a repeated key', `${signedText}recipe: other\n`, 'YAML_INVALID'],
    ['a second document', `${signedText}---\nrecipe: other\n`, 'YAML_INVALID'],
    ['a list at the top', '- 1\n', 'POINTER_INVALID'],
    ['nothing', '', 'POINTER_INVALID'],
    ['more than 1 MiB', `${signedText}#${'x'.repeat(1 << 20)}`, 'FILE_TOO_LARGE'],
  ])('is refused with %s', (_, text, code) => {
    expect(() => parsePointer(text)).toThrow(expect.objectContaining({ code }));
  });
});

describe('the place of a committed pointer', () => {
  it('is one file per signer and artifact when signed', () => {
    expect(committedPointerPath(signed)).toBe(
      `recipes/evidence/h100-eks/${sourceSlug(signer.issuer, signer.identity)}/sha256-${'b9'.repeat(32)}.yaml`,
    );
  });

  it('is one flat file per recipe while the signature is pending', () => {
    expect(committedPointerPath(pending)).toBe('recipes/evidence/h100-eks.yaml');
  });

  it.each(['../x', 'a/b', '.x', ''])('does not exist for the recipe name %j', (recipe) => {
    expect(() => committedPointerPath({ ...signed, recipe })).toThrow(expect.objectContaining({ code: 'POINTER_INVALID' }));
  });

  it('does not exist for a signed pointer without digest', () => {
    expect(() => committedPointerPath({ ...signed, attestations: [{ bundle: { ...bundle, oci: '', digest: '' }, signer }] })).toThrow(
      expect.objectContaining({ code: 'POINTER_INVALID' }),
    );
  });
});

describe('a source directory', () => {
  it('is named by issuer and identity together', () => {
    expect(sourceSlug('https://accounts.google.com', 'me@example.test')).toBe('0d796536d87df80f1ec1941d7724321a');
    expect(sourceSlug('https://github.com/login/oauth', 'me@example.test')).toBe('3c7b14949b2aa62e1c88d824d40d606e');
  });

  it.each([
    ['', ''],
    ['https://i', ''],
    ['', 'me'],
  ])('needs both (%j, %j)', (issuer, identity) => {
    expect(() => sourceSlug(issuer, identity)).toThrow(expect.objectContaining({ code: 'POINTER_INVALID' }));
  });
});
