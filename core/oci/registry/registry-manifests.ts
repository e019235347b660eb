import { isDigest, sha256, type Digest } from '#core/digest/sha256.ts';
import { AssayError } from '#core/error.ts';
import { readAnswer, type HttpAnswer } from '#core/http/send.ts';
import type { Descriptor } from '../descriptor.ts';
import { MANIFEST_LIMIT, MANIFEST_TYPES } from '../parse-manifest.ts';
import type { StoredManifest } from '../store.ts';
import type { RegistryClient } from './registry-client.ts';
import { wrongAnswer } from './registry-failure.ts';

const OK = 200;
const CREATED = 201;
const ACCEPTED = 202;
const NOT_FOUND = 404;
const ACCEPT = { accept: MANIFEST_TYPES.join(', ') };

/**
 * A manifest's exact bytes, checked against the digest that was asked for, or that the registry claims for a tag.
 * @throws ARTIFACT_NOT_FOUND, DIGEST_MISMATCH, the REGISTRY_* errors
 */
export async function fetchManifest(client: RegistryClient, reference: string): Promise<StoredManifest> {
  const action = `read the manifest ${reference}`;
  return client.call(
    { method: 'GET', target: `manifests/${reference}`, headers: ACCEPT, accept: [OK], action, access: 'pull' },
    async (answer) => {
      const bytes = await readAnswer(answer, MANIFEST_LIMIT);
      const digest = sha256(bytes);
      const claimed = isDigest(reference) ? reference : claimedDigest(answer);
      if (claimed !== undefined && claimed !== digest)
        throw new AssayError('DIGEST_MISMATCH', `${client.host} gave a manifest with the digest ${digest} where ${claimed} was expected`, {
          hint: 'The registry or something on the way to it changed the content; do not use it.',
        });
      return { descriptor: { mediaType: mediaTypeOf(answer), digest, size: bytes.length }, bytes };
    },
  );
}

/** Descriptor behind a tag or digest; registries that leave something out of a HEAD are asked for the manifest itself. */
export async function resolveManifest(client: RegistryClient, reference: string): Promise<Descriptor | undefined> {
  const action = `look for the manifest ${reference}`;
  const answer = await client.head({
    method: 'HEAD',
    target: `manifests/${reference}`,
    headers: ACCEPT,
    accept: [OK, NOT_FOUND],
    action,
    access: 'pull',
  });
  if (answer.status === NOT_FOUND) return undefined;
  const digest = claimedDigest(answer);
  const size = Number(answer.headers.get('content-length') ?? 0);
  if (digest === undefined || size === 0 || (isDigest(reference) && digest !== reference))
    return (await fetchManifest(client, reference)).descriptor;
  return { mediaType: mediaTypeOf(answer), digest, size };
}

/** Stores exact bytes under a tag or under their digest. @throws REGISTRY_REFUSED when the registry stored something else */
export async function storeManifest(
  client: RegistryClient,
  { bytes, mediaType }: { bytes: Uint8Array; mediaType: string },
  reference?: string,
): Promise<Digest> {
  const digest = sha256(bytes);
  const answer = await client.head({
    method: 'PUT',
    target: `manifests/${reference ?? digest}`,
    headers: { 'content-type': mediaType },
    body: bytes,
    accept: [OK, CREATED, ACCEPTED],
    action: `store the manifest ${reference ?? digest}`,
    access: 'pull,push',
  });
  const stored = claimedDigest(answer);
  if (stored !== undefined && stored !== digest) throw wrongAnswer(client.host, `stored ${stored} where ${digest} was sent`);
  return digest;
}

function claimedDigest({ headers }: Pick<HttpAnswer, 'headers'>): Digest | undefined {
  const claimed = headers.get('docker-content-digest');
  return isDigest(claimed) ? claimed : undefined;
}

function mediaTypeOf({ headers }: Pick<HttpAnswer, 'headers'>): string {
  return (headers.get('content-type') ?? '').split(';')[0]?.trim() ?? '';
}
