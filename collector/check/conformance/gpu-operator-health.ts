import { textAt } from '#core/cluster/object-value.ts';
import type { ClusterCheckContext } from '../cluster-check.ts';
import { GPU_OPERATOR, namespaceOf } from '../read/component.ts';
import { foldProblems, problemOf, type Problem } from '../read/problem.ts';
import { workloadState } from '../read/workload-state.ts';
import type { ClusterVerdict } from '../verdict.ts';

const POLICY = { apiVersion: 'nvidia.com/v1', kind: 'ClusterPolicy', name: 'cluster-policy' } as const;

/** The GPU operator is available, its policy is reconciled on every node, and every node that should have a metrics exporter has one that is ready. */
export async function checkGpuOperatorHealth({ cluster, recipe }: ClusterCheckContext): Promise<ClusterVerdict> {
  const namespace = namespaceOf(recipe, GPU_OPERATOR.names, GPU_OPERATOR.namespace);
  const [operator, exporter, policy] = await Promise.all([
    workload({ cluster, namespace, kind: 'Deployment', name: 'gpu-operator' }),
    workload({ cluster, namespace, kind: 'DaemonSet', name: 'nvidia-dcgm-exporter' }),
    policyState(cluster),
  ]);
  return foldProblems([...operator.problems, ...exporter.problems, ...policy.problems], {
    good: `the GPU operator is available, its policy is ready, ${exporter.ready} metrics exporters are ready`,
    observed: {
      namespace,
      operatorsReady: operator.ready,
      exportersWanted: exporter.wanted,
      exportersReady: exporter.ready,
      policy: policy.state,
    },
  });
}

interface WorkloadPlace {
  readonly cluster: ClusterCheckContext['cluster'];
  readonly namespace: string;
  readonly kind: 'Deployment' | 'DaemonSet';
  readonly name: string;
}

async function workload({
  cluster,
  namespace,
  kind,
  name,
}: WorkloadPlace): Promise<{ readonly wanted: number; readonly ready: number; readonly problems: readonly Problem[] }> {
  const part = `${kind} ${namespace}/${name}`;
  const nothing = { wanted: 0, ready: 0 };
  try {
    const object = await cluster.read({ apiVersion: 'apps/v1', kind, namespace, name });
    if (object === undefined)
      return { ...nothing, problems: [{ outcome: 'fail', text: `${part} does not exist: install the GPU operator` }] };
    const { wanted, ready, problem } = workloadState(object) ?? nothing;
    const text = `${part} ${problem ?? ''}: kubectl -n ${namespace} describe ${kind} ${name}`;
    return { wanted, ready, problems: problem === undefined ? [] : [{ outcome: 'fail', text }] };
  } catch (error) {
    return { ...nothing, problems: [problemOf(error, part)] };
  }
}

async function policyState(
  cluster: ClusterCheckContext['cluster'],
): Promise<{ readonly state: string; readonly problems: readonly Problem[] }> {
  try {
    const policy = await cluster.read(POLICY);
    const state = policy === undefined ? 'absent' : (textAt(policy, 'status', 'state') ?? 'unsaid');
    const text = `ClusterPolicy ${POLICY.name} is ${state}, not ready: kubectl describe clusterpolicy ${POLICY.name}`;
    return { state, problems: state === 'ready' ? [] : [{ outcome: 'fail', text }] };
  } catch (error) {
    return { state: 'unreadable', problems: [problemOf(error, 'ClusterPolicy')] };
  }
}
