import type { CoverageSummary } from '#core/attestation/predicate.ts';
import type { Pointer } from '#core/attestation/pointer.ts';
import type { Digest } from '#core/digest/sha256.ts';
import type { Finding } from './finding.ts';

/** Every step, in the order in which it runs. */
export const STEP_NAMES = [
  'materialize',
  'signature',
  'predicate',
  'inventory',
  'recipe',
  'binding',
  'replay',
  'results',
  'bom',
  'coverage',
  'redaction',
  'age',
] as const;

/** Name of one step. */
export type StepName = (typeof STEP_NAMES)[number];

/**
 * What became of a step. Only `passed` says that everything the step compares was compared and agrees.
 * `findings`: compared, and something needs a reviewer's eye. `not-replayable`: the bundle lacks what the comparison needs.
 * `skipped`: not done, for the reason in the detail. `undecided`: could not be done now (network, trust root).
 */
export type StepStatus = 'passed' | 'findings' | 'failed' | 'skipped' | 'not-replayable' | 'undecided';

/** One thing that a step compared, and with what. Foreign text in it is bounded and free of control characters. */
export interface Compared {
  readonly key: string;
  readonly value: string;
}

/** One step of a verdict as it is reported. */
export interface StepReport {
  readonly step: number;
  readonly name: StepName;
  readonly status: StepStatus;
  readonly detail: string;
  readonly subRows?: readonly Compared[];
}

/** Who signed, as proven by the certificate. */
export interface VerifiedSigner {
  readonly identity: string;
  readonly issuer: string;
  readonly rekorLogIndex?: number;
}

/** How an input was given. */
export type InputKind = 'dir' | 'tar' | 'oci' | 'oci-layout' | 'pointer';

/** The predicate as it is shown: the known keys only, in their types. */
export type ShownPredicate = Readonly<Record<string, unknown>>;

/** The first reason for an exit of 2 or 3, in upstream's classes. */
export interface FailureCause {
  readonly class: FailureClass;
  readonly detail: string;
  readonly httpStatus?: number;
  readonly hint?: string;
}

/** Upstream's failure classes, and `unavailable` for what may work later. */
export type FailureClass =
  | 'registry-forbidden'
  | 'not-found'
  | 'registry'
  | 'signature'
  | 'integrity'
  | 'schema'
  | 'unavailable'
  | 'unknown';

/** Whose word the signature rests on: a public instance, a private one, one computer's lab authority, or nobody's. */
export type TrustLabel = 'public' | 'private' | 'lab' | 'none';

/**
 * The one value that text, Markdown, HTML and JSON are made from.
 * The keys up to `failureCause` are upstream's report; the rest is ours.
 * @source recipe-evidence v1, `evidence verify` JSON report
 */
export interface Verdict {
  readonly input: InputKind;
  readonly pointer?: Pointer;
  /** Absent as soon as a signature that is there did not verify: unsigned content is not shown as if it were signed. */
  readonly predicate?: ShownPredicate;
  readonly signer?: VerifiedSigner;
  readonly recipeName?: string;
  /** Manifest digest of the artifact that was read; absent for directories and archives. */
  readonly bundleDigest?: Digest;
  readonly steps: readonly StepReport[];
  readonly exit: 0 | 1 | 2 | 3;
  /** True when the evidence is otherwise acceptable and only the signature is missing. */
  readonly pending?: true;
  readonly failureCause?: FailureCause;
  readonly verdict: 'valid' | 'valid-with-findings' | 'invalid' | 'undecided';
  readonly findings: readonly Finding[];
  readonly coverage?: CoverageSummary;
  /** Whole days since `attestedAt`. */
  readonly ageDays?: number;
  readonly trust: TrustLabel;
  /** `upstream`: only the checks that upstream's verifier makes. */
  readonly mode: 'full' | 'upstream';
}
