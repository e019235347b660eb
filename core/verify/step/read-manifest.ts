import { BUNDLE_FILE, SIZE_LIMIT, UNLISTED_FILES } from '#core/attestation/media-type.ts';
import { parseStrictJson } from '#core/attestation/strict-json.ts';
import { errorText } from '#core/error.ts';
import { isVisible, shown } from '../foreign-text.ts';
import { LIMIT, type BundleFiles } from '../materialize/bundle-files.ts';
import { Refusal } from '../refusal.ts';
import { decodeGo, parseGoJson, type GoShape } from '../upstream/go-decode.ts';

/** One line of an inventory. `size` is compared only when it is not undefined. */
export interface ListedFile {
  readonly path: string;
  readonly size?: number;
  /** Prefixed digest, or what stands in its place. */
  readonly digest: string;
}

const VERSION = /^1\.0(?:\..*)?$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const MANIFEST: GoShape = {
  fields: { schemaVersion: 'string', files: { list: { fields: { path: 'string', size: 'int', sha256: 'string', mediaType: 'string' } } } },
};

interface LooseManifest {
  readonly schemaVersion?: unknown;
  readonly files?: unknown;
}
interface LooseFile {
  readonly path?: unknown;
  readonly size?: unknown;
  readonly sha256?: unknown;
}

/**
 * Reads `manifest.json`: known version, at least one file, each path once and safe, sizes and digests in their form.
 * @param lenient as upstream: repeated entries, bare digests and sizes that say nothing are accepted
 * @throws Refusal MANIFEST_INVALID
 * @source recipe-evidence v1, manifest.json, "what the verifier accepts"
 */
export function readManifest(files: BundleFiles, { lenient }: { readonly lenient: boolean }): readonly ListedFile[] {
  const bytes = files.get(BUNDLE_FILE.manifest)?.bytes;
  if (bytes === undefined) throw invalid(`is over ${SIZE_LIMIT.manifest >> 20} MiB`);
  const { schemaVersion, files: listed } = parseDocument(bytes, lenient);
  if (typeof schemaVersion !== 'string' || !VERSION.test(schemaVersion))
    throw invalid(`has schema version ${shown(schemaVersion, 40)}, known is 1.0.x`);
  if (!Array.isArray(listed) || listed.length === 0 || listed.length > LIMIT.entries) throw invalid('has no list of files');
  const entries = listed.map((entry: LooseFile | null) => readEntry(entry ?? {}, lenient));
  const repeated = lenient ? undefined : firstRepeated(entries.map(({ path }) => path));
  if (repeated !== undefined) throw invalid(`lists ${shown(repeated)} twice`);
  return entries;
}

function parseDocument(bytes: Uint8Array, lenient: boolean): LooseManifest {
  try {
    const value = lenient
      ? decodeGo(parseGoJson(new TextDecoder().decode(bytes)), MANIFEST, 'manifest')
      : parseStrictJson(bytes, BUNDLE_FILE.manifest);
    if (typeof value === 'object' && value !== null) return value;
  } catch (cause) {
    throw new Refusal('MANIFEST_INVALID', errorText(cause), { cause });
  }
  throw invalid('is no JSON object');
}

function readEntry({ path, size, sha256 }: LooseFile, lenient: boolean): ListedFile {
  if (typeof path !== 'string' || !isLocalPath(path, lenient))
    throw invalid(`lists ${shown(path)}, which is no plain path inside the bundle`);
  if (!lenient && UNLISTED_FILES.includes(path)) throw invalid(`lists ${path}, which a manifest never does`);
  const digest = readDigest(sha256, lenient);
  if (digest === undefined) throw invalid(`gives ${shown(path)} the digest ${shown(sha256, 80)}`);
  if (lenient) return typeof size === 'number' && size > 0 ? { path, size, digest } : { path, digest };
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw invalid(`gives ${shown(path)} the size ${shown(size, 40)}`);
  return { path, size, digest };
}

/** Upstream also accepts a digest without its prefix. */
function readDigest(text: unknown, lenient: boolean): string | undefined {
  if (typeof text !== 'string') return undefined;
  const prefixed = lenient && !text.startsWith('sha256:') ? `sha256:${text}` : text;
  return lenient || DIGEST.test(prefixed) ? prefixed : undefined;
}

/** Upstream accepts whatever stays inside; here a path has one spelling. */
function isLocalPath(path: string, lenient: boolean): boolean {
  const parts = path.split('/');
  if (path === '' || path.startsWith('/') || parts.includes('..')) return false;
  return lenient || (isVisible(path) && parts.every((part) => part !== '' && part !== '.'));
}

function firstRepeated(paths: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return paths.find((path) => seen.size === seen.add(path).size);
}

function invalid(problem: string): Refusal {
  return new Refusal('MANIFEST_INVALID', `${BUNDLE_FILE.manifest} ${problem}`);
}
