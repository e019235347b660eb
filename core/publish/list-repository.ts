import { ARTIFACT_TYPE, BUNDLE_FILE, SIGSTORE_BUNDLE_TYPE } from '#core/attestation/media-type.ts';
import { parseStrictJson } from '#core/attestation/strict-json.ts';
import type { Digest } from '#core/digest/sha256.ts';
import { isAssayError } from '#core/error.ts';
import { TITLE, type OciManifest } from '#core/oci/descriptor.ts';
import { artifactTags } from '#core/oci/only-tag.ts';
import { parseManifest } from '#core/oci/parse-manifest.ts';
import type { ArtifactReader } from '#core/oci/store.ts';

/** One tag of a repository. */
export interface ListedArtifact {
  readonly tag: string;
  readonly digest: Digest;
  /** Evidence, or something else that lives in the repository. */
  readonly isEvidence: boolean;
  /** As the unsigned statement claims; absent when there is none to read. */
  readonly recipe?: string;
  readonly attestedAt?: string;
  /** Attached Sigstore bundles; not verified. */
  readonly signatures: number;
}

const PARALLEL = 4;
const MAX_STATEMENT = 1 << 20;

/** Everything a repository has by tag, in tag order. Nothing is verified but digests. */
export async function listRepository(store: ArtifactReader): Promise<readonly ListedArtifact[]> {
  const tags = await artifactTags(store);
  const waiting = [...tags];
  const found = new Map<string, ListedArtifact>();
  const worker = async (): Promise<void> => {
    for (let tag = waiting.shift(); tag !== undefined; tag = waiting.shift()) {
      const listed = await describe(store, tag);
      if (listed !== undefined) found.set(tag, listed);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return tags.flatMap((tag) => found.get(tag) ?? []);
}

/** @returns undefined when the tag vanished, or names no image manifest */
async function describe(store: ArtifactReader, tag: string): Promise<ListedArtifact | undefined> {
  const stored = await readManifest(store, tag);
  if (stored === undefined) return undefined;
  const { manifest, digest } = stored;
  const isEvidence = manifest.artifactType === ARTIFACT_TYPE || manifest.layers.some(isStatement);
  const referrers = isEvidence ? await store.referrers(digest) : [];
  const signatures = referrers.filter(({ artifactType }) => artifactType === SIGSTORE_BUNDLE_TYPE).length;
  return { tag, digest, isEvidence, ...(isEvidence ? await readClaims(store, manifest) : {}), signatures };
}

async function readManifest(store: ArtifactReader, tag: string): Promise<{ manifest: OciManifest; digest: Digest } | undefined> {
  try {
    const { bytes, descriptor } = await store.getManifest(tag);
    return { manifest: parseManifest(bytes), digest: descriptor.digest };
  } catch (error) {
    if (isAssayError(error) && error.exit === 2) return undefined;
    throw error;
  }
}

async function readClaims(store: ArtifactReader, manifest: OciManifest): Promise<Pick<ListedArtifact, 'recipe' | 'attestedAt'>> {
  const layer = manifest.layers.find(isStatement);
  if (layer === undefined || layer.size > MAX_STATEMENT) return {};
  try {
    const { predicate } = parseStrictJson(await store.getBlob(layer), BUNDLE_FILE.statement) as {
      predicate?: { recipe?: { name?: unknown }; attestedAt?: unknown };
    };
    return { ...textOf('recipe', predicate?.recipe?.name), ...textOf('attestedAt', predicate?.attestedAt) };
  } catch (error) {
    if (isAssayError(error) && error.exit === 2) return {};
    throw error;
  }
}

function isStatement({ annotations }: OciManifest['layers'][number]): boolean {
  return annotations?.[TITLE] === BUNDLE_FILE.statement;
}

function textOf<K extends string>(key: K, value: unknown): { [P in K]?: string } {
  return typeof value === 'string' ? ({ [key]: value } as { [P in K]?: string }) : {};
}
