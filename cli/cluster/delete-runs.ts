import type { ClusterObject, ObjectName } from '#core/cluster/cluster.ts';
import { textAt } from '#core/cluster/object-value.ts';
import { statusObject } from '#core/cluster/read-run-status.ts';
import { releaseObjects, STATUS_KEY } from '#core/cluster/run-status.ts';
import { RUN_LABEL, WRITTEN_KINDS } from '#core/cluster/test-object-kinds.ts';
import { errorText, isAssayError } from '#core/error.ts';
import { pause } from '#core/http/retry.ts';
import type { ClusterPlace } from './cluster-flags.ts';
import type { Release } from './find-release.ts';
import { componentLabels, type Run } from './find-run.ts';

/** What was removed, and what is still there. */
export interface Deletion {
  readonly runs: readonly string[];
  /** `Kind namespace/name` of every object that was removed. */
  readonly removed: readonly string[];
  /** The same of what is still there after all patience. */
  readonly left: readonly string[];
  /** What could not be looked at or removed, with the reason. */
  readonly problems: readonly string[];
  /** The status object tells of no run any more. */
  readonly statusReset: boolean;
}

/** How runs are deleted. */
export interface DeleteOptions {
  readonly runs: readonly Run[];
  /** How long objects may take to go. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

interface Found {
  readonly objects: readonly ObjectName[];
  readonly problems: readonly string[];
}

const JOB = { apiVersion: 'batch/v1', kind: 'Job' } as const;
const POD = { apiVersion: 'v1', kind: 'Pod' } as const;
const LOOK_MS = 500;

/**
 * Deletes runs: their Jobs with the pods, the objects that their checks made, and what the status object and the lease say of
 * them. Then looks whether anything is left. What Helm installed stays, and the pointer of what was published.
 * @throws CLUSTER_*; the reason of the signal
 */
export async function deleteRuns(place: ClusterPlace, release: Release, options: DeleteOptions): Promise<Deletion> {
  const { runs, timeoutMs, signal } = options;
  const first = await findObjects(place, release, runs);
  const refused = (await Promise.all(first.objects.map((object) => removeOne(place, object)))).flat();
  const endsAt = performance.now() + timeoutMs;
  let now = await findObjects(place, release, runs);
  while (now.objects.length > 0 && performance.now() < endsAt) {
    await pause(LOOK_MS, signal);
    now = await findObjects(place, release, runs);
  }
  // Last, because a collector that ends writes its status once more.
  const statusReset = await resetStatus(place, release, runs);
  await freeLease(place, release, runs);
  const left = now.objects.map(nameText);
  return {
    runs: runs.map(({ id }) => id),
    removed: first.objects.map(nameText).filter((name) => !left.includes(name)),
    left,
    problems: [...new Set([...now.problems, ...(left.length === 0 ? [] : refused)])],
    statusReset,
  };
}

/** Everything that is there of some runs: Jobs, the pods of the collector, and labelled test objects. */
async function findObjects({ cluster, namespace }: ClusterPlace, release: Release, runs: readonly Run[]): Promise<Found> {
  const uids = new Set(runs.flatMap(({ job }) => job?.uid ?? []));
  const labels = componentLabels(release, 'collector');
  const jobs = (await cluster.list({ ...JOB, namespace, labels })) ?? [];
  const pods = (await cluster.list({ ...POD, namespace, labels })) ?? [];
  const own = [
    ...jobs.filter(({ metadata }) => uids.has(metadata.uid ?? '')),
    ...pods.filter(({ metadata }) => uids.has(metadata.labels?.['batch.kubernetes.io/controller-uid'] ?? '')),
  ];
  const tests = await findTestObjects(cluster, checkNamespaces(release, runs), runs);
  return { objects: [...own.map(objectName), ...tests.objects], problems: tests.problems };
}

async function findTestObjects(cluster: ClusterPlace['cluster'], namespaces: readonly string[], runs: readonly Run[]): Promise<Found> {
  if (runs.length === 0) return { objects: [], problems: [] };
  const labels = `${RUN_LABEL} in (${runs.map(({ id }) => id).join(',')})`;
  const selections = namespaces.flatMap((namespace) => WRITTEN_KINDS.map((kind) => ({ ...kind, namespace, labels })));
  const looks = await Promise.all(
    selections.map(async (selection): Promise<Found> => {
      try {
        return { objects: ((await cluster.list(selection)) ?? []).map(objectName), problems: [] };
      } catch (error) {
        if (!isAssayError(error)) throw error;
        return { objects: [], problems: [`${selection.kind} in ${selection.namespace}: ${errorText(error)}`] };
      }
    }),
  );
  return { objects: looks.flatMap(({ objects }) => objects), problems: looks.flatMap(({ problems }) => problems) };
}

/** Where checks may have made objects: as the Job says, else where the chart lets them. */
function checkNamespaces({ namespace, name }: Release, runs: readonly Run[]): readonly string[] {
  const named = runs.flatMap(({ job }) => job?.checksNamespace ?? []);
  return [...new Set([...named, `${namespace}-${name}-checks`.slice(0, 63).replace(/-$/, '')])];
}

async function removeOne({ cluster }: ClusterPlace, object: ObjectName): Promise<readonly string[]> {
  try {
    await cluster.remove(object);
    return [];
  } catch (error) {
    if (!isAssayError(error)) throw error;
    return [`${nameText(object)}: ${errorText(error)}`];
  }
}

async function resetStatus({ cluster }: ClusterPlace, release: Release, runs: readonly Run[]): Promise<boolean> {
  const tellsOfThem = release.isUnreadable || runs.some(({ id }) => id === release.status?.runId);
  if (!tellsOfThem) return false;
  await cluster.patch(statusObject(release.namespace, release.name), { data: { [STATUS_KEY.status]: null } });
  return true;
}

/** A collector that was killed still holds the lease for a while; the next run need not wait for that. */
async function freeLease({ cluster }: ClusterPlace, { namespace, name }: Release, runs: readonly Run[]): Promise<void> {
  const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace, name: releaseObjects(name).lease };
  const holder = textAt(await cluster.read(lease), 'spec', 'holderIdentity') ?? '';
  if (runs.some(({ job }) => job?.uid === holder)) await cluster.patch(lease, { spec: { holderIdentity: '' } });
}

function objectName({ apiVersion, kind, metadata: { name, namespace } }: ClusterObject): ObjectName {
  return { apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) };
}

function nameText({ kind, namespace, name }: ObjectName): string {
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}
