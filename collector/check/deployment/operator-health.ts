import type { ClusterCheckContext } from '../cluster-check.ts';
import { GPU_OPERATOR, namespaceOf } from '../read/component.ts';
import { readPods } from '../read/slim-pods.ts';
import { fail, pass, warn, type ClusterVerdict } from '../verdict.ts';

/** The GPU operator runs: at least one of its pods is ready. Running alone is not enough: a pod that crashes on its probe runs, too. */
export async function checkOperatorHealth({ cluster, recipe }: ClusterCheckContext): Promise<ClusterVerdict> {
  const namespace = namespaceOf(recipe, GPU_OPERATOR.names, GPU_OPERATOR.namespace);
  const pods = await readPods(cluster, { namespace, labels: 'app=gpu-operator' });
  const ready = pods.filter(({ isReady }) => isReady).length;
  const observed = { namespace, pods: pods.length, ready };
  if (pods.length === 0)
    return fail(
      `no pod of the GPU operator is in namespace ${namespace}: install it, or look at "kubectl -n ${namespace} get deployments"`,
      observed,
    );
  if (ready === 0)
    return fail(
      `none of ${pods.length} pods of the GPU operator is ready: kubectl -n ${namespace} describe pods -l app=gpu-operator`,
      observed,
    );
  if (ready < pods.length) return warn(`${ready} of ${pods.length} pods of the GPU operator are ready`, observed);
  return pass(`${ready} pods of the GPU operator are ready`, observed);
}
