import type { ClusterObject } from '#core/cluster/cluster.ts';
import { conditionOf, listAt, textAt } from '#core/cluster/object-value.ts';
import { podFacts, type PodFacts } from '#core/cluster/pod-facts.ts';
import { runIdOfJob, type RunStatus } from '#core/cluster/run-status.ts';
import { compareText } from '#core/digest/compare-text.ts';
import { AssayError } from '#core/error.ts';
import type { ClusterPlace } from './cluster-flags.ts';
import type { Release } from './find-release.ts';

/** The Job of a run. */
export interface RunJob {
  readonly name: string;
  readonly uid: string;
  readonly createdAt: string;
  /** How it ended; undefined while it goes on. */
  readonly ended?: 'complete' | 'failed';
  /** Why it failed: `BackoffLimitExceeded`, `PodFailurePolicy`, `DeadlineExceeded` … */
  readonly reason?: string;
  /** Labels of nodes that are expected besides those with GPUs. */
  readonly expectSelector?: string;
  /** Where its checks make objects. */
  readonly checksNamespace?: string;
}

/** One run of a release. */
export interface Run {
  readonly id: string;
  /** Undefined when it was removed, as finished Jobs are after a while. */
  readonly job?: RunJob;
  /** Pods of the collector, the newest last. */
  readonly pods: readonly PodFacts[];
  /** What the run says of itself; undefined before it began, and for a run that a later one has replaced. */
  readonly status?: RunStatus;
}

const JOB = { apiVersion: 'batch/v1', kind: 'Job' } as const;
const POD = { apiVersion: 'v1', kind: 'Pod' } as const;
const OWNER_LABEL = 'batch.kubernetes.io/controller-uid';

/** Selects the objects of one component of a release. */
export function componentLabels({ helmRelease }: Release, component: 'agent' | 'collector'): string {
  return `app.kubernetes.io/name=assay,app.kubernetes.io/instance=${helmRelease},app.kubernetes.io/component=${component}`;
}

/**
 * Every run of a release that the cluster still knows, the newest last.
 * @throws CLUSTER_*
 */
export async function listRuns({ cluster }: ClusterPlace, release: Release): Promise<readonly Run[]> {
  const selection = { namespace: release.namespace, labels: componentLabels(release, 'collector') };
  const [jobs, pods] = [(await cluster.list({ ...JOB, ...selection })) ?? [], (await cluster.list({ ...POD, ...selection })) ?? []];
  const byJob = Map.groupBy(pods, (pod) => pod.metadata.labels?.[OWNER_LABEL] ?? '');
  const runs = jobs.map(runJob).map((job) => runOf(release, job, byJob.get(job.uid) ?? []));
  const { status } = release;
  const isGone = status !== undefined && runs.every(({ id }) => id !== status.runId);
  const all: readonly Run[] = isGone ? [...runs, { id: status.runId, pods: [], status }] : runs;
  return all.toSorted((left, right) => compareText(beginOf(left), beginOf(right)));
}

function beginOf({ job, status }: Run): string {
  return job?.createdAt ?? status?.openedAt ?? '';
}

/**
 * One run of a release.
 * @param id of the run; the newest when absent
 * @throws RUN_NOT_FOUND; CLUSTER_*
 */
export async function findRun(place: ClusterPlace, release: Release, id?: string): Promise<Run> {
  const runs = await listRuns(place, release);
  const found = id === undefined ? runs.at(-1) : runs.find((run) => run.id === id);
  if (found !== undefined) return found;
  const others = runs.map((run) => run.id).join(', ');
  throw new AssayError(
    'RUN_NOT_FOUND',
    `the release ${release.name} has no run${id === undefined ? '' : ` ${JSON.stringify(id)}`}${others === '' ? '' : `; it has ${others}`}`,
    { hint: `Start one: helm upgrade ${release.helmRelease} charts/assay -n ${release.namespace} --reuse-values` },
  );
}

function runOf({ status }: Release, job: RunJob, pods: readonly ClusterObject[]): Run {
  const id = runIdOfJob(job.uid);
  const facts = pods.map(podFacts).sort((left, right) => compareText(left.createdAt, right.createdAt));
  return { id, job, pods: facts, ...(status?.runId === id ? { status } : {}) };
}

function runJob(job: ClusterObject): RunJob {
  const failed = conditionOf(job, 'Failed');
  const isFailed = failed?.status === 'True';
  const isComplete = conditionOf(job, 'Complete')?.status === 'True';
  const env = listAt(job, 'spec', 'template', 'spec', 'containers').flatMap((container) => listAt(container, 'env'));
  const expectSelector = valueOf(env, 'ASSAY_EXPECT_SELECTOR');
  const checksNamespace = valueOf(env, 'ASSAY_CHECKS_NAMESPACE');
  return {
    name: job.metadata.name,
    uid: job.metadata.uid ?? '',
    createdAt: job.metadata.creationTimestamp ?? '',
    ...(isFailed ? { ended: 'failed', reason: failed.reason ?? 'Failed' } : isComplete ? { ended: 'complete' } : {}),
    ...(expectSelector === undefined ? {} : { expectSelector }),
    ...(checksNamespace === undefined ? {} : { checksNamespace }),
  };
}

function valueOf(env: readonly unknown[], name: string): string | undefined {
  return textAt(
    env.find((variable) => textAt(variable, 'name') === name),
    'value',
  );
}
