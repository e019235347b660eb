import type { Digest } from '#core/digest/sha256.ts';
import type { Phase } from '#core/ctrf/report.ts';
import type { Fingerprint } from '#core/fingerprint/fingerprint.ts';
import type { CriteriaMatch } from '#core/fingerprint/match.ts';

/** Counts of one phase as upstream records them, and the digest of its report's exact bytes. */
export interface PhaseSummary {
  readonly passed: number;
  /** Failed, and by our rule also `other` and `pending`, so that a crashed check never looks fine. */
  readonly failed: number;
  readonly skipped: number;
  readonly ctrfDigest: Digest;
}

/** A validator image and its digest; upstream leaves the digest empty, Assay never does. */
export interface ValidatorImage {
  readonly image: string;
  readonly digest: string;
}

/** The profile that a recipe is bound to, in evidence of version 2. */
export interface RecipeProfile {
  readonly selection: string;
  readonly advertiser?: string;
  readonly policyDescriptorIdentity: string;
}

/** The recipe-evidence predicate (schema version 1.0.0). Keys starting `x-` are Assay's own; upstream ignores them. */
export interface Predicate {
  readonly schemaVersion: string;
  readonly attestedAt: string;
  readonly aicrVersion: string;
  readonly validatorCatalogVersion: string;
  readonly validatorImages: readonly ValidatorImage[] | null;
  /** `digest` is bare hex: SHA-256 of `recipe.yaml`. */
  readonly recipe: { readonly name: string; readonly digest: string };
  readonly fingerprint: Fingerprint;
  readonly criteriaMatch: CriteriaMatch;
  readonly phases: Partial<Readonly<Record<Phase, PhaseSummary>>>;
  readonly bom: { readonly format: 'CycloneDX'; readonly version: '1.6'; readonly digest: Digest; readonly imageCount: number };
  readonly manifest: { readonly digest: Digest; readonly fileCount: number };
  readonly profile?: RecipeProfile;
  readonly redaction?: { readonly policy: 'minimal'; readonly version: 'v1'; readonly applied: readonly string[] };
  readonly 'x-assay'?: AssayAdditions;
}

/** What Assay adds to the predicate, under one key. The facts of a run are all there or, in a bundle made from files, all absent. */
export interface AssayAdditions extends Partial<RunFacts> {
  readonly toolVersion: string;
  /** Merkle root over per-node records, prefixed digest. */
  readonly nodesRoot?: Digest;
  /** Prefixed digest of the JCS material slice of the recipe. */
  readonly materialSlice?: Digest;
  /** After this time nobody should rely on the evidence. */
  readonly expiresAt?: string;
  /** Digest of the artifact that this evidence replaces. */
  readonly previousBundle?: Digest;
  /** Manifest digest of the artifact with raw logs and one page per phase. */
  readonly logs?: Digest;
}

/** What only a run knows. */
export interface RunFacts {
  /** Who decided what was expected: `host` = this computer only, `cluster` = a frozen set of nodes. */
  readonly scope: 'host' | 'cluster';
  readonly runId: string;
  /** 32 random bytes as hex, drawn before any node reported. */
  readonly nonce: string;
  readonly coverage: CoverageSummary;
}

/** Absent nodes listed in the predicate, so that a statement stays small whatever the node count. */
export const MISSING_LISTED = 20;

/** Who had to report and who did; node names are pseudonyms in a minimal bundle. */
export interface CoverageSummary {
  readonly expected: number;
  readonly reported: number;
  /** Pseudonyms of absent nodes; the statement lists at most {@link MISSING_LISTED}, `coverage.json` all of them. */
  readonly missing: readonly { readonly node: string; readonly reason: string }[];
}
