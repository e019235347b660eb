import { bundleFromJSON } from '@sigstore/bundle';
import { RFC3161Timestamp } from '@sigstore/core';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier, type TrustMaterial } from '@sigstore/verify';
import type { StrictSigstoreBundle } from '#core/attestation/strict-sigstore-bundle.ts';
import { errorText } from '#core/error.ts';
import { Refusal } from '../refusal.ts';
import type { Trust } from '../trust/load-trust.ts';
import type { VerifiedSigner } from '../verdict.ts';
import { timestampProblem } from './timestamp-form.ts';

const SECOND_MS = 1000;

/** What a signature proves once its cryptography holds. */
export interface ProvenSignature {
  readonly signer: VerifiedSigner;
  /** Every trusted time of the signature, epoch milliseconds. */
  readonly signedAtMs: readonly number[];
  /** Rows for the report: what was checked against what. */
  readonly compared: readonly { readonly key: string; readonly value: string }[];
}

/** Trusted roots are parsed once: importing keys is the dear part of verifying many bundles in one process. */
const materials = new WeakMap<object, { readonly material: TrustMaterial; readonly root: TrustedRoot }>();

/**
 * Verifies certificate chain, certificate time, transparency log inclusion, timestamps and the signature itself.
 * @param strict a bundle whose form was checked
 * @param options.lenient as upstream: no SCT is needed, timestamps may carry unsigned parts
 * @throws Refusal SIGNATURE_INVALID, TRUST_ROOT_UNAVAILABLE
 * @source Sigstore client specification, "Verification"
 */
export function verifyCryptography(strict: StrictSigstoreBundle, trust: Trust, options: { readonly lenient: boolean }): ProvenSignature {
  const { material, root } = materialOf(trust);
  const sctThreshold = options.lenient || root.ctlogs.length === 0 ? 0 : 1;
  try {
    const bundle = bundleFromJSON(strict.json);
    const signer = new Verifier(material, { ctlogThreshold: sctThreshold }).verify(toSignedEntity(bundle));
    const tokens = (bundle.verificationMaterial.timestampVerificationData?.rfc3161Timestamps ?? []).map(
      ({ signedTimestamp }) => signedTimestamp,
    );
    if (!options.lenient) checkTimestamps(tokens, root);
    const { subjectAlternativeName: identity, extensions } = signer.identity ?? {};
    if (identity === undefined || extensions?.issuer === undefined) throw new Error('the certificate names no identity or no issuer');
    const signedAtMs = [...tokens.map((token) => RFC3161Timestamp.parse(Buffer.from(token)).signingTime.getTime()), ...logTimes(strict)];
    return {
      signer: { identity, issuer: extensions.issuer, ...logIndex(strict) },
      signedAtMs,
      compared: [
        {
          key: 'certificate',
          value: `chains to the trusted root (${trust.source}), valid when signed${sctThreshold > 0 ? ', in a certificate log' : '; no certificate log to compare with'}`,
        },
        {
          key: 'log entry',
          value: strict.logEntries
            .map(({ kindVersion, logIndex: index = '0' }) => `${kindVersion.kind} ${kindVersion.version}, index ${index}`)
            .join('; '),
        },
        { key: 'time', value: signedAtMs.map((time) => new Date(time).toISOString()).join('; ') },
      ],
    };
  } catch (cause) {
    throw cause instanceof Refusal
      ? cause
      : new Refusal('SIGNATURE_INVALID', `the trusted root (${trust.source}) does not cover the signature: ${causes(cause)}`, { cause });
  }
}

function materialOf({ root, source }: Trust): { readonly material: TrustMaterial; readonly root: TrustedRoot } {
  const known = materials.get(root as object);
  if (known !== undefined) return known;
  try {
    const parsed = TrustedRoot.fromJSON(root);
    const made = { material: toTrustMaterial(parsed), root: parsed };
    materials.set(root as object, made);
    return made;
  } catch (cause) {
    throw new Refusal('TRUST_ROOT_UNAVAILABLE', `the trusted root (${source}) is not usable: ${errorText(cause)}`, { cause });
  }
}

function checkTimestamps(tokens: readonly Uint8Array[], root: TrustedRoot): void {
  const authorities = root.timestampAuthorities.map(({ certChain }) => (certChain?.certificates ?? []).map(({ rawBytes }) => rawBytes));
  for (const token of tokens) {
    const problem = timestampProblem(token, authorities);
    if (problem !== undefined) throw new Error(`a timestamp is not acceptable: ${problem}`);
  }
}

/** Only an entry with an inclusion promise binds its time. */
function logTimes({ logEntries }: StrictSigstoreBundle): readonly number[] {
  return logEntries.flatMap(({ integratedTime, inclusionPromise }) =>
    inclusionPromise === undefined || integratedTime === undefined ? [] : [Number(integratedTime) * SECOND_MS],
  );
}

/** Index 0 counts as none, as upstream has it. */
function logIndex({ logEntries }: StrictSigstoreBundle): { readonly rekorLogIndex?: number } {
  const index = Number(logEntries[0]?.logIndex ?? 0);
  return index > 0 && Number.isSafeInteger(index) ? { rekorLogIndex: index } : {};
}

function causes(error: unknown): string {
  const inner = error instanceof Error && error.cause !== undefined ? ` (${errorText(error.cause)})` : '';
  return `${errorText(error)}${inner}`;
}
