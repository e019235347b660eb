import { setTimeout as sleep } from 'node:timers/promises';
import { OCI_INDEX_TYPE } from '#core/attestation/media-type.ts';
import { bareHex, type Digest } from '#core/digest/sha256.ts';
import { AssayError } from '#core/error.ts';
import { readAnswer } from '#core/http/send.ts';
import type { Descriptor } from '../descriptor.ts';
import { MANIFEST_LIMIT, parseIndex } from '../parse-manifest.ts';
import { fetchManifest, resolveManifest, storeManifest } from './registry-manifests.ts';
import { readPages } from './read-pages.ts';
import type { RegistryClient } from './registry-client.ts';

const OK = 200;
/** What registries without the referrers API answer. */
const NO_API = [404, 400, 405, 501];
const NOBODY = `sha256:${'0'.repeat(64)}`;
const WRITE_ATTEMPTS = 6;
const SETTLE_MS = 40;
const INDEX_HEADERS = { accept: OCI_INDEX_TYPE };

/** One writer per fallback tag in this process. */
const writers = new Map<string, Promise<unknown>>();

/**
 * Manifests that refer to a subject: by the referrers API, or by the fallback tag where there is none. Registries may ignore
 * filters and misreport artifact types, so nothing is filtered here.
 * @source OCI distribution specification 1.1, "Listing Referrers"
 */
export async function listReferrers(client: RegistryClient, subject: Digest): Promise<readonly Descriptor[]> {
  const pages = await readPages(client, {
    target: `referrers/${subject}`,
    headers: INDEX_HEADERS,
    accept: [OK, ...NO_API],
    action: `list what refers to ${subject}`,
    read: async (answer) => (answer.status === OK ? parseIndex(await readAnswer(answer, MANIFEST_LIMIT)).manifests : undefined),
  });
  return pages === undefined ? await readFallback(client, fallbackTag(subject)) : pages.flat();
}

/** True when the registry serves the referrers API; asked, because what answers to pushes claim is not reliable. */
export async function servesReferrers(client: RegistryClient): Promise<boolean> {
  const action = 'ask for the referrers API';
  const { status } = await client.head({
    method: 'GET',
    target: `referrers/${NOBODY}`,
    headers: INDEX_HEADERS,
    accept: [OK, ...NO_API],
    action,
    access: 'pull',
  });
  return status === OK;
}

/**
 * Adds a referrer to the fallback tag of its subject. The tag is read, changed and written without any lock that other
 * programs would see, so it is read again afterwards until the entry is there.
 * @throws REGISTRY_REFUSED when others keep overwriting it
 * @source OCI distribution specification 1.1, "Referrers Tag Schema"
 */
export async function addToFallbackTag(client: RegistryClient, subject: Digest, referrer: Descriptor): Promise<void> {
  const key = `${client.host}/${client.repository}@${subject}`;
  const turn = (writers.get(key) ?? Promise.resolve())
    .catch(() => undefined)
    .then(() => addUntilThere(client, fallbackTag(subject), referrer));
  writers.set(key, turn);
  await turn;
}

async function addUntilThere(client: RegistryClient, tag: string, referrer: Descriptor): Promise<void> {
  for (let attempt = 0; attempt < WRITE_ATTEMPTS; attempt++) {
    const manifests = await readFallback(client, tag);
    if (manifests.some(({ digest }) => digest === referrer.digest)) return;
    const index = { schemaVersion: 2, mediaType: OCI_INDEX_TYPE, manifests: [...manifests, referrer] };
    await storeManifest(client, { bytes: Buffer.from(JSON.stringify(index)), mediaType: OCI_INDEX_TYPE }, tag);
    await sleep(SETTLE_MS * attempt * Math.random());
  }
  if ((await readFallback(client, tag)).some(({ digest }) => digest === referrer.digest)) return;
  throw new AssayError('REGISTRY_REFUSED', `others keep changing the tag ${tag} of ${client.host}/${client.repository}`, {
    hint: 'Run the same command again; let one writer at a time attach signatures.',
  });
}

async function readFallback(client: RegistryClient, tag: string): Promise<readonly Descriptor[]> {
  if ((await resolveManifest(client, tag)) === undefined) return [];
  return parseIndex((await fetchManifest(client, tag)).bytes).manifests;
}

function fallbackTag(subject: Digest): string {
  return `sha256-${bareHex(subject)}`;
}
