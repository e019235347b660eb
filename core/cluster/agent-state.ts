import type { AbsenceReason } from '#core/wire/run.ts';
import { missingLabels, repellingTaints, selectionText, selectsNode, type DaemonSetFacts } from './daemon-set-facts.ts';
import type { LabelRequirement } from './label-selector.ts';
import { taintText, type NodeFacts, type Taint } from './node-facts.ts';
import type { ContainerFacts, ContainerStop, PodFacts } from './pod-facts.ts';

/** Reasons that Kubernetes gives; the others follow from what the agent did. */
export type ClusterAbsenceReason = Exclude<AbsenceReason, 'incomplete' | 'lost' | 'rejected'>;

/** What Kubernetes says about the agent of one node. */
export type AgentState =
  /** `running`: its pod runs and is ready. `starting`: nothing stands in its way, it only needs time. */
  | { readonly state: 'running' | 'starting'; readonly detail: string }
  /** It cannot report as things stand. */
  | {
      readonly state: 'absent';
      readonly reason: ClusterAbsenceReason;
      /** What is wrong, and at the end the command line that would fix it or tell more. */
      readonly detail: string;
      /** False when waiting alone never helps: somebody has to change something. */
      readonly mayHeal: boolean;
    };

/** What is known of one expected node. */
export interface AgentSituation {
  readonly name: string;
  /** UID that the node had when the expected set was fixed. */
  readonly uid: string;
  /** As it is now; undefined when the cluster has no such node. */
  readonly node: NodeFacts | undefined;
  /** Agent pods that are, or are meant to be, on this node. */
  readonly pods: readonly PodFacts[];
  /** Undefined when there is none. */
  readonly daemonSet: DaemonSetFacts | undefined;
  /** Why the DaemonSet's controller cannot make pods, as its last event says: quota, admission. */
  readonly createFailure?: string;
  /** Full name of the release. */
  readonly release: string;
}

/** The image cannot be had. @source kubelet: pkg/kubelet/images/types.go */
const PULL_REASONS: ReadonlySet<string> = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
]);
/** The container cannot be made or does not stay. */
const FAIL_REASONS: ReadonlySet<string> = new Set([
  'CrashLoopBackOff',
  'CreateContainerConfigError',
  'CreateContainerError',
  'PreCreateHookError',
  'PreStartHookError',
  'PostStartHookError',
  'RunContainerError',
  'StartError',
]);
/** An agent never ends by itself, but one restart may be an accident. */
const RESTARTS_FAILED = 2;

/**
 * Why the agent of a node reports or not, from what Kubernetes knows: exactly one state. What somebody has to change comes before
 * what may heal by itself, and the node before its pod, whose state is stale when the node is lost.
 */
export function agentState(situation: AgentSituation): AgentState {
  const { name, uid, node, daemonSet, release } = situation;
  const look = `kubectl get node ${name} -o wide`;
  if (node === undefined) return absent('gone', `the node left the cluster: ${look}`, false);
  if (node.uid !== uid) return absent('gone', `the node of this name is another machine now (UID ${node.uid}, was ${uid}): ${look}`, false);
  if (daemonSet === undefined)
    return absent('never-connected', `the DaemonSet ${release}-agent does not exist: helm list --all-namespaces`, true);
  const pod = presentPod(situation.pods);
  const withoutPod = pod === undefined ? whyNoPod(situation, node, daemonSet) : undefined;
  if (withoutPod !== undefined) return withoutPod;
  if (node.notReady !== undefined)
    return absent('not-ready', `the node is not ready, ${node.notReady}: kubectl describe node ${name}`, true);
  return pod === undefined ? waitingForPod(situation, node) : podState(pod);
}

/** The one that counts: a pod that is not ending, the newest first. */
function presentPod(pods: readonly PodFacts[]): PodFacts | undefined {
  return pods
    .filter(({ deleting }) => !deleting)
    .reduce<PodFacts | undefined>((best, pod) => (best === undefined || pod.createdAt > best.createdAt ? pod : best), undefined);
}

function whyNoPod({ name }: AgentSituation, node: NodeFacts, daemonSet: DaemonSetFacts): AgentState | undefined {
  if (!selectsNode(daemonSet, node.labels)) {
    const labels = missingLabels(daemonSet, node).map(labelArgument).join(' ');
    return absent(
      'unlabelled',
      `no label that ${daemonSet.name} selects (${selectionText(daemonSet)}): kubectl label node ${name} ${labels}`,
      false,
    );
  }
  const taints = repellingTaints(daemonSet, node.taints);
  if (taints.length === 0) return undefined;
  const texts = taints.map(taintText);
  return absent('tainted', `the agent does not tolerate ${texts.join(' and ')}: ${tolerationLine(daemonSet, taints)}`, false);
}

function waitingForPod({ name, pods, createFailure, daemonSet, release }: AgentSituation, node: NodeFacts): AgentState {
  const ending = pods[0];
  if (ending !== undefined) return { state: 'starting', detail: `the pod ${ending.name} is being deleted` };
  if (createFailure !== undefined)
    return absent('unschedulable', `no pod can be made, ${createFailure}: kubectl describe daemonset ${daemonSet?.name ?? release}`, true);
  if (node.cordoned) return absent('cordoned', `the node is cordoned and has no agent: kubectl uncordon ${name}`, false);
  return { state: 'starting', detail: 'the DaemonSet has not made a pod for this node yet' };
}

function podState(pod: PodFacts): AgentState {
  const describe = `kubectl -n ${pod.namespace} describe pod ${pod.name}`;
  if (pod.failure !== undefined) return absent('unschedulable', `the pod was turned away, ${stopText(pod.failure)}: ${describe}`, true);
  for (const container of pod.containers) {
    const state = containerState(container, pod, describe);
    if (state !== undefined) return state;
  }
  if (pod.unschedulable !== undefined) return absent('unschedulable', `the pod has no place, ${pod.unschedulable}: ${describe}`, true);
  if (pod.phase === 'Running' && pod.ready)
    return { state: 'running', detail: `the pod ${pod.name} runs: kubectl -n ${pod.namespace} logs ${pod.name}` };
  const waiting = pod.containers.map((container) => container.waiting?.reason).find((reason) => reason !== undefined);
  return { state: 'starting', detail: `the pod ${pod.name} is ${waiting ?? pod.phase}` };
}

function containerState(
  { image, restarts, waiting, ended, lastEnded }: ContainerFacts,
  pod: PodFacts,
  describe: string,
): AgentState | undefined {
  if (waiting !== undefined && PULL_REASONS.has(waiting.reason))
    return absent('image-pull', `${image} cannot be pulled, ${stopText(waiting)}: ${describe}`, true);
  const stop = ended ?? lastEnded;
  const isFailing = (waiting !== undefined && FAIL_REASONS.has(waiting.reason)) || (stop !== undefined && restarts >= RESTARTS_FAILED);
  if (!isFailing) return undefined;
  if (stop === undefined) return absent('agent-failed', `the agent cannot be started, ${stopText(waiting)}: ${describe}`, true);
  const logs = `kubectl -n ${pod.namespace} logs ${pod.name} --previous`;
  return absent('agent-failed', `the agent ended ${String(Math.max(restarts, 1))} times, last with ${stopText(stop)}: ${logs}`, true);
}

function absent(reason: ClusterAbsenceReason, detail: string, mayHeal: boolean): AgentState {
  return { state: 'absent', reason, detail, mayHeal };
}

function stopText(stop: ContainerStop | undefined): string {
  if (stop === undefined) return 'no reason given';
  const exit = stop.exitCode === undefined ? '' : ` (exit ${String(stop.exitCode)})`;
  return `${stop.reason}${exit}${stop.message === '' ? '' : `: ${stop.message.replace(/[.:\s]+$/, '')}`}`;
}

/** An argument of `kubectl label node` that meets a requirement. */
function labelArgument({ key, operator, values }: LabelRequirement): string {
  if (operator === 'In') return `${key}=${values[0] ?? ''}`;
  if (operator === 'NotIn' || operator === 'DoesNotExist') return `${key}-`;
  if (operator === 'Gt' || operator === 'Lt') return `${key}=${String(Number(values[0]) + (operator === 'Gt' ? 1 : -1))}`;
  return `${key}=true`;
}

/** Sets the whole list, because Helm replaces lists. */
function tolerationLine({ helmRelease, tolerations }: DaemonSetFacts, taints: readonly Taint[]): string {
  const wanted = taints.map(({ key, value, effect }) =>
    value === '' ? { key, operator: 'Exists', effect } : { key, operator: 'Equal', value, effect },
  );
  return `helm upgrade ${helmRelease} charts/assay --reuse-values --set-json 'agent.tolerations=${JSON.stringify([...tolerations, ...wanted])}'`;
}
