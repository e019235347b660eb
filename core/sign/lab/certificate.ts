import { randomBytes } from 'node:crypto';
import { BitString, Integer, OctetString, Utf8String, type BaseBlock } from 'asn1js';
import {
  AttributeTypeAndValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  Extension,
  ExtKeyUsage,
  GeneralName,
  GeneralNames,
  PublicKeyInfo,
  RelativeDistinguishedNames,
} from 'pkijs';
import { LAB_AUTHORITY_NAME, LAB_ISSUER } from '#core/attestation/lab-trust.ts';
import { emptyName } from '../x509-name.ts';
import type { LabKey } from './key-pair.ts';
import { embeddedSct } from './sct.ts';

const OID = {
  commonName: '2.5.4.3',
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyId: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  embeddedScts: '1.3.6.1.4.1.11129.2.4.2',
  issuerRaw: '1.3.6.1.4.1.57264.1.1',
  issuerDer: '1.3.6.1.4.1.57264.1.8',
} as const;
/** GeneralName choice of a URI. */
const URI_NAME = 6;
const X509_V3 = 2;
const KEY_ID_BYTES = 20;
const SERIAL_BYTES = 15;
/** First octet of a serial: keeps the integer positive and of full length. */
const SERIAL_LEAD = 0x41;
const KEY_USAGE = { digitalSignature: { octet: 0x80, unusedBits: 7 }, certAndCrlSign: { octet: 0x06, unusedBits: 1 } } as const;

/** When a certificate starts and ends. */
export interface Validity {
  readonly from: Date;
  readonly to: Date;
}

/** What a leaf is made for. */
export interface LeafRequest {
  /** DER SubjectPublicKeyInfo of the key that signs the statement. */
  readonly spki: Buffer;
  /** URI that goes into the subject alternative name. */
  readonly identity: string;
  readonly validity: Validity;
}

/** The two keys that make a leaf acceptable: its issuer's and the CT log's. */
export interface LeafIssuers {
  readonly ca: LabKey;
  readonly ct: LabKey;
}

/** Self-signed certificate of a lab authority, DER. It may sign leaves only. */
export async function makeAuthorityCertificate(ca: LabKey, validity: Validity): Promise<Buffer> {
  const certificate = newCertificate(ca.spki, validity, [
    extension(OID.basicConstraints, true, new BasicConstraints({ cA: true, pathLenConstraint: 0 })),
    extension(OID.keyUsage, true, keyUsage(KEY_USAGE.certAndCrlSign)),
    extension(OID.subjectKeyId, false, keyIdentifier(ca.id)),
  ]);
  certificate.subject = authorityName();
  await certificate.sign(await webCryptoKey(ca), 'SHA-256');
  return der(certificate);
}

/**
 * A leaf in the shape Fulcio gives: empty subject, critical URI name, code signing, both issuer extensions, and an embedded
 * SCT as the last extension, so that removing it gives back the bytes the CT log signed.
 * @returns DER
 */
export async function makeLeafCertificate(request: LeafRequest, keys: LeafIssuers): Promise<Buffer> {
  const certificate = newCertificate(request.spki, request.validity, leafExtensions(request, keys.ca));
  const signingKey = await webCryptoKey(keys.ca);
  await certificate.sign(signingKey, 'SHA-256');
  const sct = embeddedSct({ tbs: Buffer.from(certificate.tbsView), issuerKeyId: keys.ca.id, at: request.validity.from }, keys.ct);
  certificate.extensions?.push(extension(OID.embeddedScts, false, new OctetString({ valueHex: arrayBuffer(sct) })));
  await certificate.sign(signingKey, 'SHA-256');
  return der(certificate);
}

function leafExtensions({ spki, identity }: LeafRequest, ca: LabKey): Extension[] {
  const names = new GeneralNames({ names: [new GeneralName({ type: URI_NAME, value: identity })] });
  const authority = new AuthorityKeyIdentifier({ keyIdentifier: keyIdentifier(ca.id) });
  return [
    extension(OID.keyUsage, true, keyUsage(KEY_USAGE.digitalSignature)),
    extension(OID.extKeyUsage, false, new ExtKeyUsage({ keyPurposes: [OID.codeSigning] })),
    extension(OID.subjectKeyId, false, keyIdentifier(spki.subarray(-KEY_ID_BYTES))),
    extension(OID.authorityKeyId, false, authority),
    extension(OID.subjectAltName, true, names),
    extension(OID.issuerRaw, false, Buffer.from(LAB_ISSUER)),
    extension(OID.issuerDer, false, new Utf8String({ value: LAB_ISSUER })),
  ];
}

function newCertificate(spki: Buffer, validity: Validity, extensions: Extension[]): Certificate {
  const serial = Buffer.concat([Buffer.of(SERIAL_LEAD), randomBytes(SERIAL_BYTES)]);
  const certificate = new Certificate({
    version: X509_V3,
    serialNumber: new Integer({ valueHex: arrayBuffer(serial) }),
    issuer: authorityName(),
    subject: emptyName(),
    extensions,
  });
  certificate.notBefore.value = validity.from;
  certificate.notAfter.value = validity.to;
  certificate.subjectPublicKeyInfo = PublicKeyInfo.fromBER(arrayBuffer(spki));
  return certificate;
}

/** One attribute only: pkijs would put several into one multi-valued name part. */
function authorityName(): RelativeDistinguishedNames {
  const commonName = new AttributeTypeAndValue({ type: OID.commonName, value: new Utf8String({ value: LAB_AUTHORITY_NAME }) });
  return new RelativeDistinguishedNames({ typesAndValues: [commonName] });
}

function extension(extnID: string, critical: boolean, value: Buffer | BaseBlock | { toSchema(): BaseBlock }): Extension {
  return new Extension({ extnID, critical, extnValue: arrayBuffer(Buffer.isBuffer(value) ? value : der(value)) });
}

function keyUsage({ octet, unusedBits }: { octet: number; unusedBits: number }): BitString {
  return new BitString({ valueHex: arrayBuffer(Buffer.of(octet)), unusedBits });
}

function keyIdentifier(id: Buffer): OctetString {
  return new OctetString({ valueHex: arrayBuffer(id.subarray(0, KEY_ID_BYTES)) });
}

function der(value: BaseBlock | { toSchema(): BaseBlock }): Buffer {
  const block = 'toSchema' in value ? value.toSchema() : value;
  return Buffer.from(block.toBER(false));
}

/** A copy that owns its memory: Node's small buffers share one pool. */
function arrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}

function webCryptoKey(key: LabKey): ReturnType<typeof crypto.subtle.importKey> {
  const pkcs8 = key.privateKey.export({ format: 'der', type: 'pkcs8' });
  return crypto.subtle.importKey('pkcs8', pkcs8, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
}
