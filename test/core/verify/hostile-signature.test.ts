import { beforeAll, describe, expect, it } from 'vitest';
import { artifactStatement } from '#core/attestation/build-statement.ts';
import type { FindingCode } from '#core/verify/finding.ts';
import { honestEvidence, resealed, SEALED_MS, signEvidence, type Files, type SignedFixture } from '../../fixture/verify/evidence.ts';
import { outcomeOfFiles, refused } from '../../fixture/verify/outcome.ts';

/* eslint-disable typescript/no-explicit-any -- cases break arbitrary places */
type Tree = Record<string, any>;

let signed: SignedFixture;
let other: SignedFixture;

beforeAll(async () => {
  signed = await signEvidence(honestEvidence());
  other = await signEvidence(honestEvidence());
});

function withBundle(bytes: string | Uint8Array): Files {
  return new Map(signed.files).set('attestation.intoto.jsonl', Buffer.from(bytes as string));
}

function parsed(fixture: SignedFixture = signed): Tree {
  return JSON.parse(Buffer.from(fixture.sigstoreBundle).toString()) as Tree;
}

/** A Sigstore bundle with one change, in the compact form that writers of ours use. */
function edited(change: (bundle: Tree, material: Tree, entry: Tree) => void): Files {
  const bundle = parsed();
  change(bundle, bundle['verificationMaterial'], bundle['verificationMaterial'].tlogEntries[0]);
  return withBundle(`${JSON.stringify(bundle)}\n`);
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const payload = (bundle: Tree, change: (statement: Tree) => void): void => {
  const statement = JSON.parse(Buffer.from(bundle['dsseEnvelope'].payload, 'base64').toString()) as Tree;
  change(statement);
  bundle['dsseEnvelope'].payload = base64(JSON.stringify(statement));
};

const FORM_CASES: readonly (readonly [string, () => Files])[] = [
  ['is empty', () => withBundle('')],
  ['is null', () => withBundle('null')],
  ['is a list of bundles', () => withBundle(JSON.stringify([parsed()]))],
  ['has a second line', () => withBundle(`${JSON.stringify(parsed())}\n{}\n`)],
  ['is a bare envelope', () => withBundle(JSON.stringify(parsed()['dsseEnvelope']))],
  ['repeats a key', () => withBundle(JSON.stringify(parsed()).replace('{', '{"mediaType":"x",'))],
  ['is eleven megabytes', () => withBundle(JSON.stringify({ ...parsed(), mediaType: 'x'.repeat(11 << 20) }))],
  ['has a thousand levels', () => withBundle(`{"x":${'['.repeat(1000)}${']'.repeat(1000)}}`)],
  ['has an unknown field', () => edited((bundle) => (bundle['extra'] = 1))],
  ['has an unknown field inside', () => edited((_bundle, _material, entry) => (entry['extra'] = 1))],
  ['has an unknown media type', () => edited((bundle) => (bundle['mediaType'] = 'application/vnd.dev.sigstore.bundle.v9.9+json'))],
  ['has no media type', () => edited((bundle) => (bundle['mediaType'] = ''))],
  ['has no certificate', () => edited((_bundle, material) => delete material['certificate'])],
  [
    'has a chain beside version 0.3',
    () =>
      edited((_bundle, material) =>
        Object.assign(material, { certificate: undefined, x509CertificateChain: { certificates: [material['certificate']] } }),
      ),
  ],
  ['has no log entry', () => edited((_bundle, material) => (material['tlogEntries'] = []))],
  ['has its log entry twice', () => edited((_bundle, material, entry) => (material['tlogEntries'] = [entry, entry]))],
  ['has nine log entries', () => edited((_bundle, material, entry) => (material['tlogEntries'] = Array.from({ length: 9 }, () => entry)))],
  ['has no inclusion proof', () => edited((_bundle, _material, entry) => delete entry['inclusionProof'])],
  ['has a log index beyond the tree', () => edited((_bundle, _material, entry) => (entry['inclusionProof'].logIndex = '99'))],
  ['has a tree size of its own', () => edited((_bundle, _material, entry) => (entry['inclusionProof'].treeSize = '2'))],
  [
    'has a root hash of its own',
    () => edited((_bundle, _material, entry) => (entry['inclusionProof'].rootHash = Buffer.alloc(32).toString('base64'))),
  ],
  [
    'has a checkpoint with more text',
    () => edited((_bundle, _material, entry) => (entry['inclusionProof'].checkpoint.envelope += 'more\n')),
  ],
  ['has a log kind that is not the body', () => edited((_bundle, _material, entry) => (entry['kindVersion'].kind = 'intoto'))],
  [
    'has base64 without padding',
    () => edited((_bundle, _material, entry) => (entry['logId'].keyId = entry['logId'].keyId.replace(/=*$/, ''))),
  ],
  [
    'has base64 with a line break',
    () =>
      edited(
        (bundle) =>
          (bundle['dsseEnvelope'].payload = `${bundle['dsseEnvelope'].payload.slice(0, 40)}\n${bundle['dsseEnvelope'].payload.slice(40)}`),
      ),
  ],
  ['has a key id', () => edited((bundle) => (bundle['dsseEnvelope'].signatures[0].keyid = 'abc'))],
  ['has two signatures', () => edited((bundle) => bundle['dsseEnvelope'].signatures.push(bundle['dsseEnvelope'].signatures[0]))],
  ['has no signature', () => edited((bundle) => (bundle['dsseEnvelope'].signatures = []))],
  ['has another payload type', () => edited((bundle) => (bundle['dsseEnvelope'].payloadType = 'text/plain'))],
  [
    'carries the certificate of another bundle',
    () => edited((_bundle, material) => (material['certificate'] = parsed(other)['verificationMaterial'].certificate)),
  ],
  [
    'carries the log entry of another bundle',
    () => edited((_bundle, material) => (material['tlogEntries'] = parsed(other)['verificationMaterial'].tlogEntries)),
  ],
];

const CRYPTO_CASES: readonly (readonly [string, () => Files])[] = [
  [
    'payload says something else',
    () => edited((bundle) => payload(bundle, (statement) => (statement['predicate'].phases.deployment.failed = 0))),
  ],
  [
    'payload is about another artifact',
    () => edited((bundle) => payload(bundle, (statement) => (statement['subject'][0].digest.sha256 = 'a'.repeat(64)))),
  ],
  [
    'signature is of another bundle',
    () => edited((bundle) => (bundle['dsseEnvelope'].signatures = parsed(other)['dsseEnvelope'].signatures)),
  ],
  ['signature is a byte', () => edited((bundle) => (bundle['dsseEnvelope'].signatures[0].sig = 'AA=='))],
  ['time was changed', () => edited((_bundle, _material, entry) => (entry['integratedTime'] = String(SEALED_MS / 1000 + 60)))],
  ['time is outside of the certificate', () => edited((_bundle, _material, entry) => (entry['integratedTime'] = '1'))],
  ['log index was changed', () => edited((_bundle, _material, entry) => (entry['logIndex'] = '7'))],
  [
    'promise is of another bundle',
    () =>
      edited(
        (_bundle, _material, entry) => (entry['inclusionPromise'] = parsed(other)['verificationMaterial'].tlogEntries[0].inclusionPromise),
      ),
  ],
  [
    'log is another one',
    () => edited((_bundle, _material, entry) => (entry['logId'] = parsed(other)['verificationMaterial'].tlogEntries[0].logId)),
  ],
  ['whole Sigstore bundle is signed by a stranger', () => withBundle(other.sigstoreBundle)],
];

describe('a Sigstore bundle', () => {
  it.each(FORM_CASES)('that %s is malformed', async (_name, make) => {
    expect(await outcomeOfFiles(make(), { trustedRoot: signed.trustedRoot })).toEqual(refused('signature', 'SIGNATURE_MALFORMED'));
  });

  it.each(CRYPTO_CASES)('whose %s does not verify', async (_name, make) => {
    expect(await outcomeOfFiles(make(), { trustedRoot: signed.trustedRoot })).toEqual(refused('signature', 'SIGNATURE_INVALID'));
  });

  it.each<readonly [string, (text: string) => string]>([
    ['two line ends', (text) => `${text}\n`],
    ['a carriage return', (text) => text.replace('\n', '\r\n')],
    ['a tab', (text) => text.replace(',', ',\t')],
    ['a line break in the middle', (text) => text.replace(',', ',\n')],
    ['a space before a comma', (text) => text.replace(',', ' ,')],
    ['a space around it', (text) => ` ${text}`],
    ['an escape in capitals', (text) => text.replace('"mediaType"', '"\\u006DediaType"')],
    ['an indent that jumps', (text) => JSON.stringify(JSON.parse(text), null, 2).replace('\n  ', '\n   ')],
  ])('with %s is spelled as no writer spells it', async (_name, respell) => {
    const files = withBundle(respell(Buffer.from(signed.sigstoreBundle).toString()));

    expect(await outcomeOfFiles(files, { trustedRoot: signed.trustedRoot })).toEqual(refused('predicate', 'SIGNATURE_MALFORMED'));
  });

  it.each<readonly [string, (text: string) => string]>([
    ['with two spaces', (text) => JSON.stringify(JSON.parse(text), null, 2)],
    ['with four', (text) => `${JSON.stringify(JSON.parse(text), null, 4)}\n`],
    ['on one line with spaces', (text) => text.replaceAll(/,(?="[a-z])/gi, ', ')],
    ['without line end', (text) => text.trimEnd()],
    ['with original field names', (text) => text.replace('"tlogEntries"', '"tlog_entries"')],
  ])('is accepted %s, as other writers have it', async (_name, respell) => {
    const files = withBundle(respell(Buffer.from(signed.sigstoreBundle).toString()));

    expect((await outcomeOfFiles(files, { trustedRoot: signed.trustedRoot })).exit).toBe(0);
  });
});

describe('a signed payload', () => {
  it.each<readonly [string, FindingCode, string, (statement: Tree) => void]>([
    [
      'of another statement type',
      'STATEMENT_INVALID',
      'signature',
      (statement) => (statement['_type'] = 'https://in-toto.io/Statement/v0.1'),
    ],
    ['with a fifth key', 'STATEMENT_INVALID', 'signature', (statement) => (statement['extra'] = 1)],
    ['without subject', 'STATEMENT_INVALID', 'signature', (statement) => (statement['subject'] = [])],
    [
      'with a prefixed subject',
      'STATEMENT_INVALID',
      'signature',
      (statement) => (statement['subject'][0].digest.sha256 = `sha256:${'a'.repeat(57)}`),
    ],
    [
      'of another predicate type',
      'PREDICATE_TYPE_UNKNOWN',
      'predicate',
      (statement) => (statement['predicateType'] = 'https://slsa.dev/provenance/v1'),
    ],
    [
      'of an unknown schema version',
      'PREDICATE_VERSION_UNKNOWN',
      'predicate',
      (statement) => (statement['predicate'].schemaVersion = '2.0.0'),
    ],
    ['without manifest', 'PREDICATE_INVALID', 'predicate', (statement) => delete statement['predicate'].manifest],
  ])('%s is refused though the signature holds', async (_name, code, step, change) => {
    const evidence = honestEvidence();
    const statement = structuredClone(
      artifactStatement({ name: 'a', digest: signed.artifactDigest }, evidence.statement),
    ) as unknown as Tree;
    change(statement);
    const own = await signEvidence(evidence, { statement: Buffer.from(JSON.stringify(statement)) });

    const outcome = await outcomeOfFiles(own.files, { trustedRoot: own.trustedRoot });

    expect(outcome).toEqual({ exit: 2, step, codes: [code] });
  });

  it('that was attested after it was signed is refused', async () => {
    const late = resealed(honestEvidence(), { predicate: (predicate) => ({ ...predicate, attestedAt: '2026-11-21T12:30:00Z' }) });
    const own = await signEvidence(late);

    expect(await outcomeOfFiles(own.files, { trustedRoot: own.trustedRoot })).toEqual(refused('age', 'TIME_IMPOSSIBLE'));
  });
});

describe('the unsigned statement beside a signature', () => {
  const statementOf = (change: (statement: Tree) => void): Files => {
    const statement = structuredClone(signed.statement) as unknown as Tree;
    change(statement);
    return new Map(signed.files).set('statement.intoto.json', Buffer.from(`${JSON.stringify(statement, null, 2)}\n`));
  };

  it.each<readonly [string, () => Files]>([
    ['with another count', () => statementOf((statement) => (statement['predicate'].phases.deployment.passed = 30))],
    ['with another time', () => statementOf((statement) => (statement['predicate'].attestedAt = '2026-11-22T12:00:00Z'))],
    ['with a key more', () => statementOf((statement) => (statement['predicate'].approved = true))],
    ['with another subject', () => statementOf((statement) => (statement['subject'][0].name = 'recipe:other'))],
    ['with another predicate type', () => statementOf((statement) => (statement['predicateType'] = 'https://aicr.run/recipe-evidence/v3'))],
    [
      'with a space at its end',
      () =>
        new Map(signed.files).set(
          'statement.intoto.json',
          Buffer.concat([signed.files.get('statement.intoto.json') ?? Buffer.of(), Buffer.from(' ')]),
        ),
    ],
  ])('%s is refused', async (_name, make) => {
    expect(await outcomeOfFiles(make(), { trustedRoot: signed.trustedRoot })).toEqual(refused('predicate', 'STATEMENT_DIFFERS'));
  });

  it('is missed', async () => {
    const files = new Map(signed.files);
    files.delete('statement.intoto.json');

    expect(await outcomeOfFiles(files, { trustedRoot: signed.trustedRoot })).toEqual({ exit: 1, step: undefined, codes: [] });
  });
});
