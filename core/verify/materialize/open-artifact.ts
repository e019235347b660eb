import { addressGuard, type HostOrigin } from '#core/http/address-guard.ts';
import { OCI_MANIFEST_TYPE } from '#core/attestation/media-type.ts';
import { isLayoutDirectory, layoutStore } from '#core/oci/layout.ts';
import { parseReference, type ArtifactReference, type RegistryReference } from '#core/oci/reference.ts';
import { registryStore } from '#core/oci/registry/registry-store.ts';
import type { ArtifactReader } from '#core/oci/store.ts';
import { shown } from '../foreign-text.ts';
import { Refusal } from '../refusal.ts';
import type { VerifyOptions } from '../verify-options.ts';
import { readArtifact, type ReadArtifact } from './read-artifact.ts';

/** An artifact, and whether the user or a file named it. */
export interface ArtifactInput {
  readonly target: string;
  readonly chosenBy: HostOrigin;
}

/**
 * Reads an artifact from a registry or a layout directory.
 * @param input.target OCI reference or `oci-layout:DIRECTORY[:TAG][@DIGEST]`
 * @throws Refusal TAG_ONLY, OFFLINE_INPUT and what reading throws; AssayError of the reference and the reader
 */
export async function openArtifact(
  { target: text, chosenBy }: ArtifactInput,
  options: VerifyOptions,
): Promise<ReadArtifact & { readonly place: string }> {
  const reference = parseReference(text);
  const { reader, named } = await openReader(reference, { ...options, chosenBy });
  const target = reference.digest ?? named ?? reference.tag;
  if (target === undefined) throw new Refusal('REFERENCE_INVALID', `${shown(text)} names neither tag nor digest`);
  return { ...(await readArtifact(reader, target)), place: text };
}

type ReaderOptions = VerifyOptions & Pick<ArtifactInput, 'chosenBy'>;

async function openReader(
  reference: ArtifactReference,
  options: ReaderOptions,
): Promise<{ readonly reader: ArtifactReader; readonly named?: string }> {
  if (reference.kind === 'layout') {
    if (!(await isLayoutDirectory(reference.directory)))
      throw new Refusal('INPUT_NOT_FOUND', `${shown(reference.directory)} is no OCI layout directory`);
    const reader = layoutStore(reference.directory);
    return reference.digest === undefined && reference.tag === undefined ? { reader, named: await onlyArtifact(reader) } : { reader };
  }
  const { digest, tag, registry } = reference;
  if (digest === undefined && tag === undefined)
    throw new Refusal('REFERENCE_INVALID', `${shown(registry)}/${shown(reference.repository)} names neither tag nor digest`);
  if (digest === undefined && options.allowUnpinnedTag !== true)
    throw new Refusal('TAG_ONLY', `the reference names only the tag ${shown(tag)}`, {
      hint: 'Add @sha256:…, or accept that the tag may move with --allow-unpinned-tag.',
    });
  if (options.offline === true)
    throw new Refusal('OFFLINE_INPUT', `${shown(registry)} is a registry, and --offline forbids going there`, {
      hint: 'Fetch it first with: assay pull',
    });
  return { reader: openRegistry(reference, options) };
}

/** Nobody but the user sends us to private addresses. */
function openRegistry(reference: RegistryReference, { registry = {}, chosenBy }: ReaderOptions): ArtifactReader {
  const allowPrivate = registry.plainHttp === true || registry.insecureTls === true;
  return registryStore(reference, { ...registry, guard: addressGuard({ host: reference.registry, origin: chosenBy, allowPrivate }) });
}

/** A layout given without tag or digest must hold one artifact. */
async function onlyArtifact(reader: ArtifactReader): Promise<string> {
  const tags = await reader.listTags();
  const descriptors = await Promise.all(tags.map((tag) => reader.resolve(tag)));
  const digests = new Set(descriptors.flatMap((found) => (found?.mediaType === OCI_MANIFEST_TYPE ? [found.digest] : [])));
  const [only, second] = digests;
  if (only === undefined || second !== undefined)
    throw new Refusal('REFERENCE_INVALID', `${shown(reader.name)} holds ${digests.size} tagged artifacts; name one`, {
      hint: `Tags: ${tags.slice(0, 8).join(', ') || 'none'}`,
    });
  return only;
}
