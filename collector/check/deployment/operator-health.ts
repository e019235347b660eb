import type { ClusterCheckContext } from '../cluster-check.ts';
import { GPU_OPERATOR, namespaceOf } from '../read/component.ts';
import { isPodReady } from '../read/workload-state.ts';
import { fail, pass, warn, type ClusterVerdict } from '../verdict.ts';

/** The GPU operator runs: at least one of its pods is ready. Running alone is not enough: a pod that crashes on its probe runs, too. */
export async function checkOperatorHealth({ cluster, recipe }: ClusterCheckContext): Promise<ClusterVerdict> {
  const namespace = namespaceOf(recipe, GPU_OPERATOR.names, GPU_OPERATOR.namespace);
  const pods = (await cluster.list({ apiVersion: 'v1', kind: 'Pod', namespace, labels: 'app=gpu-operator' })) ?? [];
  const current = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const ready = current.filter(isPodReady).length;
  const observed = { namespace, pods: current.length, ready };
  if (current.length === 0)
    return fail(
      `no pod of the GPU operator is in namespace ${namespace}: install it, or look at "kubectl -n ${namespace} get deployments"`,
      observed,
    );
  if (ready === 0)
    return fail(
      `none of ${current.length} pods of the GPU operator is ready: kubectl -n ${namespace} describe pods -l app=gpu-operator`,
      observed,
    );
  if (ready < current.length) return warn(`${ready} of ${current.length} pods of the GPU operator are ready`, observed);
  return pass(`${ready} pods of the GPU operator are ready`, observed);
}
