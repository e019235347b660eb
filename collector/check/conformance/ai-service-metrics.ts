import type { ClusterObject } from '#core/cluster/cluster.ts';
import { listAt, textAt } from '#core/cluster/object-value.ts';
import type { ClusterCheckContext } from '../cluster-check.ts';
import { isApiRefusal } from '../read/api-refusal.ts';
import { namespaceOf } from '../read/component.ts';
import { foldProblems, problemOf, type Problem } from '../read/problem.ts';
import { waitFor } from '../read/wait-for.ts';
import type { ClusterVerdict } from '../verdict.ts';

const QUERY = 'DCGM_FI_DEV_GPU_UTIL';
const PORT = 9090;
/** @source upstream ai-service-metrics: either label */
const SELECTORS: readonly string[] = ['app.kubernetes.io/name=prometheus', 'self-monitor=true'];
const CUSTOM_METRICS = '/apis/custom.metrics.k8s.io/v1beta1';
const OK = 200;

/** GPU metrics reach Prometheus, and the custom metrics API that autoscalers read is served. */
export async function checkAiServiceMetrics(context: ClusterCheckContext): Promise<ClusterVerdict> {
  const namespace = namespaceOf(context.recipe, ['kube-prometheus-stack'], 'monitoring');
  const [prometheus, api] = await Promise.all([prometheusProblems(context, namespace), apiProblems(context)]);
  return foldProblems([...prometheus.problems, ...api], {
    good: `Prometheus has ${prometheus.series} series of ${QUERY}, and the custom metrics API is served`,
    observed: { namespace, series: prometheus.series, query: QUERY, customMetricsApi: api.length === 0 },
  });
}

interface PrometheusState {
  readonly series: number;
  readonly problems: readonly Problem[];
}

async function prometheusProblems(context: ClusterCheckContext, namespace: string): Promise<PrometheusState> {
  try {
    const service = await prometheusService(context.cluster, namespace);
    if (service === undefined)
      return {
        series: 0,
        problems: [
          {
            outcome: 'fail',
            text: `no service of Prometheus with port ${PORT} is in namespace ${namespace}: install kube-prometheus-stack`,
          },
        ],
      };
    return await querySeries(
      context,
      `/api/v1/namespaces/${namespace}/services/${service.metadata.name}:${PORT}/proxy/api/v1/query?query=${QUERY}`,
    );
  } catch (error) {
    return { series: 0, problems: [problemOf(error, 'Prometheus')] };
  }
}

async function prometheusService(cluster: ClusterCheckContext['cluster'], namespace: string): Promise<ClusterObject | undefined> {
  for (const labels of SELECTORS) {
    const services = (await cluster.list({ apiVersion: 'v1', kind: 'Service', namespace, labels })) ?? [];
    const found = services.find((service) => listAt(service, 'spec', 'ports').some((port) => (port as { port?: unknown }).port === PORT));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Asks until there are series: a scrape takes its time after an installation. */
async function querySeries({ cluster, clock, signal, timing }: ClusterCheckContext, path: string): Promise<PrometheusState> {
  let last: PrometheusState = { series: 0, problems: [] };
  await waitFor(
    async () => {
      const { status, text } = await cluster.get(path);
      last = readAnswer(status, text);
      return last.problems.length === 0 || last.problems[0]?.outcome === 'forbidden' ? true : undefined;
    },
    { clock, signal, everyMs: timing.pollMs, timeoutMs: timing.metricMs },
  );
  return last;
}

function readAnswer(status: number, text: string): PrometheusState {
  if (isApiRefusal({ status, text }))
    return problem('forbidden', `Prometheus cannot be asked through the API server (${status}): get services/proxy is needed`);
  if (status !== OK) return problem('fail', `Prometheus answers ${status}: is it up?`);
  const answer = parsed(text);
  if (textAt(answer, 'status') !== 'success') return problem('unknown', 'the answer of Prometheus cannot be read');
  const series = listAt(answer, 'data', 'result').length;
  return series > 0
    ? { series, problems: [] }
    : problem('fail', `Prometheus has no series of ${QUERY}: does a ServiceMonitor select the exporter?`);
}

async function apiProblems({ cluster }: ClusterCheckContext): Promise<readonly Problem[]> {
  try {
    const { status, text } = await cluster.get(CUSTOM_METRICS);
    if (status === OK) return [];
    if (isApiRefusal({ status, text })) return [{ outcome: 'forbidden', text: `${CUSTOM_METRICS} answers ${status}` }];
    return [{ outcome: 'fail', text: `${CUSTOM_METRICS} answers ${status}: install prometheus-adapter` }];
  } catch (error) {
    return [problemOf(error, CUSTOM_METRICS)];
  }
}

function problem(outcome: Problem['outcome'], text: string): PrometheusState {
  return { series: 0, problems: [{ outcome, text }] };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
