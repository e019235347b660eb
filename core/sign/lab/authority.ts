import { toDSSEBundle } from '@sigstore/bundle';
import { bundleToJSON } from '@sigstore/bundle';
import { dsse, pem } from '@sigstore/core';
import { PAYLOAD_TYPE } from '#core/attestation/media-type.ts';
import type { Clock } from '#core/clock.ts';
import { makeAuthorityCertificate, makeLeafCertificate, type Validity } from './certificate.ts';
import { newLabKey, signWith } from './key-pair.ts';
import { makeLogEntry } from './log-entry.ts';
import { labTrustedRoot } from './trusted-root.ts';

const SECOND_MS = 1000;
/** A leaf lives as long as Fulcio's. */
const LEAF_LIFE_MS = 600 * SECOND_MS;
const DAY_MS = 86_400 * SECOND_MS;

/** What one lab authority leaves behind: a signed bundle and the root that accepts it. */
export interface LabSignature {
  /** Sigstore bundle v0.3 as a JSON value. */
  readonly bundle: unknown;
  /** JSON bytes of the trusted root. */
  readonly trustedRoot: Uint8Array;
}

/**
 * Signs one statement with an authority that exists for this call only: certificate authority, CT log and transparency log
 * of this process, with fresh keys that are dropped on return. Talks to nobody. The result proves that the bytes were not
 * changed since; who signed and when is this computer's own word.
 * @param statement exact bytes of the in-toto statement
 * @param identity URI for the certificate
 */
export async function signInLab(statement: Uint8Array, identity: string, clock: Clock): Promise<LabSignature> {
  const [ca, ct, log, signer] = [newLabKey(), newLabKey(), newLabKey(), newLabKey()];
  const fromMs = Math.floor(clock.nowMs() / SECOND_MS) * SECOND_MS;
  const validity = span(fromMs, DAY_MS);
  const authority = await makeAuthorityCertificate(ca, validity);
  const leaf = await makeLeafCertificate({ spki: signer.spki, identity, validity: span(fromMs, LEAF_LIFE_MS) }, { ca, ct });

  const payload = Buffer.from(statement);
  const signature = signWith(signer, dsse.preAuthEncoding(PAYLOAD_TYPE, payload));
  const certificatePem = pem.fromDER(leaf);
  const entry = makeLogEntry({ payload, payloadType: PAYLOAD_TYPE, signature, certificatePem }, fromMs / SECOND_MS, log);
  const bundle = toDSSEBundle({ artifact: payload, artifactType: PAYLOAD_TYPE, signature, certificate: leaf });
  bundle.verificationMaterial.tlogEntries = [entry];
  return { bundle: bundleToJSON(bundle), trustedRoot: labTrustedRoot({ authority, ct, log, validity }) };
}

function span(fromMs: number, lifeMs: number): Validity {
  return { from: new Date(fromMs), to: new Date(fromMs + lifeMs) };
}
