import { OCI_INDEX_TYPE } from '#core/attestation/media-type.ts';
import { isDigest, type Digest } from '#core/digest/sha256.ts';
import { AssayError } from '#core/error.ts';
import { REF_NAME, type Descriptor, type OciIndex } from './descriptor.ts';

/** The index of a layout that holds nothing yet. */
export const EMPTY_INDEX: OciIndex = { schemaVersion: 2, mediaType: OCI_INDEX_TYPE, manifests: [] };

/** The entry that a tag or digest names. */
export function findDescriptor({ manifests }: OciIndex, reference: string): Descriptor | undefined {
  return manifests.find((entry) => (isDigest(reference) ? entry.digest === reference : tagOf(entry) === reference));
}

/** Every tag of the layout, sorted. */
export function tagsOf({ manifests }: OciIndex): readonly string[] {
  return manifests.flatMap((entry) => tagOf(entry) ?? []).sort();
}

/** Lists a manifest, unless it is listed already. */
export function withManifest(index: OciIndex, descriptor: Descriptor): OciIndex {
  const known = index.manifests.some((entry) => entry.digest === descriptor.digest);
  return known ? index : { ...index, manifests: [...index.manifests, descriptor] };
}

/**
 * Gives a tag to a listed manifest; whoever had the tag before stays listed without it.
 * @throws ARTIFACT_NOT_FOUND when the index does not list the manifest
 */
export function withTag(index: OciIndex, digest: Digest, tag: string): OciIndex {
  const target = index.manifests.find((entry) => entry.digest === digest);
  if (target === undefined) throw new AssayError('ARTIFACT_NOT_FOUND', `cannot tag ${digest}: the layout does not list it`);
  if (findDescriptor(index, tag)?.digest === digest) return index;
  const freed = index.manifests.map((entry) => (tagOf(entry) === tag ? withoutTag(entry) : entry));
  const tagged = { ...target, annotations: { ...target.annotations, [REF_NAME]: tag } };
  return { ...index, manifests: dropRepeated([...freed, tagged]) };
}

/** An untagged entry says nothing when the same manifest is listed elsewhere. */
function dropRepeated(manifests: readonly Descriptor[]): readonly Descriptor[] {
  const listed = new Set(manifests.filter((entry) => tagOf(entry) !== undefined).map((entry) => entry.digest));
  return manifests.filter((entry) => {
    if (tagOf(entry) !== undefined) return true;
    const first = !listed.has(entry.digest);
    listed.add(entry.digest);
    return first;
  });
}

function withoutTag({ annotations, ...entry }: Descriptor): Descriptor {
  const { [REF_NAME]: _tag, ...others } = annotations ?? {};
  return Object.keys(others).length === 0 ? entry : { ...entry, annotations: others };
}

function tagOf(entry: Descriptor): string | undefined {
  return entry.annotations?.[REF_NAME];
}
