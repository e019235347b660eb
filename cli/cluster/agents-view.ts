import { agentState, type AgentState } from '#core/cluster/agent-state.ts';
import { daemonSetFacts, type DaemonSetFacts } from '#core/cluster/daemon-set-facts.ts';
import { isExpectedNode } from '#core/cluster/expected-node.ts';
import { parseLabelSelector } from '#core/cluster/label-selector.ts';
import { nodeFacts, type NodeFacts } from '#core/cluster/node-facts.ts';
import { textAt } from '#core/cluster/object-value.ts';
import { podFacts, type PodFacts } from '#core/cluster/pod-facts.ts';
import { releaseObjects } from '#core/cluster/run-status.ts';
import { errorText, isAssayError } from '#core/error.ts';
import type { ClusterPlace } from './cluster-flags.ts';
import type { Release } from './find-release.ts';
import { componentLabels } from './find-run.ts';

/** The agent of one node that is expected to report. */
export interface NodeAgent {
  readonly node: string;
  readonly state: AgentState;
}

/** The agents of a release as Kubernetes sees them. */
export interface AgentsView {
  /** Pods that the DaemonSet wants; undefined while its controller has not looked, or without a DaemonSet. */
  readonly desired?: number;
  readonly ready: number;
  readonly hasDaemonSet: boolean;
  /** One entry per node that is expected, in the order of names. */
  readonly nodes: readonly NodeAgent[];
  /** Why the nodes could not be read: whose rights end at a namespace sees the pods alone. */
  readonly nodesProblem?: string;
}

const NODE = { apiVersion: 'v1', kind: 'Node' } as const;
const POD = { apiVersion: 'v1', kind: 'Pod' } as const;
const EVENT = { apiVersion: 'v1', kind: 'Event' } as const;

/**
 * What Kubernetes knows about the agents of a release: the same judgement that the collector makes of nodes that do not report.
 * @param expectSelector labels of nodes that are expected besides those with GPUs
 * @throws CLUSTER_*
 */
export async function readAgents({ cluster }: ClusterPlace, release: Release, expectSelector?: string): Promise<AgentsView> {
  const { namespace, name } = release;
  const { agent } = releaseObjects(name);
  const [nodes, pods, daemonSet, createFailure] = await Promise.all([
    readNodes(cluster),
    cluster.list({ ...POD, namespace, labels: componentLabels(release, 'agent') }),
    cluster.read({ apiVersion: 'apps/v1', kind: 'DaemonSet', namespace, name: agent }),
    readCreateFailure({ cluster, namespace }, agent),
  ]);
  const facts = daemonSet === undefined ? undefined : daemonSetFacts(daemonSet);
  const agents = (pods ?? []).map(podFacts);
  const byNode = Map.groupBy(agents, (pod) => pod.node ?? '');
  const wanted = parseLabelSelector(expectSelector ?? '');
  const expected = nodes.facts.filter((node) => isExpectedNode(node, wanted));
  return {
    ...(facts?.desired === undefined ? {} : { desired: facts.desired }),
    ready: agents.filter((pod) => pod.ready && !pod.deleting).length,
    hasDaemonSet: daemonSet !== undefined,
    ...(nodes.problem === undefined ? {} : { nodesProblem: nodes.problem }),
    nodes: expected
      .toSorted((left, right) => (left.name < right.name ? -1 : 1))
      .map((node) => ({
        node: node.name,
        state: stateOf(node, { release: name, daemonSet: facts, pods: byNode.get(node.name) ?? [], createFailure }),
      })),
  };
}

async function readNodes(
  cluster: ClusterPlace['cluster'],
): Promise<{ readonly facts: readonly NodeFacts[]; readonly problem: string | undefined }> {
  try {
    return { facts: ((await cluster.list(NODE)) ?? []).map(nodeFacts), problem: undefined };
  } catch (error) {
    if (!isAssayError(error) || error.code !== 'CLUSTER_FORBIDDEN') throw error;
    return { facts: [], problem: errorText(error) };
  }
}

interface Surroundings {
  readonly release: string;
  readonly daemonSet: DaemonSetFacts | undefined;
  readonly pods: readonly PodFacts[];
  readonly createFailure: string | undefined;
}

function stateOf(node: NodeFacts, { createFailure, ...known }: Surroundings): AgentState {
  return agentState({ name: node.name, uid: node.uid, node, ...known, ...(createFailure === undefined ? {} : { createFailure }) });
}

/** Why the DaemonSet's controller could not make a pod the last time it tried. Events go away after an hour; their absence says nothing. */
async function readCreateFailure({ cluster, namespace }: ClusterPlace, daemonSet: string): Promise<string | undefined> {
  const events = await cluster.list({
    ...EVENT,
    namespace,
    fields: `involvedObject.kind=DaemonSet,involvedObject.name=${daemonSet},reason=FailedCreate`,
  });
  const latest = (events ?? []).toSorted((left, right) => (timeOf(left) < timeOf(right) ? -1 : 1)).at(-1);
  return textAt(latest, 'message');
}

function timeOf(event: unknown): string {
  return textAt(event, 'lastTimestamp') ?? textAt(event, 'eventTime') ?? textAt(event, 'metadata', 'creationTimestamp') ?? '';
}
