import { beforeAll, describe, expect, it } from 'vitest';
import { parseStrictSigstoreBundle } from '#core/attestation/strict-sigstore-bundle.ts';
import { asRekorV2, bundleBytes, editable, signInTest, statementOf, type EditableBundle } from '../../fixture/sigstore/lab-bundle.ts';

let v1: EditableBundle;
let v2: EditableBundle;

beforeAll(async () => {
  v1 = editable((await signInTest()).sigstoreBundle);
  v2 = asRekorV2(v1);
});

type Change = (bundle: EditableBundle) => void;

function changed(bundle: EditableBundle, change: Change): Buffer {
  const copy = structuredClone(bundle);
  change(copy);
  return bundleBytes(copy);
}

function refusal(bytes: Uint8Array): { code: string; message: string } {
  try {
    parseStrictSigstoreBundle(bytes);
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error('the bundle was accepted');
}

describe('a strict Sigstore bundle', () => {
  it('is read with its payload and certificate', () => {
    const strict = parseStrictSigstoreBundle(bundleBytes(v1));

    expect(Buffer.from(strict.payload)).toEqual(statementOf('ab'.repeat(32)));
    expect(Buffer.from(strict.certificate).toString('base64')).toBe(v1['verificationMaterial'].certificate.rawBytes);
    expect(strict.mediaType).toBe('application/vnd.dev.sigstore.bundle.v0.3+json');
  });

  it.each<[string, Change]>([
    ['the patch version 0.3.1', (b) => (b['mediaType'] = 'application/vnd.dev.sigstore.bundle.v0.3.1+json')],
    ['the older spelling of 0.3', (b) => (b['mediaType'] = 'application/vnd.dev.sigstore.bundle+json;version=0.3')],
    ['version 0.2', (b) => (b['mediaType'] = 'application/vnd.dev.sigstore.bundle+json;version=0.2')],
    ['an empty key id', (b) => (b['dsseEnvelope'].signatures[0].keyid = '')],
    ['64-bit numbers as JSON numbers', (b) => (b['verificationMaterial'].tlogEntries[0].inclusionProof.treeSize = 5)],
    [
      'version 0.2 with a certificate chain',
      (b) => {
        b['mediaType'] = 'application/vnd.dev.sigstore.bundle+json;version=0.2';
        b['verificationMaterial'].x509CertificateChain = { certificates: [b['verificationMaterial'].certificate] };
        delete b['verificationMaterial'].certificate;
      },
    ],
    [
      'original field names',
      (b) => {
        b['dsse_envelope'] = { ...b['dsseEnvelope'], payload_type: b['dsseEnvelope'].payloadType };
        delete b['dsse_envelope'].payloadType;
        delete b['dsseEnvelope'];
      },
    ],
  ])('may have %s', (_, change) => {
    expect(parseStrictSigstoreBundle(changed(v2, change)).logEntries).toHaveLength(1);
  });

  it('is handed on with camelCase keys and a known media type', () => {
    const strict = parseStrictSigstoreBundle(
      changed(v2, (b) => {
        b['media_type'] = 'application/vnd.dev.sigstore.bundle.v0.3.1+json';
        delete b['mediaType'];
      }),
    );

    expect(strict.json).toEqual(v2);
  });
});

describe('a Sigstore bundle is refused', () => {
  it.each<[string, Change]>([
    ['an unknown field', (b) => (b['extra'] = 1)],
    ['an unknown field deep inside', (b) => (b['verificationMaterial'].tlogEntries[0].inclusionProof.extra = '')],
    ['a field that objects inherit', (b) => (b['constructor'] = 1)],
    ['a field in two spellings', (b) => (b['media_type'] = b['mediaType'])],
    ['version 0.4', (b) => (b['mediaType'] = 'application/vnd.dev.sigstore.bundle.v0.4+json')],
    ['version 0.2 in the new spelling', (b) => (b['mediaType'] = 'application/vnd.dev.sigstore.bundle.v0.2+json')],
    ['version 0.1', (b) => (b['mediaType'] = 'application/vnd.dev.sigstore.bundle+json;version=0.1')],
    ['no media type', (b) => delete b['mediaType']],
    ['an empty media type', (b) => (b['mediaType'] = '')],
    ['no certificate', (b) => delete b['verificationMaterial'].certificate],
    ['a public key instead of a certificate', (b) => (b['verificationMaterial'].publicKey = { hint: 'x' })],
    [
      'a chain in version 0.3',
      (b) => (b['verificationMaterial'].x509CertificateChain = { certificates: [b['verificationMaterial'].certificate] }),
    ],
    ['a message signature instead of an envelope', (b) => (b['messageSignature'] = { signature: 'AAAA' })],
    ['no envelope', (b) => delete b['dsseEnvelope']],
    ['two signatures', (b) => b['dsseEnvelope'].signatures.push(b['dsseEnvelope'].signatures[0])],
    ['no signature', (b) => (b['dsseEnvelope'].signatures = [])],
    ['a key id', (b) => (b['dsseEnvelope'].signatures[0].keyid = 'abc')],
    ['another payload type', (b) => (b['dsseEnvelope'].payloadType = 'text/plain')],
    ['an empty payload', (b) => (b['dsseEnvelope'].payload = '')],
    ['base64 without padding', (b) => (b['dsseEnvelope'].payload = b['dsseEnvelope'].payload.replaceAll('=', '').slice(0, -1))],
    ['base64 with a line break', (b) => (b['dsseEnvelope'].payload = `${b['dsseEnvelope'].payload}\n`)],
    ['base64 with unused bits set', (b) => (b['dsseEnvelope'].signatures[0].sig = 'AAB=')],
    ['URL-safe base64', (b) => (b['dsseEnvelope'].signatures[0].sig = '--__')],
    ['a null', (b) => (b['verificationMaterial'].timestampVerificationData = null)],
    ['no log entry', (b) => (b['verificationMaterial'].tlogEntries = [])],
    [
      'nine log entries',
      (b) => (b['verificationMaterial'].tlogEntries = Array.from({ length: 9 }, () => b['verificationMaterial'].tlogEntries[0])),
    ],
    ['a doubled log entry', (b) => b['verificationMaterial'].tlogEntries.push(b['verificationMaterial'].tlogEntries[0])],
    ['an entry without proof', (b) => delete b['verificationMaterial'].tlogEntries[0].inclusionProof],
    ['a proof without checkpoint', (b) => delete b['verificationMaterial'].tlogEntries[0].inclusionProof.checkpoint],
    ['an entry of another kind', (b) => (b['verificationMaterial'].tlogEntries[0].kindVersion.kind = 'rekord')],
    [
      'an entry kind that objects inherit',
      (b) => (b['verificationMaterial'].tlogEntries[0].kindVersion = { kind: 'toString', version: '' }),
    ],
    [
      'an entry that names another kind than its body',
      (b) => (b['verificationMaterial'].tlogEntries[0].kindVersion = { kind: 'dsse', version: '0.0.1' }),
    ],
    ['a body that is no JSON', (b) => (b['verificationMaterial'].tlogEntries[0].canonicalizedBody = 'AAAA')],
    ['a proof of another tree than its checkpoint', (b) => (b['verificationMaterial'].tlogEntries[0].inclusionProof.treeSize = '6')],
    [
      'an index beyond the tree',
      (b) => {
        b['verificationMaterial'].tlogEntries[0].logIndex = '99';
        b['verificationMaterial'].tlogEntries[0].inclusionProof.logIndex = '99';
      },
    ],
    ['an edited entry index', (b) => (b['verificationMaterial'].tlogEntries[0].logIndex = '3')],
    ['a negative index', (b) => (b['verificationMaterial'].tlogEntries[0].logIndex = '-1')],
    ['a fraction as index', (b) => (b['verificationMaterial'].tlogEntries[0].logIndex = 4.5)],
    ['a time that nothing signs', (b) => (b['verificationMaterial'].tlogEntries[0].integratedTime = '1795261829')],
    [
      'a promise that Rekor v2 never gives',
      (b) => (b['verificationMaterial'].tlogEntries[0].inclusionPromise = { signedEntryTimestamp: 'AAAA' }),
    ],
    ['no timestamp beside a Rekor v2 entry', (b) => (b['verificationMaterial'].timestampVerificationData = {})],
    ['a log id of four bytes', (b) => (b['verificationMaterial'].tlogEntries[0].logId.keyId = 'AAAAAA==')],
    ['another certificate than the logged one', (b) => (b['verificationMaterial'].certificate.rawBytes = 'AAAA')],
    ['a checkpoint with text before it', (b) => (b['verificationMaterial'].tlogEntries[0].inclusionProof.checkpoint.envelope += 'x')],
    [
      'a checkpoint without signature',
      (b) => (b['verificationMaterial'].tlogEntries[0].inclusionProof.checkpoint.envelope = 'rekor.test\n5\nAAAA\n\n'),
    ],
  ])('with %s', (_, change) => {
    expect(refusal(changed(v2, change)).code).toMatch(/^(SIGSTORE_BUNDLE_INVALID|JSON_INVALID)$/);
  });

  it("when a Rekor v1 entry has no promise, so that its index and time are nobody's word", () => {
    const bytes = changed(v1, (b) => delete b['verificationMaterial'].tlogEntries[0].inclusionPromise);

    expect(refusal(bytes)).toMatchObject({ code: 'SIGSTORE_BUNDLE_INVALID', message: expect.stringContaining('promise') as string });
  });

  it.each([
    ['a JSON array around it', (text: string) => `[${text}]`],
    ['a second line', (text: string) => `${text}\n${text}`],
    ['a repeated key', (text: string) => text.replace('"payloadType":', '"payloadType":"x","payloadType":')],
  ])('with %s', (_, edit) => {
    expect(refusal(Buffer.from(edit(JSON.stringify(v1)))).code).toMatch(/^(SIGSTORE_BUNDLE_INVALID|JSON_INVALID)$/);
  });

  it('beyond 10 MiB, before it is parsed', () => {
    expect(refusal(Buffer.alloc((10 << 20) + 1)).code).toBe('FILE_TOO_LARGE');
  });
});
