import type { ClusterObject } from '#core/cluster/cluster.ts';
import { conditionOf, listAt, textAt } from '#core/cluster/object-value.ts';
import { errorText } from '#core/error.ts';
import type { ClusterCheckContext } from '../cluster-check.ts';
import { readImageName } from '#core/cluster/image-name.ts';
import { waitFor } from '../read/wait-for.ts';
import { CONTAINER, podSpec, type TestPod } from './pod-template.ts';
import type { TestObjects } from './test-objects.ts';

/** How a test pod ended. */
export type PodEnd =
  | { readonly end: 'succeeded' | 'failed'; readonly log: string; readonly reason: string; readonly digest: string | undefined }
  /** It never ran. `unplaced`: the scheduler found no node. `stuck`: its container cannot be made, as without its image. `late`: it was still on its way. */
  | { readonly end: 'not-started'; readonly cause: 'unplaced' | 'stuck' | 'late'; readonly reason: string };

/** Waiting reasons that time does not heal. @source kubelet */
const STUCK: ReadonlySet<string> = new Set([
  'ImagePullBackOff',
  'ErrImagePull',
  'InvalidImageName',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
]);
/** Between two looks at a pod. */
const LOOK_MS = 2000;

/** What running a pod needs of a check's context. */
export type PodRun = Pick<ClusterCheckContext, 'cluster' | 'clock' | 'signal' | 'timing'> & { readonly objects: TestObjects };

/**
 * Runs a test pod to its end.
 * @param purpose part of its name; unique within the run
 * @param timeoutMs after which it counts as not started, or failed where it runs
 * @throws CLUSTER_* when the pod cannot be made or looked at
 */
export async function runPod(run: PodRun, pod: TestPod & { readonly purpose: string }, timeoutMs: number): Promise<PodEnd> {
  const name = run.objects.name(pod.purpose);
  const metadata = { name, namespace: run.objects.namespace };
  await run.objects.create({ apiVersion: 'v1', kind: 'Pod', metadata, spec: podSpec(pod) });
  return podEnd(run, name, timeoutMs);
}

/** Waits until a pod has ended, or never will run. @throws CLUSTER_* */
export async function podEnd({ cluster, clock, signal, timing, objects }: PodRun, name: string, timeoutMs: number): Promise<PodEnd> {
  const { namespace } = objects;
  let last: Extract<PodEnd, { end: 'not-started' }> = { end: 'not-started', cause: 'late', reason: 'the pod was not seen' };
  const everyMs = Math.min(LOOK_MS, timing.retryMs);
  const ended = await waitFor(
    async () => {
      const pod = await cluster.read({ apiVersion: 'v1', kind: 'Pod', namespace, name });
      if (pod === undefined) return { ...last, cause: 'stuck', reason: 'the pod is gone' } as const;
      last = { ...last, cause: isUnplaced(pod) ? 'unplaced' : 'late', reason: stateOf(pod) };
      const phase = textAt(pod, 'status', 'phase');
      if (phase === 'Succeeded' || phase === 'Failed') return finished(pod, phase, await logOf(cluster, namespace, name));
      return isStuck(pod) ? ({ ...last, cause: 'stuck' } as const) : undefined;
    },
    { clock, signal, everyMs, timeoutMs: Math.min(timeoutMs, timing.tryMs) },
  );
  return ended ?? { ...last, reason: `${last.reason} after ${Math.min(timeoutMs, timing.tryMs)} ms` };
}

function finished(pod: ClusterObject, phase: 'Succeeded' | 'Failed', log: string): PodEnd {
  const status = listAt(pod, 'status', 'containerStatuses')[0];
  const digest = readImageName(textAt(status, 'imageID') ?? '').digest;
  return { end: phase === 'Succeeded' ? 'succeeded' : 'failed', log, reason: stateOf(pod), digest };
}

/** A pod that failed before its container ran has no log. */
async function logOf(cluster: PodRun['cluster'], namespace: string, pod: string): Promise<string> {
  return cluster.podLog({ namespace, pod, container: CONTAINER }).catch((error: unknown) => `no log: ${errorText(error)}`);
}

function isStuck(pod: ClusterObject): boolean {
  return listAt(pod, 'status', 'containerStatuses').some((status) => STUCK.has(textAt(status, 'state', 'waiting', 'reason') ?? ''));
}

function isUnplaced(pod: ClusterObject): boolean {
  return conditionOf(pod, 'PodScheduled')?.status === 'False';
}

/** Phase, and the most telling reason that the pod gives. */
function stateOf(pod: ClusterObject): string {
  const status = listAt(pod, 'status', 'containerStatuses')[0];
  const scheduled = conditionOf(pod, 'PodScheduled');
  const reasons = [
    textAt(pod, 'status', 'reason'),
    textAt(pod, 'status', 'message'),
    textAt(status, 'state', 'waiting', 'reason'),
    textAt(status, 'state', 'waiting', 'message'),
    textAt(status, 'state', 'terminated', 'reason'),
    scheduled?.status === 'False' ? scheduled.message : undefined,
  ];
  return [textAt(pod, 'status', 'phase') ?? 'Unknown', ...reasons.filter((reason) => reason !== undefined && reason !== '')].join(': ');
}
