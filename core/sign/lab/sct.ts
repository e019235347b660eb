import { SignedCertificateTimestamp } from 'pkijs';
import { signWith, type LabKey } from './key-pair.ts';

/** Version 1, signature type "certificate timestamp". */
const HEADER = Buffer.of(0, 0);
const PRECERT_ENTRY = Buffer.of(0, 1);
const NO_EXTENSIONS = Buffer.of(0, 0);
const LENGTH_BYTES = 2;
const TBS_LENGTH_BYTES = 3;
const TIMESTAMP_BYTES = 8;

/** What a CT log signs about a certificate that does not carry the SCT yet. */
export interface Precertificate {
  /** DER of the TBS certificate without the SCT extension. */
  readonly tbs: Buffer;
  /** SHA-256 of the issuer's SubjectPublicKeyInfo. */
  readonly issuerKeyId: Buffer;
  readonly at: Date;
}

/**
 * A list of one signed certificate timestamp, as the certificate extension holds it.
 * @source RFC 6962, sections 3.2 and 3.3
 */
export function embeddedSct(precertificate: Precertificate, ct: LabKey): Buffer {
  const one = encodeSct(precertificate.at, signWith(ct, signedPart(precertificate)), ct.id);
  return Buffer.concat([lengthPrefix(one.length), one]);
}

function signedPart({ tbs, issuerKeyId, at }: Precertificate): Buffer {
  const timestamp = Buffer.alloc(TIMESTAMP_BYTES);
  timestamp.writeBigUInt64BE(BigInt(at.getTime()));
  const tbsLength = Buffer.alloc(TBS_LENGTH_BYTES);
  tbsLength.writeUIntBE(tbs.length, 0, TBS_LENGTH_BYTES);
  return Buffer.concat([HEADER, timestamp, PRECERT_ENTRY, issuerKeyId, tbsLength, tbs, NO_EXTENSIONS]);
}

/** One SCT with its length; pkijs 4.0.0 hands out its whole unused buffer, so it is cut at its own length. */
function encodeSct(timestamp: Date, signature: Buffer, logId: Buffer): Buffer {
  const sct = new SignedCertificateTimestamp({
    version: 0,
    logID: Uint8Array.from(logId).buffer,
    timestamp,
    hashAlgorithm: 'sha256',
    signatureAlgorithm: 'ecdsa',
    signature: Uint8Array.from(signature).buffer,
  });
  const encoded = Buffer.from(sct.toStream().stream.view);
  return encoded.subarray(0, LENGTH_BYTES + encoded.readUInt16BE(0));
}

function lengthPrefix(length: number): Buffer {
  const prefix = Buffer.alloc(LENGTH_BYTES);
  prefix.writeUInt16BE(length);
  return prefix;
}
