import { ASN1Obj, X509Certificate } from '@sigstore/core';

const TAG = { integer: 0x02, octets: 0x04, oid: 0x06, sequence: 0x30, set: 0x31, zero: 0xa0 } as const;
const SIGNED_DATA = Buffer.from('2a864886f70d010702', 'hex');
const TST_INFO = Buffer.from('2a864886f70d0109100104', 'hex');
/** SHA-256, SHA-384 and SHA-512, each with NULL or absent parameters. */
const DIGEST_ALGORITHM = /^(?:300b060960864801650304020[123]|300d060960864801650304020[123]0500)$/;
/** ECDSA with SHA-256, SHA-384 or SHA-512, no parameters. */
const SIGNATURE_ALGORITHM = /^300a06082a8648ce3d04030[234]$/;
const SIGNER_PARTS = 6;

/** DER certificates of the timestamp authorities of a trusted root, leaf first in each chain. */
type Authorities = readonly (readonly Uint8Array[])[];

/**
 * Tells whether an RFC 3161 response consists of nothing but what its verification covers: status granted, one signer who is
 * the authority of the trusted root, known algorithms, no certificates or attributes of unknown origin. The response is
 * built again from those parts and has to be the same bytes: libraries look at the signed part only, here no byte is free.
 * @param der exact bytes of the response, whose signature was verified
 * @returns what is wrong, or undefined
 * @source RFC 3161 section 2.4.2; RFC 5652 sections 5.1 and 5.3
 */
export function timestampProblem(der: Uint8Array, authorities: Authorities): string | undefined {
  const data = ASN1Obj.parseBuffer(Buffer.from(der)).subs[1]?.subs[1]?.subs[0];
  const signers = data?.subs.at(-1)?.subs ?? [];
  const [signer, second] = signers;
  if (data === undefined || signer === undefined || second !== undefined) return 'it has not exactly one signer';
  const parts = readParts(data, signer);
  const problem = partsProblem(parts, authorities);
  if (problem !== undefined) return problem;
  return rebuilt(parts).equals(der) ? undefined : 'it holds more than its signature covers, or holds it in another form';
}

/** Everything in a response that is not the same in all of them. */
interface Parts {
  readonly info: Buffer;
  /** Undefined when the response has no place for certificates. */
  readonly certificates: readonly Buffer[] | undefined;
  readonly signerId: Buffer;
  readonly digest: Buffer;
  readonly attributes: readonly Buffer[];
  readonly algorithm: Buffer;
  readonly signature: Buffer;
}

function readParts({ subs }: ASN1Obj, signer: ASN1Obj): Parts {
  const [signerId, digest, attributes, algorithm, signature] = signer.subs.slice(1, SIGNER_PARTS);
  const wrapped = subs[2]?.subs[1]?.subs[0];
  return {
    info: derOf(wrapped?.subs[0]),
    certificates: subs.length > 4 ? subs[3]?.subs.map(derOf) : undefined,
    signerId: derOf(signerId),
    digest: derOf(digest),
    attributes: attributes?.subs.map(derOf) ?? [],
    algorithm: derOf(algorithm),
    signature: signature?.value ?? Buffer.alloc(0),
  };
}

/** The element again, or nothing where it is missing; a response rebuilt without it differs. */
function derOf(part: ASN1Obj | undefined): Buffer {
  return part?.toDER() ?? Buffer.alloc(0);
}

function partsProblem({ certificates = [], signerId, digest, algorithm }: Parts, authorities: Authorities): string | undefined {
  const known = new Set(authorities.flat().map(hex));
  if (!certificates.every((certificate) => known.has(hex(certificate))))
    return 'it carries certificates that the trusted root does not name';
  if (!authorities.some(([leaf]) => leaf !== undefined && signerIdOf(leaf).equals(signerId)))
    return 'its signer is not a timestamp authority of the trusted root';
  if (!DIGEST_ALGORITHM.test(hex(digest))) return 'its digest algorithm is unknown';
  return SIGNATURE_ALGORITHM.test(hex(algorithm)) ? undefined : 'its signature algorithm is unknown';
}

/** The response with exactly these parts: status granted, signed data of version 3, signer of version 1. */
function rebuilt({ info, certificates, signerId, digest, attributes, algorithm, signature }: Parts): Buffer {
  const signer = element(
    TAG.sequence,
    number(1),
    signerId,
    digest,
    element(TAG.zero, ...attributes),
    algorithm,
    element(TAG.octets, signature),
  );
  const content = element(TAG.sequence, element(TAG.oid, TST_INFO), element(TAG.zero, element(TAG.octets, info)));
  const optional = certificates === undefined ? [] : [element(TAG.zero, ...certificates)];
  const data = element(TAG.sequence, number(3), element(TAG.set, digest), content, ...optional, element(TAG.set, signer));
  const token = element(TAG.sequence, element(TAG.oid, SIGNED_DATA), element(TAG.zero, data));
  return element(TAG.sequence, element(TAG.sequence, number(0)), token);
}

/** Issuer and serial number of a certificate, as a signer identifier in DER. */
function signerIdOf(certificate: Uint8Array): Buffer {
  const fields = X509Certificate.parse(Buffer.from(certificate)).tbsCertificate.subs;
  return element(TAG.sequence, ...[fields[3], fields[1]].map(derOf));
}

function number(value: number): Buffer {
  return element(TAG.integer, Buffer.of(value));
}

/** One DER element; responses are far below 64 KiB. */
function element(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const size = body.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, (size >> 8) & 0xff, size & 0xff];
  return Buffer.concat([Buffer.of(tag, ...length), body]);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
