import type { ReadableCluster } from '../cluster-check.ts';
import type { SlimPod } from '../read/slim-pods.ts';
import { isApiRefusal } from '../read/api-refusal.ts';
import { countSamples, type SampleCounts } from '../read/prometheus-text.ts';

/** An exporter: its pods, and the service in front of them. */
export interface Exporter {
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
  readonly pods: readonly SlimPod[];
}

/** What the exporters answered. */
export interface ExporterPages {
  /** Metrics pages that were read, with the samples on each. */
  readonly pages: readonly SampleCounts[];
  /** Answers other than a page. */
  readonly problems: readonly string[];
  /** `pods`: every exporter was asked. `service`: one of them, whichever the service chose. */
  readonly asked: 'pods' | 'service';
  readonly isForbidden: boolean;
}

/** Exporters that are asked one by one; a larger cluster is sampled, and the result says so. */
const MAX_PODS = 64;
const OK = 200;

/**
 * Reads the metrics pages of an exporter's pods through the API server: of each pod where the collector may (`pods/proxy`), else of whichever
 * pod its service chooses (`services/proxy`).
 * @throws CLUSTER_UNREACHABLE
 */
export async function readExporters(cluster: Pick<ReadableCluster, 'get'>, exporter: Exporter): Promise<ExporterPages> {
  const { namespace, service, port, pods } = exporter;
  const asked = pods.slice(0, MAX_PODS).map(({ name }) => name);
  const pathOf = (kind: 'pods' | 'services', name: string): string =>
    `/api/v1/namespaces/${namespace}/${kind}/${name}:${port}/proxy/metrics`;
  const pages: SampleCounts[] = [];
  const problems: string[] = [];
  for (const pod of asked) {
    const { status, text } = await cluster.get(pathOf('pods', pod));
    if (isApiRefusal({ status, text })) return readService(cluster, pathOf('services', service));
    if (status === OK) pages.push(countSamples(text));
    else problems.push(`exporter ${pod} answers ${status}`);
  }
  return { pages, problems, asked: 'pods', isForbidden: false };
}

async function readService(cluster: Pick<ReadableCluster, 'get'>, path: string): Promise<ExporterPages> {
  const { status, text } = await cluster.get(path);
  if (status === OK) return { pages: [countSamples(text)], problems: [], asked: 'service', isForbidden: false };
  return { pages: [], problems: [`${path} answers ${status}`], asked: 'service', isForbidden: isApiRefusal({ status, text }) };
}
