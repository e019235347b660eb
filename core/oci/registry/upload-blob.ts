import { isAssayError } from '#core/error.ts';
import { DEFAULT_RETRY, pause } from '#core/http/retry.ts';
import type { BlobSource } from '../blob-source.ts';
import type { RegistryOptions } from './credential.ts';
import type { RegistryClient } from './registry-client.ts';
import { wrongAnswer } from './registry-failure.ts';

/** How blobs are sent. */
export type UploadOptions = Pick<RegistryOptions, 'chunkBytes' | 'mountFrom' | 'retries' | 'signal'>;

const CHUNK_BYTES = 64 << 20;
const OK = 200;
const CREATED = 201;
const ACCEPTED = 202;
const NOT_FOUND = 404;
const OCTETS = { 'content-type': 'application/octet-stream' };
const AGAIN: ReadonlySet<string> = new Set(['REGISTRY_UNAVAILABLE', 'REGISTRY_RATE_LIMITED']);

/** True when the repository has the blob. */
export async function hasRegistryBlob(client: RegistryClient, digest: string): Promise<boolean> {
  const { status } = await client.head({
    method: 'HEAD',
    target: `blobs/${digest}`,
    accept: [OK, NOT_FOUND],
    action: `look for the blob ${digest}`,
    access: 'pull',
  });
  return status === OK;
}

/**
 * Makes sure that the repository has a blob: does nothing when it has, mounts it from another repository when told to, else
 * sends it, whole or in pieces. An upload that was cut off is begun anew.
 * @throws the REGISTRY_* errors
 * @source OCI distribution specification 1.1, "Pushing blobs"
 */
export async function uploadBlob(client: RegistryClient, blob: BlobSource, options: UploadOptions): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    if (await hasRegistryBlob(client, blob.digest)) return;
    try {
      return await sendBlob(client, blob, options);
    } catch (error) {
      const isLast = attempt >= (options.retries ?? DEFAULT_RETRY.retries);
      if (isLast || !isAssayError(error) || !AGAIN.has(error.code)) throw error;
      await pause(DEFAULT_RETRY.baseDelayMs * 2 ** attempt, options.signal);
    }
  }
}

async function sendBlob(client: RegistryClient, blob: BlobSource, { chunkBytes = CHUNK_BYTES, mountFrom }: UploadOptions): Promise<void> {
  const action = `push the blob ${blob.digest}`;
  const mount = mountFrom === undefined ? '' : `?mount=${blob.digest}&from=${encodeURIComponent(mountFrom)}`;
  const begun = await client.head({
    method: 'POST',
    target: `blobs/uploads/${mount}`,
    headers: { 'content-length': '0' },
    accept: [CREATED, ACCEPTED],
    action,
    access: 'pull,push',
  });
  if (begun.status === CREATED) return;
  const location = client.resolve(begun, action);
  if (blob.size > chunkBytes) await finish(client, { location: await sendChunks(client, { blob, location, chunkBytes }), blob });
  else await finish(client, { location, blob, body: blob.read });
}

/** Sends pieces one after the other; each answer says where the next one goes. @returns where the upload is finished */
async function sendChunks(
  client: RegistryClient,
  { blob, location, chunkBytes }: { blob: BlobSource; location: URL; chunkBytes: number },
): Promise<URL> {
  let [next, sent] = [location, 0];
  for await (const chunk of inChunks(blob.read(), chunkBytes)) {
    const action = `push bytes ${sent} to ${sent + chunk.length - 1} of the blob ${blob.digest}`;
    const headers = { ...OCTETS, 'content-range': `${sent}-${sent + chunk.length - 1}` };
    const answer = await client.head({
      method: 'PATCH',
      target: next,
      headers,
      body: chunk,
      accept: [ACCEPTED],
      action,
      access: 'pull,push',
      once: true,
    });
    next = client.resolve(answer, action);
    sent += chunk.length;
  }
  return next;
}

interface Finish {
  readonly location: URL;
  readonly blob: BlobSource;
  /** The content, when it was not sent in pieces before. */
  readonly body?: BlobSource['read'];
}

async function finish(client: RegistryClient, { location, blob, body }: Finish): Promise<void> {
  const target = new URL(location);
  target.searchParams.set('digest', blob.digest);
  const headers = { ...OCTETS, 'content-length': String(body === undefined ? 0 : blob.size) };
  const stored = await client.head({
    method: 'PUT',
    target,
    headers,
    ...(body === undefined ? {} : { body }),
    accept: [CREATED],
    action: `push the blob ${blob.digest}`,
    access: 'pull,push',
    once: true,
  });
  const echoed = stored.headers.get('docker-content-digest');
  if (echoed !== null && echoed !== blob.digest) throw wrongAnswer(client.host, `stored ${echoed} where ${blob.digest} was sent`);
}

/** The same bytes in pieces of exactly `size`, but for the last. */
async function* inChunks(pieces: AsyncIterable<Uint8Array>, size: number): AsyncIterable<Buffer> {
  let held: Buffer[] = [];
  let length = 0;
  for await (const piece of pieces) {
    for (let start = 0; start < piece.length;) {
      const part = Buffer.from(piece.subarray(start, start + size - length));
      held.push(part);
      length += part.length;
      start += part.length;
      if (length < size) continue;
      yield Buffer.concat(held);
      [held, length] = [[], 0];
    }
  }
  if (length > 0) yield Buffer.concat(held);
}
