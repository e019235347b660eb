import type { ClusterObject } from '#core/cluster/cluster.ts';
import { listAt, textAt } from '#core/cluster/object-value.ts';
import type { ClusterCheckContext } from '../cluster-check.ts';
import { namespaceOf } from '../read/component.ts';
import { foldProblems } from '../read/problem.ts';
import { waitFor } from '../read/wait-for.ts';
import { definitionProblems, readWorkload } from '../read/workload-problem.ts';
import { fail, pass, skip, skipFor, type ClusterVerdict, type Observed } from '../verdict.ts';
import { checkImage } from '../workload/images.ts';
import { podSpec } from '../workload/pod-template.ts';
import type { TestObjects } from '../workload/test-objects.ts';

const SCHEDULER = 'kai-scheduler-default';
/** @source KAI Scheduler chart v0.14 */
const DEPLOYMENTS: readonly string[] = [
  'admission',
  'binder',
  'kai-operator',
  SCHEDULER,
  'pod-grouper',
  'podgroup-controller',
  'queue-controller',
];
const DEFINITIONS: readonly string[] = ['queues.scheduling.run.ai', 'podgroups.scheduling.run.ai'];
const INSTALL = 'install kai-scheduler';
const QUEUE = 'default-queue';
const MEMBERS = 2;
/** Members of a group are placed in one decision. @source upstream gang-scheduling */
const SPREAD_MS = 30_000;
const PLACE_MS = 300_000;

/** The group scheduler is up and places two pods of one group together. */
export async function checkGangScheduling(context: ClusterCheckContext): Promise<ClusterVerdict> {
  const { cluster, recipe, objects } = context;
  const namespace = namespaceOf(recipe, ['kai-scheduler'], 'kai-scheduler');
  const scheduler = await cluster.read({ apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: SCHEDULER });
  if (scheduler === undefined) return skip(`there is no Deployment ${namespace}/${SCHEDULER}: no group scheduler is installed`);
  const workloads = await Promise.all(DEPLOYMENTS.map((name) => readWorkload(cluster, { kind: 'Deployment', namespace, name }, INSTALL)));
  const observed = { namespace, deployments: workloads.filter(({ problems }) => problems.length === 0).length, wanted: DEPLOYMENTS.length };
  const parts = [...workloads.flatMap(({ problems }) => problems), ...(await definitionProblems(cluster, DEFINITIONS, INSTALL))];
  const found = foldProblems(parts, { good: `all ${DEPLOYMENTS.length} parts of the group scheduler are up`, observed });
  if (found.outcome !== 'pass') return found;
  if (objects === undefined)
    return skipFor(
      'active-checks',
      'the group scheduler is up; that it places a group together is only shown by a group of pods: set checks.active',
      observed,
    );
  return placeGroup(context, objects, observed);
}

async function placeGroup(context: ClusterCheckContext, objects: TestObjects, observed: Observed): Promise<ClusterVerdict> {
  const group = objects.name('gang');
  await objects.create({
    apiVersion: 'scheduling.run.ai/v2alpha2',
    kind: 'PodGroup',
    metadata: { name: group },
    spec: { minMember: MEMBERS, queue: QUEUE },
  });
  const names = Array.from({ length: MEMBERS }, (_, index) => objects.name(`gang-${index}`));
  for (const name of names) await objects.create(member(name, group, checkImage('pause', context.images)));
  const { clock, signal, timing } = context;
  const patience = { clock, signal, everyMs: Math.min(2000, timing.retryMs), timeoutMs: Math.min(PLACE_MS, timing.tryMs) };
  let last: readonly (ClusterObject | undefined)[] = [];
  const placed = await waitFor(async () => {
    last = await Promise.all(
      names.map((name) => context.cluster.read({ apiVersion: 'v1', kind: 'Pod', namespace: objects.namespace, name })),
    );
    const times = last.map(placedAt);
    return times.every((time) => time !== undefined) ? times : undefined;
  }, patience);
  const thresholds = { spreadMs: { value: SPREAD_MS, unit: 'ms', source: 'upstream gang-scheduling' } };
  if (placed === undefined) {
    const count = last.filter((pod) => placedAt(pod) !== undefined).length;
    return { ...fail(`${count} of ${MEMBERS} pods of a group were placed: ${whyNot(last)}`, { ...observed, placed: count }), thresholds };
  }
  const spreadMs = Math.max(...placed) - Math.min(...placed);
  const seen = { ...observed, placed: MEMBERS, spreadMs };
  const verdict =
    spreadMs <= SPREAD_MS
      ? pass(`both pods of a group were placed within ${spreadMs} ms`, seen)
      : fail(`the pods of a group were placed ${spreadMs} ms apart`, seen);
  return { ...verdict, thresholds };
}

/** Versions of the scheduler read the group from the annotation or from the labels. @source KAI Scheduler documentation, upstream gang-scheduling manifest */
function member(name: string, group: string, image: string): Parameters<TestObjects['create']>[0] {
  const labels = {
    'kai.scheduler/queue': QUEUE,
    'runai/queue': QUEUE,
    'pod-group.scheduling.run.ai/name': group,
    'pod-group.scheduling.run.ai/group-id': group,
  };
  const spec = { ...podSpec({ image, command: ['/pause'] }), schedulerName: 'kai-scheduler' };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels, annotations: { 'pod-group-name': group } }, spec };
}

/** Epoch milliseconds at which a pod was given a node. */
function placedAt(pod: ClusterObject | undefined): number | undefined {
  const time = textAt(scheduled(pod), 'status') === 'True' ? Date.parse(textAt(scheduled(pod), 'lastTransitionTime') ?? '') : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}

function whyNot(pods: readonly (ClusterObject | undefined)[]): string {
  const messages = pods.map((pod) => textAt(scheduled(pod), 'message')).filter((message) => message !== undefined);
  return messages[0] ?? 'the scheduler says nothing about them';
}

function scheduled(pod: ClusterObject | undefined): unknown {
  return listAt(pod, 'status', 'conditions').find((condition) => textAt(condition, 'type') === 'PodScheduled');
}
