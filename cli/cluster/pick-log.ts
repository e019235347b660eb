import { podFacts, type PodFacts } from '#core/cluster/pod-facts.ts';
import { AssayError } from '#core/error.ts';
import { readAgents } from './agents-view.ts';
import type { ClusterPlace, RunFlags } from './cluster-flags.ts';
import { findRelease, type Release } from './find-release.ts';
import { componentLabels, findRun } from './find-run.ts';
import { COLLECT } from './read-trace.ts';

/** Which log is asked for. */
export interface LogQuestion extends Pick<RunFlags, 'release' | 'run'> {
  /** Of the agent on this node; of the collector when absent. */
  readonly node?: string;
  /** Container of the collector's pod. */
  readonly container?: string;
}

/** The logs that answer a question, in the order in which they were written. */
export interface PickedLog {
  readonly pods: readonly PodFacts[];
  readonly container: string;
}

/**
 * Finds the pods whose log is asked for.
 * @throws RUN_NOT_FOUND, USAGE, CLUSTER_*; PROGRAM_FAILED when there is no such pod, with what keeps it away
 */
export async function pickLog(place: ClusterPlace, question: LogQuestion): Promise<PickedLog> {
  const release = await findRelease(place, question.release);
  if (question.node !== undefined) return { pods: await agentPods(place, release, question.node), container: 'agent' };
  const run = await findRun(place, release, question.run);
  if (run.pods.length > 0) return { pods: run.pods, container: question.container ?? COLLECT };
  throw new AssayError('PROGRAM_FAILED', `the run ${run.id} has no pod any more: its log went with it`, {
    hint: `What it found stands in its evidence: assay results -n ${place.namespace}`,
  });
}

async function agentPods(place: ClusterPlace, release: Release, node: string): Promise<readonly PodFacts[]> {
  const { namespace } = release;
  const selection = { apiVersion: 'v1', kind: 'Pod', namespace, labels: componentLabels(release, 'agent') };
  const pods = ((await place.cluster.list(selection)) ?? []).map(podFacts).filter((pod) => pod.node === node);
  if (pods.length > 0) return pods.toSorted((left, right) => (left.createdAt < right.createdAt ? -1 : 1));
  const { nodes } = await readAgents(place, release);
  const state = nodes.find((known) => known.node === node)?.state;
  const why = state === undefined ? 'it is no node with GPUs of this cluster' : 'detail' in state ? state.detail : 'its pod has just come';
  throw new AssayError('PROGRAM_FAILED', `the node ${JSON.stringify(node)} has no agent: ${why}`, {
    hint: `Which nodes there are: assay status -n ${place.namespace}, kubectl get nodes`,
  });
}
