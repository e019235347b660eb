import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { X509Certificate } from '@sigstore/core';
import { startServer, type LocalServer } from './json-server.ts';

/** A certificate transparency log that signs timestamps and keeps no tree: no Sigstore client asks for one. */
export interface SctIssuer extends LocalServer {
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Buffer;
}

const POISON = '1.3.6.1.4.1.11129.2.4.3';

/** @source RFC 6962, sections 3.2 and 4.2 */
export async function startSctIssuer(): Promise<SctIssuer> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const server = await startServer(({ url, body }) => {
    if (url.pathname !== '/ct/v1/add-pre-chain') return { status: url.pathname === '/' ? 200 : 404, body: {} };
    const { chain } = JSON.parse(body.toString()) as { chain: string[] };
    return {
      body: issueSct(
        chain.map((certificate) => Buffer.from(certificate, 'base64')),
        { privateKey, spki },
      ),
    };
  });
  return { ...server, spki };
}

function issueSct([precertificate, issuer]: readonly Buffer[], log: { privateKey: KeyObject; spki: Buffer }): unknown {
  const certificate = X509Certificate.parse(Buffer.from(precertificate ?? []));
  const poison = certificate.extensions.findIndex((extension) => extension.subs[0]?.toOID() === POISON);
  certificate.extensions.splice(poison, 1);
  const tbs = certificate.tbsCertificate.toDER();
  const timestamp = Date.now();
  const issuerKey = sha256(X509Certificate.parse(Buffer.from(issuer ?? [])).publicKey);
  const entry = Buffer.concat([number(1, 2), issuerKey, number(tbs.length, 3), tbs]);
  const signature = sign('sha256', Buffer.concat([number(0, 2), number(timestamp, 8), entry, number(0, 2)]), log.privateKey);
  return {
    sct_version: 0,
    id: sha256(log.spki).toString('base64'),
    timestamp,
    extensions: '',
    signature: Buffer.concat([Buffer.of(4, 3), number(signature.length, 2), signature]).toString('base64'),
  };
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function number(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64BE(BigInt(value));
  return buffer.subarray(8 - bytes);
}
