import type { RegistryOptions } from '#core/oci/registry/credential.ts';

/** What a caller may ask of a verification; everything has a default. */
export interface VerifyOptions {
  /** Path of a Sigstore trusted root (JSON), or the parsed document; without it the public-good root is used. */
  readonly trustedRoot?: string | object;
  /** Exact OIDC issuer of the signer. */
  readonly expectedIssuer?: string;
  /** Exact certificate identity of the signer. */
  readonly expectedIdentity?: string;
  /** RE2 expression that must match the whole identity (unanchored with `upstream`). */
  readonly expectedIdentityRegexp?: string;
  /** An unsigned bundle is invalid. */
  readonly requireSignature?: boolean;
  /** Oldest acceptable evidence, in days. */
  readonly maxAgeDays?: number;
  /** Where the bundle of a pointer is, instead of where the pointer says: any input form. */
  readonly bundle?: string;
  readonly allowUnpinnedTag?: boolean;
  /** Make only the checks that upstream's verifier makes, as leniently. */
  readonly upstream?: boolean;
  /** Make no network call at all. */
  readonly offline?: boolean;
  /** Prove that this node (pseudonym) is in the signed tree. */
  readonly node?: string;
  /** How registries are talked to; credentials are looked up by the caller's function. */
  readonly registry?: RegistryOptions;
  /** Deadline of the whole verification. */
  readonly timeoutMs?: number;
  /** Now, in epoch milliseconds; this computer's clock by default. */
  readonly nowMs?: number;
  /** Recomputes the material slice of a recipe from a catalog; without it the slice is reported as not compared. */
  readonly materialSlice?: (recipeYaml: Uint8Array) => Promise<string>;
}

/** Oldest acceptable evidence: 24 months. @source maintainer runbook of recipe evidence, re-certification */
export const DEFAULT_MAX_AGE_DAYS = 731;
