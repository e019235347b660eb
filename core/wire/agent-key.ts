import { createPublicKey, type KeyObject } from 'node:crypto';

/** Makes a verification key from the 32 raw bytes that a hello carries. */
export function publicKeyFromRaw(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(raw).toString('base64url') }, format: 'jwk' });
}

/** The 32 raw bytes of an Ed25519 key (public, or the public half of a private one). */
export function rawPublicKey(key: KeyObject): Buffer {
  return Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x ?? '', 'base64url');
}
