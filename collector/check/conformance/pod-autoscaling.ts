import type { ClusterCheckContext } from '../cluster-check.ts';
import { GPU_OPERATOR, namespaceOf } from '../read/component.ts';
import { foldProblems } from '../read/problem.ts';
import { readPods } from '../read/slim-pods.ts';
import { fail, pass, skip, skipFor, type ClusterVerdict, type Observed } from '../verdict.ts';
import { makeScaled, retarget, untilScaled } from '../workload/scaled-deployment.ts';
import type { TestObjects } from '../workload/test-objects.ts';
import { customMetricsProblems, externalMetric, GPU_METRIC } from './metrics-api.ts';

/** Values and times of the behaviour test. @source upstream pod-autoscaling */
const TARGET_LOW = '10';
const TARGET_HIGH = '999999';
const MAX_REPLICAS = 3;
const DESIRE_MS = 180_000;
const SCALE_MS = 120_000;

/** GPU metrics reach the APIs that autoscalers read, and an autoscaler follows one up and down. */
export async function checkPodAutoscaling(context: ClusterCheckContext): Promise<ClusterVerdict> {
  const { cluster, recipe, objects } = context;
  const operator = namespaceOf(recipe, GPU_OPERATOR.names, GPU_OPERATOR.namespace);
  const exporters = await readPods(cluster, { namespace: operator, labels: 'app=nvidia-dcgm-exporter' });
  if (exporters.length === 0) return skip(`no nvidia-dcgm-exporter runs in namespace ${operator}, so there is no GPU metric to follow`);
  const [custom, external] = await Promise.all([customMetricsProblems(context), externalMetric(context, objects?.namespace ?? 'default')]);
  const observed = { exporters: exporters.length, metric: GPU_METRIC, values: external.values };
  const found = foldProblems([...custom, ...external.problems], {
    good: `the external metric ${GPU_METRIC} has ${external.values} values`,
    observed,
  });
  if (found.outcome !== 'pass') return found;
  if (objects === undefined)
    return skipFor('active-checks', `${found.message}; that an autoscaler follows it is only shown by one: set checks.active`, observed);
  return followMetric({ ...context, objects }, observed);
}

async function followMetric(context: ClusterCheckContext & { readonly objects: TestObjects }, observed: Observed): Promise<ClusterVerdict> {
  const { objects } = context;
  const scaled = await makeScaled(context, objects, {
    purpose: 'autoscale',
    metric: GPU_METRIC,
    target: TARGET_LOW,
    maxReplicas: MAX_REPLICAS,
  });
  const wished = await untilScaled(context, scaled, { isThere: ({ desired }) => desired > 1, timeoutMs: DESIRE_MS });
  if (!wished.reached)
    return fail(`the autoscaler wants ${wished.desired} replicas and never more than 1: kubectl describe hpa`, {
      ...observed,
      desired: wished.desired,
    });
  const grown = await untilScaled(context, scaled, { isThere: ({ current }) => current > 1, timeoutMs: SCALE_MS });
  const seen = { ...observed, desired: wished.desired, replicas: grown.current };
  if (!grown.reached) return fail(`the autoscaler wants ${wished.desired} replicas, the Deployment has ${grown.current}`, seen);
  await retarget(objects, scaled, { metric: GPU_METRIC, target: TARGET_HIGH });
  const shrunk = await untilScaled(context, scaled, { isThere: ({ current }) => current <= 1, timeoutMs: SCALE_MS });
  if (!shrunk.reached)
    return fail(`the autoscaler scaled up to ${grown.current} and not down again`, { ...seen, replicasAfter: shrunk.current });
  return pass(`an autoscaler on ${GPU_METRIC} scaled from 1 to ${grown.current} replicas and back to ${shrunk.current}`, {
    ...seen,
    replicasAfter: shrunk.current,
  });
}
