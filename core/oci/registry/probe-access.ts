import type { RegistryReference } from '../reference.ts';
import type { RegistryOptions } from './credential.ts';
import { RegistryClient, type RegistryCall } from './registry-client.ts';

const OK = 200;
const ACCEPTED = 202;
const NOT_FOUND = 404;
const UNAUTHORIZED = 401;
const FORBIDDEN = 403;
/** An upload that is given up answers in many ways; a registry forgets it anyway. */
const GIVEN_UP: readonly number[] = [200, 202, 204, 400, 404, 405, 501];

/** What strangers may do with a repository. */
export type PublicAccess =
  | 'readable'
  | 'private'
  /** Not there yet, as far as strangers are told. */
  | 'unknown';

/**
 * Whether the credentials may push to a repository: begins an upload and gives it up. Nothing is stored.
 * @throws the REGISTRY_* errors, CREDENTIALS_UNREADABLE
 * @source OCI distribution specification 1.1, "Pushing blobs" and "Cancel a blob upload"
 */
export async function probePush(reference: Pick<RegistryReference, 'registry' | 'repository'>, options: RegistryOptions): Promise<void> {
  const client = new RegistryClient(reference, options);
  const begin: RegistryCall = {
    method: 'POST',
    target: 'blobs/uploads/',
    headers: { 'content-length': '0' },
    accept: [ACCEPTED],
    action: 'begin an upload',
    access: 'pull,push',
  };
  const begun = await client.head(begin);
  const target = client.resolve(begun, begin.action);
  await client
    .head({ method: 'DELETE', target, accept: GIVEN_UP, action: 'give the upload up', access: 'pull,push', once: true })
    .catch(() => undefined);
}

/**
 * Whether somebody without credentials can read a repository, as verifiers do.
 * @throws the REGISTRY_* errors of a registry that is out
 */
export async function probePublicRead(
  reference: Pick<RegistryReference, 'registry' | 'repository'>,
  options: RegistryOptions,
): Promise<PublicAccess> {
  const { credentials: _, ...anonymous } = options;
  const { status } = await new RegistryClient(reference, anonymous).head({
    method: 'GET',
    target: 'tags/list?n=1',
    accept: [OK, UNAUTHORIZED, FORBIDDEN, NOT_FOUND],
    action: 'list the tags',
    access: 'pull',
  });
  if (status === OK) return 'readable';
  return status === NOT_FOUND ? 'unknown' : 'private';
}
