import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { pem, X509Certificate } from '@sigstore/core';
import { CertificationRequest, PublicKeyInfo } from 'pkijs';
import type { Signer } from '@sigstore/sign';
import { AssayError } from '#core/error.ts';
import type { RetryPolicy } from '#core/http/retry.ts';
import { emptyName } from '../x509-name.ts';
import type { IdentityToken } from '../identity/identity-token.ts';
import { FULCIO, postJson } from './service-call.ts';

/** How Fulcio is asked. */
export interface FulcioOptions {
  readonly url: URL;
  readonly token: IdentityToken;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  readonly signal?: AbortSignal;
}

interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/**
 * A signer with a key that exists for one signature and a certificate for the identity token. It proves possession by a
 * certificate request, so that it need not guess which claim of the token the authority expects to be signed.
 * @throws FULCIO_REFUSED, FULCIO_UNAVAILABLE (on `sign`)
 */
export function fulcioSigner(options: FulcioOptions): Signer {
  return {
    sign: async (data) => {
      const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const certificate = await requestCertificate(keys, options);
      return { signature: sign('sha256', data, keys.privateKey), key: { $case: 'x509Certificate', certificate } };
    },
  };
}

/**
 * @returns leaf certificate, PEM
 * @source Fulcio API v2, CreateSigningCertificate with certificate_signing_request
 */
async function requestCertificate(keys: KeyPair, { url, token, timeoutMs, retry, signal }: FulcioOptions): Promise<string> {
  const secret = token.reveal();
  const request = await certificateRequest(keys);
  const answer = await postJson({
    service: FULCIO,
    url: new URL(`${url.href.replace(/\/$/, '')}/api/v2/signingCert`),
    body: { credentials: { oidcIdentityToken: secret }, certificateSigningRequest: Buffer.from(request).toString('base64') },
    timeoutMs,
    retry,
    secret,
    ...(signal === undefined ? {} : { signal }),
  });
  return leafOf(answer, keys.publicKey);
}

function leafOf(answer: unknown, publicKey: KeyObject): string {
  const { signedCertificateEmbeddedSct, signedCertificateDetachedSct } = (answer ?? {}) as Record<
    string,
    { chain?: { certificates?: unknown } } | undefined
  >;
  const certificates = (signedCertificateEmbeddedSct ?? signedCertificateDetachedSct)?.chain?.certificates;
  const leaf: unknown = Array.isArray(certificates) ? certificates[0] : undefined;
  if (typeof leaf !== 'string' || !isFor(leaf, publicKey))
    throw new AssayError('FULCIO_REFUSED', 'Fulcio answered without a certificate for our key', {
      hint: 'Check that the address is a Fulcio with API version 2.',
    });
  return leaf;
}

function isFor(certificate: string, publicKey: KeyObject): boolean {
  try {
    return X509Certificate.parse(certificate).publicKey.equals(publicKey.export({ format: 'der', type: 'spki' }));
  } catch {
    return false;
  }
}

/** PKCS#10 request without a name: the certificate's name comes from the token. @returns PEM */
async function certificateRequest({ privateKey, publicKey }: KeyPair): Promise<string> {
  const request = new CertificationRequest({ version: 0, attributes: [], subject: emptyName() });
  request.subjectPublicKeyInfo = PublicKeyInfo.fromBER(ownBuffer(publicKey.export({ format: 'der', type: 'spki' })));
  const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' });
  const key = await crypto.subtle.importKey('pkcs8', pkcs8, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
  await request.sign(key, 'SHA-256');
  return pem.fromDER(Buffer.from(request.toSchema(true).toBER(false)), 'CERTIFICATE REQUEST');
}

function ownBuffer(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}
