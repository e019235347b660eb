import { createHash, X509Certificate } from 'node:crypto';

/** A log's public key and what it is called. */
export interface LogKey {
  readonly baseUrl: string;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Buffer;
}

/** What a trusted root of the local services is made of. */
export interface TrustParts {
  readonly fulcioUrl: string;
  readonly tsaUrl: string;
  readonly rekor: LogKey & { readonly origin: string };
  readonly rekorV1: LogKey;
  readonly ct: LogKey;
}

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
const ED25519_KEY_BYTES = 32;

/** The trusted root of the local services, in the form that the verifiers of Node and Go both accept. */
export async function localTrustedRoot({ fulcioUrl, tsaUrl, rekor, rekorV1, ct }: TrustParts): Promise<unknown> {
  const validFor = { start: new Date(Date.now() - 3_600_000).toISOString() };
  const authority = (uri: string, certificates: unknown[]) => ({
    subject: { organization: 'local', commonName: 'test' },
    uri,
    certChain: { certificates },
    validFor,
  });
  const log = ({ baseUrl, spki }: LogKey, keyDetails: string, id: Buffer) => ({
    baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: { rawBytes: spki.toString('base64'), keyDetails, validFor },
    logId: { keyId: id.toString('base64') },
  });
  const { chains } = (await (await fetch(`${fulcioUrl}/api/v2/trustBundle`)).json()) as { chains: { certificates: string[] }[] };
  const timestampChain = await (await fetch(`${tsaUrl}/api/v1/timestamp/certchain`)).text();
  const ecdsa = 'PKIX_ECDSA_P256_SHA_256';
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [log(rekor, 'PKIX_ED25519', noteKeyId(rekor.origin, rekor.spki)), log(rekorV1, ecdsa, sha256(rekorV1.spki))],
    certificateAuthorities: chains.map(({ certificates }) => authority(fulcioUrl, certificates.flatMap(rawCertificates))),
    ctlogs: [log(ct, ecdsa, sha256(ct.spki))],
    timestampAuthorities: [authority(tsaUrl, rawCertificates(timestampChain))],
  };
}

/** A signing configuration that names the local services. */
export function localSigningConfig(services: {
  fulcioUrl: string;
  tsaUrl: string;
  rekorUrl: string;
  rekorApiVersion: 1 | 2;
  oidcUrl: string;
}): unknown {
  const service = (url: string, majorApiVersion = 1) => ({
    url,
    majorApiVersion,
    validFor: { start: '2026-01-01T00:00:00Z' },
    operator: 'local',
  });
  return {
    mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
    caUrls: [service(services.fulcioUrl)],
    oidcUrls: [service(services.oidcUrl)],
    rekorTlogUrls: [service(services.rekorUrl, services.rekorApiVersion)],
    rekorTlogConfig: { selector: 'ANY' },
    tsaUrls: [service(`${services.tsaUrl}/api/v1/timestamp`)],
    tsaConfig: { selector: 'ANY' },
  };
}

/** Key id of an Ed25519 note signer. @source C2SP signed-note, "Signatures" */
function noteKeyId(origin: string, spki: Buffer): Buffer {
  return sha256(Buffer.from(`${origin}\n`), Buffer.of(1), spki.subarray(-ED25519_KEY_BYTES));
}

function rawCertificates(pem: string): { rawBytes: string }[] {
  return (pem.match(PEM) ?? []).map((text) => ({ rawBytes: new X509Certificate(text).raw.toString('base64') }));
}

function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}
