import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';

/** An ECDSA P-256 key of the lab authority, alive for one signature. */
export interface LabKey {
  readonly privateKey: KeyObject;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Buffer;
  /** SHA-256 of {@link spki}: the id that logs and CT logs go by. */
  readonly id: Buffer;
}

/** Makes a fresh key; it is never written anywhere. */
export function newLabKey(): LabKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  return { privateKey, spki, id: createHash('sha256').update(spki).digest() };
}

/** DER-encoded ECDSA signature with SHA-256 over exact bytes. */
export function signWith(key: LabKey, data: Uint8Array | string): Buffer {
  return sign('sha256', Buffer.from(data as Uint8Array), key.privateKey);
}
