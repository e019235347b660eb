import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { sha256, type Digest } from '#core/digest/sha256.ts';
import { AssayError, errorText, systemCode } from '#core/error.ts';
import { selfSignedCertificate } from './certificate.ts';

/** The key and certificate of the server, and what agents pin. */
export interface ServerIdentity {
  /** PKCS#8 PEM. */
  readonly key: string;
  /** PEM. */
  readonly certificate: string;
  /** Digest of the public key (SPKI, DER). */
  readonly pin: Digest;
}

/**
 * Loads the server key, or makes one and stores it with mode 0600: a restarted collector must have the key that agents
 * pinned. PEM as PKCS#8 or SEC1. The certificate around it is made anew at every start; nobody looks at more than its key.
 * @throws CONFIG_INVALID when the file holds no usable private key, STORAGE_FAILED when it cannot be written
 */
export async function loadServerIdentity(keyFile: string): Promise<ServerIdentity> {
  const privateKey = (await readKey(keyFile)) ?? (await createKey(keyFile));
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return { key: pemOf(privateKey), certificate: await selfSignedCertificate(privateKey), pin: sha256(spki) };
}

async function readKey(path: string): Promise<KeyObject | undefined> {
  try {
    const key = createPrivateKey(await readFile(path));
    if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new Error('it is not a P-256 key');
    return key;
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return undefined;
    throw new AssayError('CONFIG_INVALID', `the server key ${path} cannot be used: ${errorText(cause)}`, {
      cause,
      hint: 'Give a P-256 private key as PEM (PKCS#8 or SEC1, not encrypted), or a path where one may be created.',
    });
  }
}

async function createKey(path: string): Promise<KeyObject> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  try {
    // Aside, then renamed: a crash leaves no half key behind.
    await writeFile(`${path}.new`, pemOf(privateKey), { mode: 0o600, flush: true });
    await rename(`${path}.new`, path);
  } catch (cause) {
    throw new AssayError('STORAGE_FAILED', `cannot store the server key in ${path}: ${errorText(cause)}`, {
      cause,
      hint: 'In a cluster the chart makes the key: is its Secret mounted there?',
    });
  }
  return privateKey;
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string;
}
