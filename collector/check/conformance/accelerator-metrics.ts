import type { ClusterCheckContext } from '../cluster-check.ts';
import { GPU_OPERATOR, namespaceOf } from '../read/component.ts';
import { readPods, type SlimPod } from '../read/slim-pods.ts';
import { fail, pass, skipFor, type ClusterVerdict } from '../verdict.ts';
import { readExporters, type ExporterPages } from './exporter-pages.ts';

/** What an exporter must say of each board. */
interface ExporterRule {
  readonly what: string;
  readonly port: number;
  readonly service: string;
  /** Topics, each with the metrics of which one must be there. */
  readonly metrics: Readonly<Record<string, RegExp>>;
}

/** @source upstream accelerator-metrics */
const DCGM: ExporterRule = {
  what: 'nvidia-dcgm-exporter',
  port: 9400,
  service: 'nvidia-dcgm-exporter',
  metrics: {
    DCGM_FI_DEV_GPU_UTIL: /^DCGM_FI_DEV_GPU_UTIL$/,
    DCGM_FI_DEV_FB_USED: /^DCGM_FI_DEV_FB_USED$/,
    DCGM_FI_DEV_GPU_TEMP: /^DCGM_FI_DEV_GPU_TEMP$/,
    DCGM_FI_DEV_POWER_USAGE: /^DCGM_FI_DEV_POWER_USAGE$/,
  },
};
/** @source AMD device metrics exporter, list of metrics; newer versions put `amd_` in front */
const AMD: ExporterRule = {
  what: 'AMD device metrics exporter',
  port: 5000,
  service: 'default-metrics-exporter',
  metrics: {
    utilisation: /^(?:amd_)?gpu_gfx_activity$/,
    'used memory': /^(?:amd_)?gpu_used_vram$/,
    temperature: /^(?:amd_)?gpu_(?:junction|edge)_temperature$/,
    power: /^(?:amd_)?gpu_(?:average_)?(?:package_power|power_usage)$/,
  },
};
const AMD_NAMESPACE = 'kube-amd-gpu';
const AMD_POD = /metrics-exporter/;

/** Every DCGM exporter that can be asked gives utilisation, memory, temperature and power of its boards. */
export async function checkAcceleratorMetrics({ cluster, recipe }: ClusterCheckContext): Promise<ClusterVerdict> {
  const namespace = namespaceOf(recipe, GPU_OPERATOR.names, GPU_OPERATOR.namespace);
  const pods = await readPods(cluster, { namespace, labels: 'app=nvidia-dcgm-exporter' });
  return judgeExporters(DCGM, { cluster, namespace, pods });
}

/** Every AMD device metrics exporter that can be asked gives utilisation, memory, temperature and power of its boards. */
export async function checkAmdAcceleratorMetrics({ cluster, recipe }: ClusterCheckContext): Promise<ClusterVerdict> {
  const namespace = namespaceOf(recipe, ['amd-gpu-operator'], AMD_NAMESPACE);
  const pods = (await readPods(cluster, { namespace })).filter(({ name }) => AMD_POD.test(name));
  return judgeExporters(AMD, { cluster, namespace, pods });
}

interface ExporterPlace {
  readonly cluster: ClusterCheckContext['cluster'];
  readonly namespace: string;
  readonly pods: readonly SlimPod[];
}

async function judgeExporters(rule: ExporterRule, { cluster, namespace, pods }: ExporterPlace): Promise<ClusterVerdict> {
  const { what, port, service } = rule;
  const ready = pods.filter(({ isReady }) => isReady);
  const counts = { exporters: pods.length, ready: ready.length };
  if (pods.length === 0) return fail(`no pod of ${what} is in namespace ${namespace}: enable it in the GPU operator`, counts);
  if (ready.length < pods.length)
    return fail(`${ready.length} of ${pods.length} pods of ${what} are ready: kubectl -n ${namespace} describe pods`, counts);
  const read = await readExporters(cluster, { namespace, service, port, pods: ready });
  return judgePages(rule, read, counts);
}

function judgePages(
  { what, metrics }: ExporterRule,
  { pages, problems, asked, isForbidden }: ExporterPages,
  counts: { readonly exporters: number },
): ClusterVerdict {
  const samples = Object.fromEntries(
    Object.entries(metrics).map(([topic, pattern]) => [
      topic,
      pages.map((page) => samplesOf(page, pattern)).reduce((sum, count) => sum + count, 0),
    ]),
  );
  const poor = pages.filter((page) => Object.values(metrics).some((pattern) => samplesOf(page, pattern) === 0)).length;
  const observed = {
    ...counts,
    asked: pages.length + problems.length,
    by: asked,
    samples,
    withoutMetrics: poor,
    problems: problems.length,
  };
  if (isForbidden)
    return {
      ...skipFor('permission', `the metrics of ${what} cannot be read: ${problems.join(', ')}`, observed),
      reason: 'the collector has no permission for this: get services/proxy or pods/proxy',
    };
  if (problems.length > 0) return fail(`${problems.join('; ')}: is the exporter up, and may the API server reach it?`, observed);
  const absent = Object.entries(samples).flatMap(([topic, count]) => (count === 0 ? [topic] : []));
  if (absent.length > 0) return fail(`${what} does not give ${absent.join(', ')}: look at its list of metrics`, observed);
  if (poor > 0) return fail(`${poor} of ${pages.length} pods of ${what} do not give all metrics`, observed);
  return pass(`${pages.length} of ${counts.exporters} pods of ${what} were asked and give ${Object.keys(metrics).join(', ')}`, observed);
}

function samplesOf(page: ReadonlyMap<string, number>, pattern: RegExp): number {
  return [...page].reduce((sum, [name, count]) => (pattern.test(name) ? sum + count : sum), 0);
}
