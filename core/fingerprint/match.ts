/** Outcome of one criteria dimension against a fingerprint. */
export interface DimensionMatch {
  readonly dimension: 'service' | 'accelerator' | 'os' | 'intent' | 'platform' | 'nodes';
  readonly recipeRequires?: string;
  readonly fingerprintProvides?: string;
  readonly match: 'matched' | 'mismatched' | 'unknown';
}

/** Match of a recipe's criteria against a fingerprint; `matched` = nothing is mismatched. */
export interface CriteriaMatch {
  readonly matched: boolean;
  readonly perDimension: readonly DimensionMatch[];
}
