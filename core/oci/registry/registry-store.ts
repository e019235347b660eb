import { sha256, type Digest } from '#core/digest/sha256.ts';
import { AssayError } from '#core/error.ts';
import { readAnswer } from '#core/http/send.ts';
import { collectPieces, verifiedPieces } from '../blob-source.ts';
import type { Descriptor } from '../descriptor.ts';
import type { RegistryReference } from '../reference.ts';
import type { ArtifactStore, ManifestUpload } from '../store.ts';
import type { RegistryOptions } from './credential.ts';
import { readPages } from './read-pages.ts';
import { RegistryClient } from './registry-client.ts';
import { wrongAnswer } from './registry-failure.ts';
import { fetchManifest, resolveManifest, storeManifest } from './registry-manifests.ts';
import { addToFallbackTag, listReferrers, servesReferrers } from './registry-referrers.ts';
import { hasRegistryBlob, uploadBlob } from './upload-blob.ts';

const OK = 200;
const NOT_FOUND = 404;
const TAGS_PER_PAGE = 1000;
const MAX_TAG_LIST = 4 << 20;

/**
 * A repository in a registry as a store.
 * @param reference tag and digest of it do not matter here
 */
export function registryStore(reference: Pick<RegistryReference, 'registry' | 'repository'>, options: RegistryOptions): ArtifactStore {
  const client = new RegistryClient(reference, options);
  let hasApi: Promise<boolean> | undefined;
  return {
    name: `${reference.registry}/${reference.repository}`,
    hasBlob: (digest) => hasRegistryBlob(client, digest),
    getBlob: (descriptor) => fetchBlob(client, descriptor),
    getManifest: (name) => fetchManifest(client, name),
    resolve: (name) => resolveManifest(client, name),
    referrers: (subject) => listReferrers(client, subject),
    listTags: () => listTags(client),
    putBlob: (blob) => uploadBlob(client, blob, options),
    putManifest: async (upload) => {
      const descriptor = await putManifest(client, upload);
      hasApi ??= servesReferrers(client);
      if (upload.subject !== undefined && !(await hasApi))
        await addToFallbackTag(client, upload.subject, fallbackEntry(descriptor, upload));
      return descriptor;
    },
    tag: (digest, tag) => putTag(client, digest, tag),
  };
}

async function fetchBlob(client: RegistryClient, expected: Pick<Descriptor, 'digest' | 'size'>): Promise<Uint8Array> {
  const action = `read the blob ${expected.digest}`;
  return client.call({ method: 'GET', target: `blobs/${expected.digest}`, accept: [OK], action, access: 'pull' }, (answer) =>
    collectPieces(verifiedPieces(answer.pieces(), expected, client.host)),
  );
}

async function putManifest(client: RegistryClient, { bytes, mediaType, artifactType }: ManifestUpload): Promise<Descriptor> {
  const expected = { mediaType, digest: sha256(bytes), size: bytes.length, ...(artifactType === undefined ? {} : { artifactType }) };
  if ((await resolveManifest(client, expected.digest)) === undefined) await storeManifest(client, { bytes, mediaType });
  return expected;
}

/** Entries of a fallback tag carry what the referrers API would have reported. */
function fallbackEntry(descriptor: Descriptor, { annotations }: ManifestUpload): Descriptor {
  return { ...descriptor, ...(annotations === undefined ? {} : { annotations }) };
}

async function putTag(client: RegistryClient, digest: Digest, tag: string): Promise<void> {
  if ((await resolveManifest(client, tag))?.digest === digest) return;
  const { bytes, descriptor } = await fetchManifest(client, digest);
  await storeManifest(client, { bytes, mediaType: descriptor.mediaType }, tag);
}

async function listTags(client: RegistryClient): Promise<readonly string[]> {
  const pages = await readPages(client, {
    target: `tags/list?n=${TAGS_PER_PAGE}`,
    accept: [OK, NOT_FOUND],
    action: 'list the tags',
    read: async (answer) => {
      if (answer.status === NOT_FOUND)
        throw new AssayError('ARTIFACT_NOT_FOUND', `${client.host} has no repository ${client.repository}`, {
          hint: 'Check the name; private registries answer so to strangers too.',
        });
      return tagsOf(client, await readAnswer(answer, MAX_TAG_LIST));
    },
  });
  return (pages ?? []).flat().sort();
}

function tagsOf(client: RegistryClient, bytes: Buffer): readonly string[] {
  try {
    const { tags } = JSON.parse(bytes.toString('utf8')) as { tags?: unknown };
    const list: readonly unknown[] = Array.isArray(tags) ? tags : [];
    if (list.every((tag) => typeof tag === 'string')) return list;
  } catch {
    // told below
  }
  throw wrongAnswer(client.host, 'answered with something that is not a list of tags');
}
