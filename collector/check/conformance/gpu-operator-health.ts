import { textAt } from '#core/cluster/object-value.ts';
import type { ClusterCheckContext } from '../cluster-check.ts';
import { GPU_OPERATOR, namespaceOf } from '../read/component.ts';
import { foldProblems, problemOf, type Problem } from '../read/problem.ts';
import { readWorkload } from '../read/workload-problem.ts';
import type { ClusterVerdict } from '../verdict.ts';

const POLICY = { apiVersion: 'nvidia.com/v1', kind: 'ClusterPolicy', name: 'cluster-policy' } as const;

/** The GPU operator is available, its policy is reconciled on every node, and every node that should have a metrics exporter has one that is ready. */
export async function checkGpuOperatorHealth({ cluster, recipe }: ClusterCheckContext): Promise<ClusterVerdict> {
  const namespace = namespaceOf(recipe, GPU_OPERATOR.names, GPU_OPERATOR.namespace);
  const [operator, exporter, policy] = await Promise.all([
    readWorkload(cluster, { kind: 'Deployment', namespace, name: 'gpu-operator' }, 'install the GPU operator'),
    readWorkload(cluster, { kind: 'DaemonSet', namespace, name: 'nvidia-dcgm-exporter' }, 'enable the exporter in the GPU operator'),
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
