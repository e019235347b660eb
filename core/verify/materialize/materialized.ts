import type { Pointer } from '#core/attestation/pointer.ts';
import type { Digest } from '#core/digest/sha256.ts';
import type { InputKind } from '../verdict.ts';
import type { BundleFiles } from './bundle-files.ts';

/** Bytes that may be a signature over the artifact; loaded only when looked at. */
export interface SignatureCandidate {
  /** Where it comes from, for people. */
  readonly origin: string;
  readonly load: () => Promise<Uint8Array>;
}

/** An input as the later steps see it, wherever it came from. */
export interface Materialized {
  readonly kind: InputKind;
  /** What was read, for people. */
  readonly place: string;
  readonly files: BundleFiles;
  /** Digest of the artifact's manifest; absent for directories and archives. */
  readonly artifactDigest?: Digest;
  readonly signatures: readonly SignatureCandidate[];
  readonly pointer?: Pointer;
}
