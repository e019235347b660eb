import { ASN1Obj, X509Certificate } from '@sigstore/core';

const SIGNED_DATA = '1.2.840.113549.1.7.2';
const TST_INFO = '1.2.840.113549.1.9.16.1.4';
const GRANTED = '3003020100';
const VERSION_3 = '020103';
const VERSION_1 = '020101';
/** SHA-256, SHA-384 and SHA-512, each with NULL or absent parameters. */
const DIGEST_ALGORITHM = /^(?:300b060960864801650304020[123]|300d060960864801650304020[123]0500)$/;
/** ECDSA with SHA-256, SHA-384 or SHA-512, no parameters. */
const SIGNATURE_ALGORITHM = /^300a06082a8648ce3d04030[234]$/;

/**
 * Tells whether an RFC 3161 response consists of nothing but what its verification covers: status granted, one signer who is
 * the authority of the trusted root, known algorithms, no certificates or attributes of unknown origin.
 * Libraries check the signed part only; here every byte counts.
 * @param der exact bytes of the response
 * @param authorities DER certificates of the timestamp authorities of the trusted root, leaf first in each chain
 * @returns what is wrong, or undefined
 * @source RFC 3161 section 2.4.2; RFC 5652 sections 5.1 and 5.3
 */
export function timestampProblem(der: Uint8Array, authorities: readonly (readonly Uint8Array[])[]): string | undefined {
  const root = ASN1Obj.parseBuffer(Buffer.from(der));
  if (!root.toDER().equals(der)) return 'it is not in DER';
  const [status, token, ...rest] = root.subs;
  if (status === undefined || token === undefined || rest.length > 0 || !root.tag.isUniversal())
    return 'it is no response of status and token';
  if (hex(status) !== GRANTED) return 'its status is not "granted"';
  const [type, content, ...more] = token.subs;
  const data = content?.subs[0];
  if (type?.toOID() !== SIGNED_DATA || data === undefined || content?.subs.length !== 1 || more.length > 0)
    return 'its token is no signed data';
  return signedDataProblem(data, authorities);
}

function signedDataProblem(data: ASN1Obj, authorities: readonly (readonly Uint8Array[])[]): string | undefined {
  const [version, digests, content, ...tail] = data.subs;
  const signers = tail.pop();
  if (version === undefined || hex(version) !== VERSION_3) return 'its signed data has another version than 3';
  if (!isTimestampContent(content)) return 'it holds no timestamp information';
  if (tail.length > 1 || tail.some((part) => !isKnownCertificates(part, authorities)))
    return 'it carries certificates that the trusted root does not name';
  const [signer, second] = signers?.subs ?? [];
  if (signer === undefined || second !== undefined) return 'it has not exactly one signer';
  return signerProblem(signer, digests, authorities);
}

function isTimestampContent(content: ASN1Obj | undefined): boolean {
  const [type, wrapped] = content?.subs ?? [];
  return type?.toOID() === TST_INFO && wrapped?.tag.isContextSpecific(0) === true && wrapped.subs[0]?.tag.isOctetString() === true;
}

function signerProblem(signer: ASN1Obj, digests: ASN1Obj | undefined, authorities: readonly (readonly Uint8Array[])[]): string | undefined {
  const [version, sid, digest, attributes, algorithm, signature] = signer.subs;
  if (signer.subs.length !== 6 || version === undefined || hex(version) !== VERSION_1) return 'its signer has parts that nothing covers';
  if (!attributes?.tag.isContextSpecific(0) || !signature?.tag.isOctetString()) return 'its signer has another structure';
  if (sid === undefined || !authorities.some(([leaf]) => leaf !== undefined && hex(sid) === signerIdOf(leaf)))
    return 'its signer is not a timestamp authority of the trusted root';
  if (digest === undefined || !DIGEST_ALGORITHM.test(hex(digest)) || digests?.subs.map(hex).join() !== hex(digest))
    return 'its digest algorithm is unknown or not the declared one';
  return algorithm !== undefined && SIGNATURE_ALGORITHM.test(hex(algorithm)) ? undefined : 'its signature algorithm is unknown';
}

/** The optional certificates: each must be one of the trusted root's own, byte for byte. */
function isKnownCertificates(part: ASN1Obj, authorities: readonly (readonly Uint8Array[])[]): boolean {
  const known = new Set(authorities.flat().map((certificate) => Buffer.from(certificate).toString('hex')));
  return part.tag.isContextSpecific(0) && part.tag.constructed && part.subs.every((certificate) => known.has(hex(certificate)));
}

/** Issuer and serial number of a certificate, as a signer identifier in DER. */
function signerIdOf(certificate: Uint8Array): string {
  const fields = X509Certificate.parse(Buffer.from(certificate)).tbsCertificate.subs;
  const [serial, issuer] = [fields[1], fields[3]];
  if (serial === undefined || issuer === undefined) return '';
  const body = Buffer.concat([issuer.toDER(), serial.toDER()]);
  return Buffer.concat([Buffer.of(0x30), lengthOf(body.length), body]).toString('hex');
}

function lengthOf(size: number): Buffer {
  return size < 0x80 ? Buffer.of(size) : size < 0x100 ? Buffer.of(0x81, size) : Buffer.of(0x82, size >> 8, size & 0xff);
}

function hex(object: ASN1Obj): string {
  return object.toDER().toString('hex');
}
