import type { ClusterObject } from '#core/cluster/cluster.ts';
import { textAt } from '#core/cluster/object-value.ts';
import { foundStatus, statusObject } from '#core/cluster/read-run-status.ts';
import { STATUS_KEY, type RunStatus } from '#core/cluster/run-status.ts';
import { AssayError } from '#core/error.ts';
import type { ClusterPlace } from './cluster-flags.ts';

/** A release of the chart. */
export interface Release {
  readonly namespace: string;
  /** Full name, from which its objects have theirs. */
  readonly name: string;
  /** Name that Helm knows it by. */
  readonly helmRelease: string;
  /** What its last run says of itself; undefined while none has begun. */
  readonly status?: RunStatus;
  /** The status object holds something that this version cannot read. */
  readonly isUnreadable: boolean;
  /** Pointer of the last published run. */
  readonly pointer?: string;
}

const CONFIG_MAP = { apiVersion: 'v1', kind: 'ConfigMap' } as const;

const STATUS_SUFFIX = '-status';
const RELEASE_LABEL = 'app.kubernetes.io/name=assay';

/**
 * Finds the release of a namespace by its status object.
 * @param name full name or Helm's name of it, when there are several
 * @throws RUN_NOT_FOUND when there is none, USAGE when it is not clear which; CLUSTER_*
 */
export async function findRelease({ cluster, namespace }: ClusterPlace, name?: string): Promise<Release> {
  const found = (await cluster.list({ ...CONFIG_MAP, namespace, labels: RELEASE_LABEL })) ?? [];
  const releases = found.filter(({ metadata }) => metadata.name.endsWith(STATUS_SUFFIX));
  const wanted = name === undefined ? releases : releases.filter((object) => isCalled(object, name));
  const [only, ...others] = wanted;
  if (only === undefined) throw noRelease(namespace, name, releases.map(fullName));
  if (others.length > 0)
    throw new AssayError('USAGE', `the namespace ${namespace} has the releases ${wanted.map(fullName).sort().join(', ')}`, {
      hint: 'Name one with --release.',
    });
  return releaseOf(only, namespace);
}

/** Reads the status of a release again. @throws as {@link findRelease} */
export async function reread({ cluster }: ClusterPlace, release: Release): Promise<Release> {
  const { namespace, name } = release;
  const object = await cluster.read(statusObject(namespace, name));
  if (object === undefined) throw noRelease(namespace, name, []);
  return releaseOf(object, namespace);
}

/** The release that a status object belongs to. */
export function releaseOf(object: ClusterObject, namespace: string): Release {
  const { status, pointer } = foundStatus(object);
  return {
    namespace,
    name: fullName(object),
    helmRelease: helmName(object) ?? fullName(object),
    isUnreadable: status === undefined && (textAt(object, 'data', STATUS_KEY.status) ?? '') !== '',
    ...(status === undefined ? {} : { status }),
    ...(pointer === undefined || pointer === '' ? {} : { pointer }),
  };
}

function fullName({ metadata }: ClusterObject): string {
  return metadata.name.slice(0, -STATUS_SUFFIX.length);
}

function helmName({ metadata }: ClusterObject): string | undefined {
  return metadata.labels?.['app.kubernetes.io/instance'];
}

function isCalled(object: ClusterObject, name: string): boolean {
  return fullName(object) === name || helmName(object) === name;
}

function noRelease(namespace: string, name: string | undefined, others: readonly string[]): AssayError {
  const which = name === undefined ? 'release of Assay' : `release ${JSON.stringify(name)}`;
  const there = others.length === 0 ? '' : `; it has ${[...others].sort().join(', ')}`;
  return new AssayError('RUN_NOT_FOUND', `the namespace ${namespace} has no ${which}${there}`, {
    hint: 'Name its namespace with -n. Which there are: helm list --all-namespaces. To install one: docs/guide/cluster.md.',
  });
}
