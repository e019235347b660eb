import { AssayError } from '#core/error.ts';
import type { ArtifactReader } from './store.ts';

/** Tags that stand for the referrers of a digest, not for an artifact. */
const FALLBACK_TAG = /^sha256-[0-9a-f]{64}$/;
const MAX_NAMED = 8;

/** The tags of a store that name artifacts, sorted. */
export async function artifactTags(store: ArtifactReader): Promise<readonly string[]> {
  return (await store.listTags()).filter((tag) => !FALLBACK_TAG.test(tag));
}

/**
 * The tag of a store that has exactly one, for inputs that name none.
 * @throws REFERENCE_INVALID
 */
export async function onlyTag(store: ArtifactReader): Promise<string> {
  const tags = await artifactTags(store);
  const [only] = tags;
  if (only !== undefined && tags.length === 1) return only;
  const known = tags.slice(0, MAX_NAMED).join(', ') || 'none';
  throw new AssayError('REFERENCE_INVALID', `${store.name} has ${tags.length} tags, and none was named`, {
    hint: `Add :TAG or @sha256:…; there are: ${known}.`,
  });
}
