import { join } from 'node:path';
import { BUNDLE_FILE, SIZE_LIMIT } from '#core/attestation/media-type.ts';
import type { Predicate } from '#core/attestation/predicate.ts';
import type { Statement } from '#core/attestation/statement.ts';
import { parseStrictJson } from '#core/attestation/strict-json.ts';
import type { Digest } from '#core/digest/sha256.ts';
import { AssayError } from '#core/error.ts';
import { readFilePieces, verifiedPieces, type BlobSource } from '#core/oci/blob-source.ts';
import type { ArtifactReader } from '#core/oci/store.ts';
import type { BundleFiles } from '#core/verify/materialize/bundle-files.ts';
import { readArtifact } from '#core/verify/materialize/read-artifact.ts';
import { findBundleDirectory, readDirectory } from '#core/verify/materialize/read-directory.ts';
import { Refusal } from '#core/verify/refusal.ts';
import { checkInventory } from '#core/verify/step/inventory.ts';
import { readPredicate } from '#core/verify/step/predicate.ts';
import { packSources, type PackedArtifact } from './pack.ts';

/** A bundle whose files are exactly what its own statement says; nobody's word for it was checked. */
export interface LoadedBundle {
  readonly files: BundleFiles;
  /** The unsigned statement, as it stands in the bundle. */
  readonly statement: Statement;
  readonly predicate: Predicate;
}

/** A bundle in a directory. */
export interface LoadedDirectory extends LoadedBundle {
  readonly directory: string;
  readonly artifact: PackedArtifact;
  /** Bytes of `attestation.intoto.jsonl`, when there is one. */
  readonly signature?: Uint8Array;
}

/** A bundle in a store. */
export interface LoadedArtifact extends LoadedBundle {
  readonly digest: Digest;
}

/**
 * Reads a bundle directory for signing or publishing: what is inconsistent is refused, because nobody should vouch for it.
 * File contents are streamed, never held whole, but for the small ones that are looked at.
 * @param path the bundle directory, or the directory above `summary-bundle`
 * @throws BUNDLE_INVALID
 */
export async function loadDirectory(path: string): Promise<LoadedDirectory> {
  const directory = findBundleDirectory(path);
  if (directory === undefined) throw bundleInvalid(`${path} holds no ${BUNDLE_FILE.recipe} beside a ${BUNDLE_FILE.manifest}`);
  const files = await refused(() => readDirectory(directory));
  const bundle = checkBundle(files);
  const sources = new Map([...files].map(([name, { digest, size }]) => [name, fileOf(join(directory, name), { digest, size })]));
  const artifact = packSources(sources, { version: bundle.predicate.aicrVersion });
  const signature = files.get(BUNDLE_FILE.signature)?.bytes;
  return { ...bundle, directory, artifact, ...(signature === undefined ? {} : { signature }) };
}

/**
 * Reads a bundle from a store for signing.
 * @param reference tag or digest
 * @throws BUNDLE_INVALID, and what the store throws
 */
export async function loadArtifact(store: ArtifactReader, reference: string): Promise<LoadedArtifact> {
  const { files, artifactDigest } = await refused(() => readArtifact(store, reference));
  return { ...checkBundle(files), digest: artifactDigest };
}

function checkBundle(files: BundleFiles): LoadedBundle {
  try {
    const { predicate, outcome } = readPredicate({ files });
    const problems = [...(outcome.findings ?? []), ...(checkInventory(files, predicate, { lenient: false }).findings ?? [])];
    const [problem] = problems;
    if (problem !== undefined) throw bundleInvalid(`${problem.code}: ${problem.detail}`);
    return { files, predicate, statement: parseStrictJson(statementBytes(files), BUNDLE_FILE.statement) as Statement };
  } catch (error) {
    throw asInvalid(error);
  }
}

function statementBytes(files: BundleFiles): Uint8Array {
  const bytes = files.get(BUNDLE_FILE.statement)?.bytes;
  if (bytes === undefined) throw bundleInvalid(`${BUNDLE_FILE.statement} is missing or over ${SIZE_LIMIT.statement} bytes`);
  return bytes;
}

/** A file that must still be the one that was looked at when its turn to be sent comes. */
function fileOf(path: string, expected: { readonly digest: Digest; readonly size: number }): BlobSource {
  return { ...expected, read: () => verifiedPieces(readFilePieces(path), expected, path) };
}

async function refused<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw asInvalid(error);
  }
}

function asInvalid(error: unknown): unknown {
  return error instanceof Refusal ? bundleInvalid(`${error.finding.code}: ${error.finding.detail}`, error) : error;
}

function bundleInvalid(problem: string, cause?: unknown): AssayError {
  return new AssayError('BUNDLE_INVALID', `this bundle cannot be signed or published: ${problem}`, {
    cause,
    hint: 'Look at it with: assay verify',
  });
}
