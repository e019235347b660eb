import { listAt } from '#core/cluster/object-value.ts';
import type { ClusterCheckContext } from '../cluster-check.ts';
import type { Problem } from '../read/problem.ts';
import { isApiRefusal } from '../read/api-refusal.ts';
import { waitFor } from '../read/wait-for.ts';

/** Metric that upstream scales on. @source upstream pod-autoscaling */
export const GPU_METRIC = 'dcgm_gpu_power_usage';

const CUSTOM = '/apis/custom.metrics.k8s.io/v1beta1';
const OK = 200;
const NO_VALUE: Problem = {
  outcome: 'fail',
  text: `the external metric ${GPU_METRIC} has no value: does prometheus-adapter have a rule for it?`,
};

/** Whether the custom metrics API is served. @throws CLUSTER_UNREACHABLE */
export async function customMetricsProblems({ cluster }: Pick<ClusterCheckContext, 'cluster'>): Promise<readonly Problem[]> {
  const answer = await cluster.get(CUSTOM);
  return answer.status === OK ? [] : [problemOfStatus(CUSTOM, answer)];
}

/** How many values the external metrics API has of {@link GPU_METRIC}; waits for the first, because an adapter learns of metrics late. */
export async function externalMetric(
  context: ClusterCheckContext,
  namespace: string,
): Promise<{ readonly values: number; readonly problems: readonly Problem[] }> {
  const { cluster, clock, signal, timing } = context;
  const path = `/apis/external.metrics.k8s.io/v1beta1/namespaces/${namespace}/${GPU_METRIC}`;
  let problem = NO_VALUE;
  const values = await waitFor(
    async () => {
      const answer = await cluster.get(path);
      problem = answer.status === OK ? NO_VALUE : problemOfStatus(path, answer);
      if (problem.outcome === 'forbidden') return 0;
      return answer.status === OK ? itemsOf(answer.text) || undefined : undefined;
    },
    { clock, signal, everyMs: timing.pollMs, timeoutMs: timing.metricMs },
  );
  return values === undefined || values === 0 ? { values: 0, problems: [problem] } : { values, problems: [] };
}

function problemOfStatus(path: string, answer: Awaited<ReturnType<ClusterCheckContext['cluster']['get']>>): Problem {
  const { status } = answer;
  if (isApiRefusal(answer)) return { outcome: 'forbidden', text: `${path} answers ${status}` };
  return { outcome: 'fail', text: `${path} answers ${status}: install prometheus-adapter` };
}

function itemsOf(text: string): number {
  try {
    return listAt(JSON.parse(text), 'items').length;
  } catch {
    return 0;
  }
}
