import { createPublicKey, randomBytes, type KeyObject } from 'node:crypto';
import { Integer, Utf8String } from 'asn1js';
import { AttributeTypeAndValue, Certificate, PublicKeyInfo } from 'pkijs';

const COMMON_NAME = '2.5.4.3';
const NAME = 'assay collector';
const X509_V3 = 2;
/** A positive integer: the first bit of the serial is never set. */
const SERIAL_LEAD = 0x41;
const SERIAL_BYTES = 15;
const DAY_MS = 86_400_000;
/** Longer than any run; agents compare the key and look at nothing else. */
const VALID_DAYS = 365;

/** A self-signed certificate around a P-256 key, as PEM: TLS asks for one, the trust is in the pinned key. */
export async function selfSignedCertificate(privateKey: KeyObject): Promise<string> {
  const certificate = new Certificate({
    version: X509_V3,
    serialNumber: new Integer({ valueHex: Uint8Array.of(SERIAL_LEAD, ...randomBytes(SERIAL_BYTES)).buffer }),
  });
  for (const name of [certificate.subject, certificate.issuer])
    name.typesAndValues.push(new AttributeTypeAndValue({ type: COMMON_NAME, value: new Utf8String({ value: NAME }) }));
  certificate.notBefore.value = new Date(Date.now() - DAY_MS);
  certificate.notAfter.value = new Date(Date.now() + VALID_DAYS * DAY_MS);
  certificate.subjectPublicKeyInfo = publicKeyInfo(privateKey);
  await certificate.sign(privateKey.toCryptoKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']), 'SHA-256');
  return pem(new Uint8Array(certificate.toSchema(true).toBER()));
}

function publicKeyInfo(privateKey: KeyObject): PublicKeyInfo {
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return PublicKeyInfo.fromBER(new Uint8Array(spki));
}

function pem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
