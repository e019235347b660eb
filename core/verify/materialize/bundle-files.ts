import { createHash } from 'node:crypto';
import { BUNDLE_FILE, SIZE_LIMIT } from '#core/attestation/media-type.ts';
import { COVERAGE_FILE, NODES_FILE } from '#core/attestation/nodes.ts';
import { finishSha256, type Digest } from '#core/digest/sha256.ts';
import { shown } from '../foreign-text.ts';
import { Refusal } from '../refusal.ts';

/** One plain file of a bundle: read once, so that what is digested is what is looked at. */
export interface BundleFile {
  readonly size: number;
  readonly digest: Digest;
  /** Exact bytes; absent for files that no step reads, and for those over the limit of what is read. */
  readonly bytes?: Uint8Array;
}

/** The files of a bundle by slash path below the bundle directory. */
export type BundleFiles = ReadonlyMap<string, BundleFile>;

/** Every limit on an input, so that a hostile one costs a bounded amount of memory and time. */
export const LIMIT = {
  /** Files and directories; a bundle has about ten. */
  entries: 10_000,
  /** Levels below the bundle directory. */
  depth: 8,
  pathBytes: 512,
  /** All files together, unpacked. */
  totalBytes: 256 << 20,
  /** An archive or layer as it is stored. */
  packedBytes: 128 << 20,
  /** Unpacked to packed, looked at above {@link LIMIT.ratioFrom}: JSON reports reach about 60. */
  ratio: 250,
  ratioFrom: 4 << 20,
} as const;

const YAML_READ = 4 << 20;
/** Values that are read of a recipe or snapshot; the largest recipe has some thousand. */
export const YAML_VALUES = 100_000;
const JSON_READ = 16 << 20;
const CTRF_PATH = /^ctrf\/[a-z]+\.json$/;

/** Bytes up to which a file is kept for reading; undefined for files that are only hashed. */
const READ_LIMIT: Readonly<Record<string, number>> = {
  [BUNDLE_FILE.recipe]: YAML_READ,
  [BUNDLE_FILE.snapshot]: YAML_READ,
  [BUNDLE_FILE.bom]: SIZE_LIMIT.bom,
  [BUNDLE_FILE.manifest]: SIZE_LIMIT.manifest,
  [BUNDLE_FILE.statement]: SIZE_LIMIT.statement,
  [BUNDLE_FILE.signature]: SIZE_LIMIT.sigstoreBundle,
  [NODES_FILE]: JSON_READ,
  [COVERAGE_FILE]: JSON_READ,
};

/** Counts what an input brings and refuses what is over a limit, before it is stored. */
export class Budget {
  #entries = 0;
  #bytes = 0;

  /** @throws Refusal LIMIT_EXCEEDED */
  addEntry(): void {
    this.#entries += 1;
    if (this.#entries > LIMIT.entries) throw new Refusal('LIMIT_EXCEEDED', `the input has more than ${LIMIT.entries} entries`);
  }

  /** @throws Refusal LIMIT_EXCEEDED */
  addBytes(count: number): void {
    this.#bytes += count;
    if (this.#bytes > LIMIT.totalBytes) throw new Refusal('LIMIT_EXCEEDED', `the input unpacks to more than ${LIMIT.totalBytes >> 20} MiB`);
  }
}

/**
 * Reads one file to its end, hashing it and keeping its bytes when a step will read them.
 * @param path below the bundle directory, already checked
 * @param chunks the file's bytes, in order
 * @throws Refusal LIMIT_EXCEEDED
 */
export async function collectFile(
  path: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  budget: Budget,
): Promise<BundleFile> {
  const hash = createHash('sha256');
  const limit = readLimit(path);
  const kept: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    budget.addBytes(chunk.byteLength);
    size += chunk.byteLength;
    hash.update(chunk);
    if (size <= limit) kept.push(chunk);
    else kept.length = 0;
  }
  const digest = finishSha256(hash);
  return size <= limit
    ? { size, digest, bytes: kept.length === 1 && kept[0] !== undefined ? kept[0] : Buffer.concat(kept, size) }
    : { size, digest };
}

/** Bytes up to which the file is kept for reading; 0 for files that are only hashed. */
export function readLimit(path: string): number {
  const limit = Object.hasOwn(READ_LIMIT, path) ? READ_LIMIT[path] : undefined;
  return limit ?? (CTRF_PATH.test(path) ? SIZE_LIMIT.ctrf : 0);
}

/** Path without the bundle directory's own name in front. */
export function belowBundle(path: string): string {
  return path.startsWith(BUNDLE_PREFIX) ? path.slice(BUNDLE_PREFIX.length) : path;
}

/** How the paths of an archive of an output directory begin. */
export const BUNDLE_PREFIX = 'summary-bundle/';

/**
 * The files of the bundle in an archive or artifact: at the root, or below `summary-bundle/`.
 * @throws Refusal BUNDLE_INCOMPLETE
 */
export function bundleOf(files: BundleFiles): BundleFiles {
  if (isBundle(files)) return files;
  const below = new Map([...files].filter(([path]) => path.startsWith(BUNDLE_PREFIX)).map(([path, file]) => [belowBundle(path), file]));
  if (isBundle(below)) return below;
  const names = [...files.keys()].slice(0, 8).map((path) => shown(path, 60));
  throw new Refusal(
    'BUNDLE_INCOMPLETE',
    `no ${BUNDLE_FILE.recipe} beside a ${BUNDLE_FILE.manifest} in the input, which holds: ${names.join(', ') || 'nothing'}`,
  );
}

function isBundle(files: BundleFiles): boolean {
  return files.has(BUNDLE_FILE.recipe) && files.has(BUNDLE_FILE.manifest);
}
