import { LAB_HOST, LAB_ISSUER } from '#core/attestation/lab-trust.ts';
import { goJson } from '#core/digest/go-json.ts';
import type { Validity } from './certificate.ts';
import type { LabKey } from './key-pair.ts';
import { LAB_LOG_HOST } from './log-entry.ts';

/** The public halves of one lab authority. */
export interface LabPublicParts {
  /** DER of the authority's certificate. */
  readonly authority: Buffer;
  readonly ct: LabKey;
  readonly log: LabKey;
  readonly validity: Validity;
}

/**
 * The trusted root that accepts what this one authority signed, and nothing else. It must be used alone: joined with a
 * public root it would let one computer speak in anybody's name.
 * @returns JSON bytes of a Sigstore trusted root, version 0.1
 */
export function labTrustedRoot({ authority, ct, log, validity }: LabPublicParts): Uint8Array {
  const validFor = { start: validity.from.toISOString(), end: validity.to.toISOString() };
  const root = {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [transparencyLog(`https://${LAB_LOG_HOST}`, log, validFor)],
    certificateAuthorities: [
      {
        subject: { organization: LAB_HOST, commonName: 'assay lab authority' },
        uri: LAB_ISSUER,
        certChain: { certificates: [{ rawBytes: authority.toString('base64') }] },
        validFor,
      },
    ],
    ctlogs: [transparencyLog(`https://ct.${LAB_HOST}`, ct, validFor)],
    timestampAuthorities: [],
  };
  return Buffer.from(goJson(root));
}

function transparencyLog(baseUrl: string, key: LabKey, validFor: { start: string; end: string }): unknown {
  const publicKey = { rawBytes: key.spki.toString('base64'), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor };
  return { baseUrl, hashAlgorithm: 'SHA2_256', publicKey, logId: { keyId: key.id.toString('base64') } };
}
