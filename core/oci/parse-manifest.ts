import { OCI_INDEX_TYPE, OCI_MANIFEST_TYPE } from '#core/attestation/media-type.ts';
import { parseStrictJson } from '#core/attestation/strict-json.ts';
import { isDigest } from '#core/digest/sha256.ts';
import { AssayError } from '#core/error.ts';
import type { Descriptor, OciIndex, OciManifest } from './descriptor.ts';

/** Manifests over this size are not read; registries refuse them too. */
export const MANIFEST_LIMIT = 4 << 20;
const MAX_ENTRIES = 10_000;
const DOCKER_MANIFEST_TYPE = 'application/vnd.docker.distribution.manifest.v2+json';
const DOCKER_LIST_TYPE = 'application/vnd.docker.distribution.manifest.list.v2+json';

/** Every manifest type that a registry may answer with. */
export const MANIFEST_TYPES: readonly string[] = [OCI_INDEX_TYPE, OCI_MANIFEST_TYPE, DOCKER_MANIFEST_TYPE, DOCKER_LIST_TYPE];

/**
 * Reads an image manifest. Keys it does not know are left alone: the bytes stay the truth, this is a view of them.
 * @throws JSON_INVALID, ARTIFACT_INVALID
 * @source OCI image specification 1.1, image-manifest
 */
export function parseManifest(bytes: Uint8Array): OciManifest {
  const value = parseObject(bytes, 'the manifest');
  if (value['mediaType'] !== undefined && value['mediaType'] !== OCI_MANIFEST_TYPE && value['mediaType'] !== DOCKER_MANIFEST_TYPE)
    throw invalid(`the manifest has the media type ${JSON.stringify(value['mediaType'])}, an image manifest was expected`);
  return {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST_TYPE,
    ...textField(value, 'artifactType'),
    config: parseDescriptor(value['config'], 'config'),
    layers: parseDescriptors(value['layers'], 'layers'),
    ...(value['subject'] === undefined ? {} : { subject: parseDescriptor(value['subject'], 'subject') }),
    ...annotationsField(value, 'the manifest'),
  };
}

/**
 * Reads an image index (also `index.json` of a layout and the answer of the referrers API).
 * @throws JSON_INVALID, ARTIFACT_INVALID
 * @source OCI image specification 1.1, image-index
 */
export function parseIndex(bytes: Uint8Array): OciIndex {
  const value = parseObject(bytes, 'the index');
  return { schemaVersion: 2, mediaType: OCI_INDEX_TYPE, manifests: parseDescriptors(value['manifests'] ?? [], 'manifests') };
}

function parseObject(bytes: Uint8Array, what: string): Record<string, unknown> {
  if (bytes.length > MANIFEST_LIMIT) throw invalid(`${what} has ${bytes.length} bytes, the limit is ${MANIFEST_LIMIT}`);
  const value = parseStrictJson(bytes, what);
  if (!isObject(value)) throw invalid(`${what} is not a JSON object`);
  if (value['schemaVersion'] !== 2) throw invalid(`${what} has schemaVersion ${JSON.stringify(value['schemaVersion'])}, not 2`);
  return value;
}

function parseDescriptors(value: unknown, path: string): readonly Descriptor[] {
  if (!Array.isArray(value) || value.length > MAX_ENTRIES) throw invalid(`${path} is not a list of at most ${MAX_ENTRIES} descriptors`);
  return value.map((entry, index) => parseDescriptor(entry, `${path}[${index}]`));
}

function parseDescriptor(value: unknown, path: string): Descriptor {
  if (!isObject(value)) throw invalid(`${path} is not a descriptor`);
  const { mediaType, digest, size } = value;
  if (typeof mediaType !== 'string') throw invalid(`${path}.mediaType is not a string`);
  if (!isDigest(digest)) throw invalid(`${path}.digest is not a whole sha256 digest: ${JSON.stringify(digest)}`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw invalid(`${path}.size is not a number of bytes`);
  return { mediaType, digest, size, ...textField(value, 'artifactType'), ...annotationsField(value, path) };
}

function textField<K extends string>(value: Record<string, unknown>, key: K): { readonly [P in K]?: string } {
  const text = value[key];
  if (text === undefined || text === null || text === '') return {};
  if (typeof text !== 'string') throw invalid(`${key} is not a string`);
  return { [key]: text } as { readonly [P in K]?: string };
}

function annotationsField(value: Record<string, unknown>, path: string): { annotations?: Record<string, string> } {
  const annotations = value['annotations'];
  if (annotations === undefined || annotations === null) return {};
  if (!isObject(annotations) || Object.values(annotations).some((text) => typeof text !== 'string'))
    throw invalid(`the annotations of ${path} are not texts`);
  return { annotations: annotations as Record<string, string> };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(message: string): AssayError {
  return new AssayError('ARTIFACT_INVALID', message);
}
