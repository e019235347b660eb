import { createPrivateKey, createPublicKey, generateKeyPairSync, X509Certificate, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '#core/digest/sha256.ts';
import { bearerAdmission } from '../../../collector/session/admission.ts';
import { loadServerIdentity } from '../../../collector/session/server-identity.ts';
import { codeOfPromise } from '../../fixture/uplink/code-of.ts';

const TOKEN = 'correct-horse-battery';

describe('bearer admission', () => {
  it.each([`Bearer ${TOKEN}`, `bearer ${TOKEN}`])('admits %s, bound to no node', async (header) => {
    expect(await bearerAdmission(TOKEN).admit(header)).toEqual({ admitted: true, node: undefined });
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    TOKEN,
    `Basic ${TOKEN}`,
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.slice(1)}`,
    `Bearer  ${TOKEN}`,
    `Bearer ${TOKEN} `,
  ])('refuses %s', async (header) => {
    expect(await bearerAdmission(TOKEN).admit(header)).toMatchObject({ admitted: false, status: 401 });
  });
});

describe('server identity', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'assay-identity-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it('keeps its key over restarts; only the owner can read it', async () => {
    const path = join(directory, 'key.pem');
    const first = await loadServerIdentity(path);
    const second = await loadServerIdentity(path);

    expect(second.pin).toBe(first.pin);
    expect(second.key).toBe(readFileSync(path, 'utf8'));
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('has a self-signed certificate around the pinned key', async () => {
    const { key, certificate, pin } = await loadServerIdentity(join(directory, 'other.pem'));
    const parsed = new X509Certificate(certificate);

    expect(parsed.verify(parsed.publicKey)).toBe(true);
    expect(sha256(createPublicKey(key).export({ type: 'spki', format: 'der' }))).toBe(pin);
    expect(sha256(parsed.publicKey.export({ type: 'spki', format: 'der' }))).toBe(pin);
  });

  it.each<[string, string]>([
    ['SEC1, as Helm makes them', 'sec1'],
    ['PKCS#8', 'pkcs8'],
  ])('takes a key that it is given: %s', async (_, type) => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const path = join(directory, `${type}.pem`);
    writeFileSync(path, privateKey.export({ type: type as 'sec1', format: 'pem' }));
    const { pin, key } = await loadServerIdentity(path);

    expect(pin).toBe(sha256(publicKey.export({ type: 'spki', format: 'der' })));
    expect(createPrivateKey(key).equals(privateKey)).toBe(true);
  });

  it.each<[string, () => string]>([
    ['of another curve', () => pemOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey)],
    ['for RSA', () => pemOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)],
    ['for Ed25519', () => pemOf(generateKeyPairSync('ed25519').privateKey)],
    [
      'that is public',
      () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' }) as string,
    ],
    [
      'that is encrypted',
      () =>
        generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
          type: 'pkcs8',
          format: 'pem',
          cipher: 'aes-256-cbc',
          passphrase: 'x',
        }) as string,
    ],
    ['that is cut off', () => pemOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey).slice(0, 100)],
  ])('refuses a key %s', async (_, text) => {
    const path = join(directory, 'other-kind.pem');
    writeFileSync(path, text());

    expect(await codeOfPromise(loadServerIdentity(path))).toBe('CONFIG_INVALID');
  });

  it.each(['', 'not a key'])('refuses a key file that holds "%s"', async (text) => {
    const path = join(directory, 'bad.pem');
    writeFileSync(path, text);

    expect(await codeOfPromise(loadServerIdentity(path))).toBe('CONFIG_INVALID');
  });

  it('reports a place where no key can be stored', async () => {
    expect(await codeOfPromise(loadServerIdentity(join(directory, 'none', 'key.pem')))).toBe('STORAGE_FAILED');
  });
});

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string;
}
