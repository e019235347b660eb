import type { Shape } from './message-shape.ts';

/** Log entries, certificates or timestamps in one bundle; honest ones carry one or two. */
const MAX_PARTS = 8;
/** A Merkle path is as long as the tree is high; 64-bit logs end at 64. */
const MAX_PATH = 64;
const HASH_BYTES = 32;

const text = { kind: 'text' } as const;
const bytes = { kind: 'bytes' } as const;
const hash = { kind: 'bytes', size: HASH_BYTES } as const;
const count = { kind: 'count' } as const;

function message(fields: Readonly<Record<string, Shape>>, optional: readonly string[] = []): Shape {
  return { kind: 'message', fields, required: Object.keys(fields).filter((name) => !optional.includes(name)) };
}

function list(of: Shape, max = MAX_PARTS): Shape {
  return { kind: 'list', of, max };
}

const certificate = message({ rawBytes: bytes });

const inclusionProof = message(
  {
    logIndex: count,
    rootHash: hash,
    treeSize: count,
    hashes: list(hash, MAX_PATH),
    checkpoint: message({ envelope: text }),
  },
  ['logIndex', 'hashes'],
);

const logEntry = message(
  {
    logIndex: count,
    logId: message({ keyId: hash }),
    kindVersion: message({ kind: text, version: text }),
    integratedTime: count,
    inclusionPromise: message({ signedEntryTimestamp: bytes }),
    inclusionProof,
    canonicalizedBody: bytes,
  },
  ['logIndex', 'integratedTime', 'inclusionPromise'],
);

/**
 * A Sigstore bundle that holds a DSSE envelope and a certificate. Zero values may be left out, as protobuf-JSON writers do.
 * @source sigstore protobuf-specs, messages Bundle, VerificationMaterial, TransparencyLogEntry and io.intoto.Envelope
 */
export const SIGSTORE_BUNDLE_SHAPE: Shape = message({
  mediaType: text,
  verificationMaterial: message(
    {
      certificate,
      x509CertificateChain: message({ certificates: list(certificate) }),
      tlogEntries: list(logEntry),
      timestampVerificationData: message({ rfc3161Timestamps: list(message({ signedTimestamp: bytes })) }, ['rfc3161Timestamps']),
    },
    ['certificate', 'x509CertificateChain', 'timestampVerificationData'],
  ),
  dsseEnvelope: message({
    payload: bytes,
    payloadType: text,
    signatures: list(message({ sig: bytes, keyid: text }, ['keyid'])),
  }),
});
