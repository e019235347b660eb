import type { ClusterObject } from './cluster.ts';
import { at, conditionOf, listAt, numberAt, textAt } from './object-value.ts';

/** Longest text of the cluster that is kept. */
const TEXT_LENGTH = 400;

/** Why a container waits, or how it ended. */
export interface ContainerStop {
  /** `ImagePullBackOff`, `CrashLoopBackOff`, `OOMKilled`, `Error` … */
  readonly reason: string;
  readonly message: string;
  readonly exitCode?: number;
}

/** One container of a pod. */
export interface ContainerFacts {
  readonly name: string;
  readonly image: string;
  readonly ready: boolean;
  readonly restarts: number;
  readonly waiting: ContainerStop | undefined;
  /** How it ended, when it is not running. */
  readonly ended: ContainerStop | undefined;
  /** How the run before the present one ended. */
  readonly lastEnded: ContainerStop | undefined;
}

/** An agent pod, as far as it tells why its node reports or not; small, so that many can be kept. */
export interface PodFacts {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  /** Where it runs, or, while it is not scheduled, the one node that it is meant for. */
  readonly node: string | undefined;
  readonly phase: string;
  readonly deleting: boolean;
  readonly ready: boolean;
  readonly createdAt: string;
  /** Why the pod as a whole failed: `Evicted`, `UnexpectedAdmissionError` … */
  readonly failure: ContainerStop | undefined;
  /** What the scheduler says, while it finds no place. */
  readonly unschedulable: string | undefined;
  readonly containers: readonly ContainerFacts[];
}

/** Reads a Pod object. */
export function podFacts(pod: ClusterObject): PodFacts {
  const scheduled = conditionOf(pod, 'PodScheduled');
  const phase = textAt(pod, 'status', 'phase') ?? 'Unknown';
  return {
    name: pod.metadata.name,
    namespace: pod.metadata.namespace ?? '',
    uid: pod.metadata.uid ?? '',
    node: textAt(pod, 'spec', 'nodeName') ?? intendedNode(pod),
    phase,
    deleting: pod.metadata.deletionTimestamp !== undefined,
    ready: conditionOf(pod, 'Ready')?.status === 'True',
    createdAt: pod.metadata.creationTimestamp ?? '',
    failure: phase === 'Failed' ? failureOf(pod) : undefined,
    unschedulable: scheduled?.status === 'False' ? cut(scheduled.message ?? scheduled.reason ?? 'no reason given') : undefined,
    containers: ['initContainerStatuses', 'containerStatuses'].flatMap((list) => listAt(pod, 'status', list).map(readContainer)),
  };
}

/** The DaemonSet controller names the node of each pod in an affinity to `metadata.name`; the scheduler then binds the pod. */
function intendedNode(pod: ClusterObject): string | undefined {
  const path = ['spec', 'affinity', 'nodeAffinity', 'requiredDuringSchedulingIgnoredDuringExecution', 'nodeSelectorTerms'] as const;
  const fields = listAt(pod, ...path).flatMap((term) => listAt(term, 'matchFields'));
  return textAt(
    fields.find((field) => textAt(field, 'key') === 'metadata.name'),
    'values',
    0,
  );
}

function failureOf(pod: ClusterObject): ContainerStop {
  return { reason: textAt(pod, 'status', 'reason') ?? 'Failed', message: cut(textAt(pod, 'status', 'message') ?? '') };
}

function readContainer(status: unknown): ContainerFacts {
  return {
    name: textAt(status, 'name') ?? '',
    image: textAt(status, 'image') ?? '',
    ready: at(status, 'ready') === true,
    restarts: numberAt(status, 'restartCount') ?? 0,
    waiting: readStop(status, 'state', 'waiting'),
    ended: readStop(status, 'state', 'terminated'),
    lastEnded: readStop(status, 'lastState', 'terminated'),
  };
}

function readStop(status: unknown, state: 'state' | 'lastState', kind: 'waiting' | 'terminated'): ContainerStop | undefined {
  const reason = textAt(status, state, kind, 'reason');
  const exitCode = numberAt(status, state, kind, 'exitCode');
  if (reason === undefined && exitCode === undefined) return undefined;
  const message = cut(textAt(status, state, kind, 'message') ?? '');
  return { reason: reason ?? 'Error', message, ...(exitCode === undefined ? {} : { exitCode }) };
}

function cut(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > TEXT_LENGTH ? `${line.slice(0, TEXT_LENGTH)}…` : line;
}
