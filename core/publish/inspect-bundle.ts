import { BUNDLE_FILE } from '#core/attestation/media-type.ts';
import type { PointerSigner } from '#core/attestation/pointer.ts';
import { parseStrictJson } from '#core/attestation/strict-json.ts';
import type { Digest } from '#core/digest/sha256.ts';
import { errorText, isAssayError } from '#core/error.ts';
import type { BundleFiles } from '#core/verify/materialize/bundle-files.ts';
import type { SignatureCandidate } from '#core/verify/materialize/materialized.ts';
import { readClaims } from './signature-claims.ts';

/** What a bundle says about itself, unjudged. */
export interface Inspection {
  readonly files: readonly { readonly path: string; readonly size: number; readonly digest: Digest }[];
  /** Predicate of the unsigned statement, as it stands there. */
  readonly predicate?: unknown;
  readonly signatures: readonly ClaimedBy[];
}

/** One attached signature: who it claims to be of, or why it cannot be read. */
export interface ClaimedBy {
  readonly origin: string;
  readonly signer?: PointerSigner;
  readonly subject?: string;
  readonly problem?: string;
}

/** Looks at a bundle without a verdict: nothing in the result was checked but the digests of the files. */
export async function inspectBundle(files: BundleFiles, signatures: readonly SignatureCandidate[]): Promise<Inspection> {
  const listed = [...files]
    .map(([path, { size, digest }]) => ({ path, size, digest }))
    .sort((left, right) => (left.path < right.path ? -1 : 1));
  const predicate = predicateOf(files);
  const claims: ClaimedBy[] = [];
  for (const candidate of signatures) claims.push(await claimOf(candidate));
  return { files: listed, ...(predicate === undefined ? {} : { predicate }), signatures: claims };
}

async function claimOf({ origin, load }: SignatureCandidate): Promise<ClaimedBy> {
  try {
    const { signer, subject } = readClaims(await load());
    return { origin, signer, subject };
  } catch (error) {
    if (isAssayError(error) && error.exit === 2) return { origin, problem: errorText(error) };
    throw error;
  }
}

function predicateOf(files: BundleFiles): unknown {
  const bytes = files.get(BUNDLE_FILE.statement)?.bytes;
  if (bytes === undefined) return undefined;
  try {
    return (parseStrictJson(bytes, BUNDLE_FILE.statement) as { predicate?: unknown } | null)?.predicate;
  } catch (error) {
    if (isAssayError(error)) return undefined;
    throw error;
  }
}
