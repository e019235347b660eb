import { describe, expect, it } from 'vitest';
import { statementBytes } from '#core/attestation/build-statement.ts';
import type { Predicate } from '#core/attestation/predicate.ts';
import type { FindingCode } from '#core/verify/finding.ts';
import { honestEvidence, resealed, type Files } from '../../fixture/verify/evidence.ts';
import { outcomeOfFiles, refused } from '../../fixture/verify/outcome.ts';

type Change = (predicate: Record<string, any>) => void; // eslint-disable-line typescript/no-explicit-any -- cases break arbitrary places

function predicateCase(change: Change, predicateType?: string): Files {
  const predicate = (honest: Predicate): unknown => {
    const copy = structuredClone(honest) as unknown as Record<string, unknown>;
    change(copy);
    return copy;
  };
  return resealed(honestEvidence(), { predicate, ...(predicateType === undefined ? {} : { predicateType }) }).files;
}

const without =
  (key: string): Change =>
  (predicate) => {
    delete predicate[key];
  };
const set =
  (path: string, value: unknown): Change =>
  (predicate) => {
    const keys = path.split('/');
    const last = keys.pop() ?? '';
    keys.reduce((place, key) => place[key], predicate)[last] = value;
  };

const REQUIRED = [
  'schemaVersion',
  'attestedAt',
  'aicrVersion',
  'validatorCatalogVersion',
  'validatorImages',
  'recipe',
  'fingerprint',
  'criteriaMatch',
  'phases',
  'bom',
  'manifest',
];

const WRONG_VALUES: readonly (readonly [name: string, path: string, value: unknown, code?: FindingCode])[] = [
  ['an unknown schema version', 'schemaVersion', '9.9.9', 'PREDICATE_VERSION_UNKNOWN'],
  ['the next minor schema version', 'schemaVersion', '1.1.0', 'PREDICATE_VERSION_UNKNOWN'],
  ['a schema version with a tail', 'schemaVersion', '1.0.0-evil', 'PREDICATE_VERSION_UNKNOWN'],
  ['a schema version that is a number', 'schemaVersion', 1],
  ['a time without zone', 'attestedAt', '2026-11-21T12:00:00'],
  ['a time in another format', 'attestedAt', 'Sat, 21 Nov 2026'],
  ['a time that is a number', 'attestedAt', 1_795_000_000],
  ['null for a text', 'aicrVersion', null],
  ['an escape sequence in the tool version', 'aicrVersion', 'v1\u001b[2J'],
  ['a direction override in the recipe name', 'recipe/name', 'h100\u202egnp.exe'],
  ['a zero-width character in the recipe name', 'recipe/name', 'h100\u200b'],
  ['a line separator in a source', 'fingerprint/service/source', 'a\u2028b'],
  ['a text of a megabyte', 'aicrVersion', 'x'.repeat(1 << 20)],
  ['a recipe digest with prefix', 'recipe/digest', `sha256:${'a'.repeat(64)}`],
  ['a recipe digest in capitals', 'recipe/digest', 'A'.repeat(64)],
  ['a recipe digest that is too short', 'recipe/digest', 'a'.repeat(63)],
  ['a manifest digest without prefix', 'manifest/digest', 'a'.repeat(64)],
  ['a manifest digest of another algorithm', 'manifest/digest', `sha512:${'a'.repeat(64)}`],
  ['a fractional count', 'phases/deployment/passed', 1.5],
  ['a negative count', 'phases/deployment/failed', -1],
  ['a count as text', 'phases/deployment/skipped', '0'],
  ['a count beyond 2^53', 'phases/deployment/passed', 2 ** 60],
  ['a phase without report digest', 'phases/deployment/ctrfDigest', undefined],
  ['a phase that is a list', 'phases/deployment', []],
  ['criteria rows that are an object', 'criteriaMatch/perDimension', {}],
  ['a match that is text', 'criteriaMatch/matched', 'true'],
  ['an unknown criteria dimension', 'criteriaMatch/perDimension/0/dimension', 'colour'],
  ['an unknown match outcome', 'criteriaMatch/perDimension/0/match', 'perfect'],
  ['validator images that are a text', 'validatorImages', 'image'],
  ['a thousand and one validator images', 'validatorImages', Array.from({ length: 1001 }, () => ({ image: 'a', digest: '' }))],
  ['a BOM of another format', 'bom/format', 'SPDX'],
  ['a BOM of another version', 'bom/version', '1.5'],
  ['an unknown redaction policy', 'redaction/policy', 'maximal'],
  ['redaction rules that are a text', 'redaction/applied', 'all'],
  ['a node count that is text', 'fingerprint/nodeCount/value', '3'],
  ['a fingerprint without operating system', 'fingerprint/os', undefined],
  ['a nonce that is too short', 'x-assay/nonce', 'abcd'],
  ['coverage that is missing', 'x-assay/coverage', undefined],
  ['coverage with a negative number', 'x-assay/coverage/reported', -3],
  ['an unknown scope', 'x-assay/scope', 'universe'],
  ['a nodes root without prefix', 'x-assay/nodesRoot', 'ff'],
];

describe('a hostile predicate', () => {
  it.each(REQUIRED)('without %s is refused', async (key) => {
    expect(await outcomeOfFiles(predicateCase(without(key)))).toEqual(refused('predicate', 'PREDICATE_INVALID'));
  });

  it.each(WRONG_VALUES.map(([name, path, value, code]) => ({ name, path, value, code })))(
    'with $name is refused',
    async ({ path, value, code = 'PREDICATE_INVALID' }) => {
      expect(await outcomeOfFiles(predicateCase(set(path, value)))).toEqual(refused('predicate', code));
    },
  );

  it.each([
    'https://aicr.run/recipe-evidence/v4',
    'https://aicr.run/recipe-evidence/v1/',
    'https://aicr.run/recipe-evidence/V1',
    'https://aicr.run/recipe-evidence',
    'https://aicr.nvidia.com/recipe-evidence/v1',
    'https://slsa.dev/provenance/v1',
    '',
  ])('of type "%s" is refused', async (predicateType) => {
    expect(await outcomeOfFiles(predicateCase(() => undefined, predicateType))).toEqual(refused('predicate', 'PREDICATE_TYPE_UNKNOWN'));
  });
});

function statementCase(make: (honest: Record<string, unknown>) => string | Uint8Array): Files {
  const { files, statement } = honestEvidence();
  return new Map(files).set('statement.intoto.json', Buffer.from(make({ ...statement }) as string));
}

const json = JSON.stringify;

describe('a hostile statement', () => {
  it.each<readonly [string, (honest: Record<string, unknown>) => string | Uint8Array]>([
    ['an empty file', () => ''],
    ['text', () => 'all passed'],
    ['null', () => 'null'],
    ['a list', (honest) => json([honest])],
    ['two documents', (honest) => `${json(honest)}\n${json(honest)}`],
    ['a byte order mark', (honest) => `\ufeff${json(honest)}`],
    ['bytes that are not UTF-8', (honest) => Buffer.concat([Buffer.from(json(honest).slice(0, -1)), Buffer.of(0xff, 0x7d)])],
    ['a repeated key', (honest) => `${json(honest).slice(0, -1)},"predicateType":"x"}`],
    ['a repeated key deep inside', (honest) => json(honest).replace('"failed":0', '"failed":0,"failed":1')],
    ['a thousand levels', () => `${'['.repeat(1000)}${']'.repeat(1000)}`],
    ['a hundred thousand levels', () => `{"predicate":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['a comment', (honest) => `${json(honest)} // fine`],
    ['a fifth key', (honest) => json({ ...honest, verified: true })],
    ['the type of in-toto 0.1', (honest) => json({ ...honest, _type: 'https://in-toto.io/Statement/v0.1' })],
    ['no type', ({ _type, ...honest }) => json(honest)],
    ['no subject', (honest) => json({ ...honest, subject: [] })],
    ['a subject that is an object', (honest) => json({ ...honest, subject: {} })],
    ['a subject without digest', (honest) => json({ ...honest, subject: [{ name: 'recipe:x' }] })],
    [
      'a subject with a digest in capitals',
      (honest) => json({ ...honest, subject: [{ name: 'recipe:x', digest: { sha256: 'A'.repeat(64) } }] }),
    ],
    ['a subject with only SHA-512', (honest) => json({ ...honest, subject: [{ name: 'recipe:x', digest: { sha512: 'a'.repeat(128) } }] })],
    [
      'a subject whose name hides a control character',
      (honest) => json({ ...honest, subject: [{ name: 'recipe:\u0007', digest: { sha256: 'a'.repeat(64) } }] }),
    ],
    ['a predicate type that is a number', (honest) => json({ ...honest, predicateType: 1 })],
    [
      'two thousand subjects',
      (honest) => json({ ...honest, subject: Array.from({ length: 2000 }, () => ({ name: 'a', digest: { sha256: 'a'.repeat(64) } })) }),
    ],
    ['eleven megabytes', (honest) => json({ ...honest, subject: [{ name: 'x'.repeat(11 << 20), digest: { sha256: 'a'.repeat(64) } }] })],
  ])('of %s is refused', async (_name, make) => {
    expect(await outcomeOfFiles(statementCase(make))).toEqual(refused('predicate', 'STATEMENT_INVALID'));
  });

  it.each<readonly [string, (honest: Record<string, unknown>) => string]>([
    ['another recipe name', (honest) => json({ ...honest, subject: [{ name: 'recipe:other', digest: { sha256: 'a'.repeat(64) } }] })],
    [
      'a second subject',
      (honest) =>
        json({ ...honest, subject: [...(honest['subject'] as object[]), { name: 'recipe:more', digest: { sha256: 'a'.repeat(64) } }] }),
    ],
  ])('about %s is refused', async (_name, make) => {
    expect(await outcomeOfFiles(statementCase(make))).toEqual(refused('predicate', 'STATEMENT_DIFFERS'));
  });

  it('is missed when nothing is signed', async () => {
    const { files } = honestEvidence();
    files.delete('statement.intoto.json');

    expect(await outcomeOfFiles(files)).toEqual(refused('predicate', 'STATEMENT_MISSING'));
  });

  it('is accepted in any key order and on one line', async () => {
    const files = statementCase(({ _type, ...honest }) => json({ ...honest, _type }));

    expect(await outcomeOfFiles(files)).toEqual({ exit: 1, step: undefined, codes: [] });
    expect(await outcomeOfFiles(new Map(files).set('statement.intoto.json', statementBytes(honestEvidence().statement)))).toEqual({
      exit: 1,
      step: undefined,
      codes: [],
    });
  });
});
