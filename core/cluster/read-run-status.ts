import type { Cluster, ClusterObject, ObjectName } from './cluster.ts';
import { isDigest } from '#core/digest/sha256.ts';
import { at, textAt, textsAt } from './object-value.ts';
import { releaseObjects, STATUS_KEY, type RunState, type RunStatus } from './run-status.ts';

/** The status object of a release as it was found. */
export interface FoundStatus {
  /** The run that it tells of; undefined when there was none yet, or when it is not readable as one. */
  readonly status: RunStatus | undefined;
  /** Text of the pointer of the last published run. */
  readonly pointer: string | undefined;
  readonly resourceVersion: string | undefined;
}

/** A status is a few hundred bytes; reason and hint may be long. */
const MAX_LENGTH = 64 * 1024;
const STATES: ReadonlySet<string> = new Set<RunState>(['waiting', 'gathering', 'sealed', 'pending', 'signed', 'published', 'failed']);
const RUN_ID = /^[a-z\d][a-z\d.-]{0,62}$/;
const NONCE = /^[\da-f]{64}$/;
const TEXTS = ['jobUid', 'recipe', 'openedAt', 'deadlineAt', 'expectedDigest'] as const;
const OPTIONAL_TEXTS = ['sealedAt', 'reason', 'hint', 'oci', 'digest', 'previousDigest'] as const;
const NODE_COUNTS = ['expected', 'connected', 'finished'] as const;
const CHECK_COUNTS = ['passed', 'failed', 'skipped', 'other'] as const;

/** Names the ConfigMap with the status of a release. */
export function statusObject(namespace: string, release: string): ObjectName {
  return { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: releaseObjects(release).status };
}

/**
 * Reads where the run of a release stands.
 * @returns undefined when there is no such release here
 * @throws the codes of the cluster
 */
export async function readRunStatus(cluster: Pick<Cluster, 'read'>, namespace: string, release: string): Promise<FoundStatus | undefined> {
  const object = await cluster.read(statusObject(namespace, release));
  return object === undefined ? undefined : foundStatus(object);
}

/** What a status ConfigMap says. */
export function foundStatus(object: ClusterObject): FoundStatus {
  const data = textsAt(object, 'data');
  return {
    status: parseRunStatus(data[STATUS_KEY.status] ?? ''),
    pointer: data[STATUS_KEY.pointer],
    resourceVersion: object.metadata.resourceVersion,
  };
}

/** @returns undefined for anything that is not a whole status of this version: a collector goes on with nonce and run of it */
export function parseRunStatus(text: string): RunStatus | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const value = parsed(text);
  return isStatus(value) ? value : undefined;
}

function isStatus(value: unknown): value is RunStatus {
  const digests = ['digest', 'previousDigest'].map((key) => at(value, key));
  return (
    at(value, 'schemaVersion') === '1.0.0' &&
    RUN_ID.test(textAt(value, 'runId') ?? '') &&
    NONCE.test(textAt(value, 'nonce') ?? '') &&
    STATES.has(textAt(value, 'state') ?? '') &&
    TEXTS.every((key) => typeof at(value, key) === 'string') &&
    OPTIONAL_TEXTS.every((key) => ['string', 'undefined'].includes(typeof at(value, key))) &&
    digests.every((digest) => digest === undefined || isDigest(digest)) &&
    NODE_COUNTS.every((key) => isCount(at(value, 'nodes', key))) &&
    CHECK_COUNTS.every((key) => isCount(at(value, 'checks', key))) &&
    Object.values(at(value, 'nodes', 'absent') ?? { none: undefined }).every(isCount) &&
    isSigner(at(value, 'signer'))
  );
}

function isSigner(value: unknown): boolean {
  return value === undefined || (typeof at(value, 'identity') === 'string' && typeof at(value, 'issuer') === 'string');
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
