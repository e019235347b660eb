import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { bareHex, isDigest, sha256, type Digest } from '#core/digest/sha256.ts';
import { AssayError, isAssayError, systemCode } from '#core/error.ts';
import { writeFileAtomically } from './atomic-file.ts';
import { bytesSource, collectPieces, fileSource, readFilePieces, verifiedPieces, type BlobSource } from './blob-source.ts';
import { REF_NAME, type Descriptor, type OciIndex, type OciManifest } from './descriptor.ts';
import { EMPTY_INDEX, findDescriptor, tagsOf, withManifest, withTag } from './layout-index.ts';
import { readFailure } from './file-failure.ts';
import { MANIFEST_LIMIT, parseIndex, parseManifest } from './parse-manifest.ts';
import type { ArtifactStore, ManifestUpload, StoredManifest } from './store.ts';

const LAYOUT_FILE = 'oci-layout';
const LAYOUT_TEXT = '{"imageLayoutVersion":"1.0.0"}\n';
const INDEX_FILE = 'index.json';

/** One writer at a time per directory in this process, because the index is read, changed and written. */
const writers = new Map<string, Promise<unknown>>();

/**
 * An OCI image layout directory as a store; written to, it comes into being. Two processes must not write one directory at once.
 * @param directory absolute path
 * @source OCI image specification 1.1, image-layout
 */
export function layoutStore(directory: string): ArtifactStore {
  return {
    name: `oci-layout:${directory}`,
    hasBlob: async (digest) => (await sizeOf(blobPath(directory, digest))) !== undefined,
    getBlob: (descriptor) => readBlob(directory, descriptor),
    getManifest: (reference) => readManifest(directory, reference),
    resolve: async (reference) => findDescriptor(await readIndex(directory), reference),
    referrers: (subject) => findReferrers(directory, subject),
    listTags: async () => tagsOf(await readIndex(directory)),
    putBlob: (blob) => writeBlob(directory, blob),
    putManifest: (upload) => writeManifest(directory, upload),
    tag: (digest, tag) => changeIndex(directory, (index) => withTag(index, digest, tag)),
  };
}

/** True when the path is an OCI image layout directory. */
export async function isLayoutDirectory(path: string): Promise<boolean> {
  return (await sizeOf(join(path, LAYOUT_FILE))) !== undefined && (await sizeOf(join(path, INDEX_FILE))) !== undefined;
}

async function readBlob(directory: string, { digest, size }: Pick<Descriptor, 'digest' | 'size'>): Promise<Uint8Array> {
  const path = blobPath(directory, digest);
  const stored = await sizeOf(path);
  if (stored === undefined) throw notFound(directory, digest);
  if (stored !== size) throw new AssayError('DIGEST_MISMATCH', `${path} has ${stored} bytes where ${size} were expected`);
  return collectPieces(verifiedPieces(readFilePieces(path), { digest, size }, path));
}

async function readManifest(directory: string, reference: string): Promise<StoredManifest> {
  const descriptor = findDescriptor(await readIndex(directory), reference) ?? (await unlistedDescriptor(directory, reference));
  if (descriptor === undefined) throw notFound(directory, reference);
  if (descriptor.size > MANIFEST_LIMIT)
    throw new AssayError(
      'ARTIFACT_INVALID',
      `the manifest ${descriptor.digest} has ${descriptor.size} bytes, the limit is ${MANIFEST_LIMIT}`,
    );
  return { descriptor, bytes: await readBlob(directory, descriptor) };
}

/** A manifest may be stored without being listed: nested in another index. Its own bytes then say what it is. */
async function unlistedDescriptor(directory: string, reference: string): Promise<Descriptor | undefined> {
  if (!isDigest(reference)) return undefined;
  const size = await sizeOf(blobPath(directory, reference));
  if (size === undefined || size > MANIFEST_LIMIT) return undefined;
  const { mediaType, artifactType } = parseManifest(await readBlob(directory, { digest: reference, size }));
  return { mediaType, digest: reference, size, ...(artifactType === undefined ? {} : { artifactType }) };
}

async function findReferrers(directory: string, subject: Digest): Promise<readonly Descriptor[]> {
  const found = new Map<Digest, Descriptor>();
  for (const descriptor of await listedManifests(directory, subject)) {
    const manifest = await readIfManifest(directory, descriptor);
    if (manifest?.subject?.digest !== subject) continue;
    const artifactType = manifest.artifactType ?? manifest.config.mediaType;
    const { mediaType, digest, size } = descriptor;
    found.set(digest, {
      mediaType,
      digest,
      size,
      artifactType,
      ...(manifest.annotations === undefined ? {} : { annotations: manifest.annotations }),
    });
  }
  return [...found.values()];
}

/** Undefined for what is absent (a layout may be sparse) or is no image manifest; damaged bytes are an error. */
async function readIfManifest(directory: string, descriptor: Descriptor): Promise<OciManifest | undefined> {
  try {
    return parseManifest((await readManifest(directory, descriptor.digest)).bytes);
  } catch (error) {
    if (isAssayError(error) && error.code !== 'DIGEST_MISMATCH') return undefined;
    throw error;
  }
}

/** What the index lists, and what the fallback tag of the subject lists, as tools without referrers support write it. */
async function listedManifests(directory: string, subject: Digest): Promise<readonly Descriptor[]> {
  const { manifests } = await readIndex(directory);
  const fallback = manifests.find((entry) => entry.annotations?.[REF_NAME] === `sha256-${bareHex(subject)}`);
  if (fallback === undefined) return manifests;
  return [...manifests, ...parseIndex(await readBlob(directory, fallback)).manifests];
}

async function writeBlob(directory: string, blob: BlobSource): Promise<void> {
  const path = blobPath(directory, blob.digest);
  if ((await sizeOf(path)) === blob.size && (await fileSource(path)).digest === blob.digest) return;
  await writeFileAtomically(path, verifiedPieces(blob.read(), blob, 'the blob being stored'));
}

async function writeManifest(directory: string, upload: ManifestUpload): Promise<Descriptor> {
  const { bytes, mediaType, artifactType } = upload;
  const descriptor = { mediaType, digest: sha256(bytes), size: bytes.length, ...(artifactType === undefined ? {} : { artifactType }) };
  await writeBlob(directory, bytesSource(bytes));
  await changeIndex(directory, (index) => withManifest(index, descriptor));
  return descriptor;
}

async function changeIndex(directory: string, change: (index: OciIndex) => OciIndex): Promise<void> {
  const turn = (writers.get(directory) ?? Promise.resolve())
    .catch(() => undefined)
    .then(async () => {
      const index = await readIndex(directory);
      const changed = change(index);
      if (changed === index) return;
      await writeFileAtomically(join(directory, LAYOUT_FILE), [Buffer.from(LAYOUT_TEXT)]);
      await writeFileAtomically(join(directory, INDEX_FILE), [Buffer.from(`${JSON.stringify(changed, null, 2)}\n`)]);
    });
  writers.set(directory, turn);
  await turn;
}

async function readIndex(directory: string): Promise<OciIndex> {
  const path = join(directory, INDEX_FILE);
  const size = await sizeOf(path);
  if (size === undefined) return EMPTY_INDEX;
  if (size > MANIFEST_LIMIT) throw new AssayError('ARTIFACT_INVALID', `${path} has ${size} bytes, the limit is ${MANIFEST_LIMIT}`);
  return parseIndex(await readFile(path));
}

/** Size of a regular file, or undefined when there is none. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : undefined;
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT' || systemCode(cause) === 'ENOTDIR') return undefined;
    throw readFailure(path, cause);
  }
}

function blobPath(directory: string, digest: Digest): string {
  return join(directory, 'blobs', 'sha256', bareHex(digest));
}

function notFound(directory: string, reference: string): AssayError {
  return new AssayError('ARTIFACT_NOT_FOUND', `the layout ${directory} has no ${reference}`, {
    hint: 'Check the directory and the tag or digest.',
  });
}
