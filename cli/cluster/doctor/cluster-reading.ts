import type { Cluster, ClusterObject, ObjectSelection } from '#core/cluster/cluster.ts';
import { isExpectedNode } from '#core/cluster/expected-node.ts';
import { parseLabelSelector } from '#core/cluster/label-selector.ts';
import { nodeFacts, type NodeFacts } from '#core/cluster/node-facts.ts';
import { listAt, textAt } from '#core/cluster/object-value.ts';
import { errorText, isAssayError } from '#core/error.ts';
import type { ChartPlan } from './chart-plan.ts';
import { CHECK_NEEDS } from './check-needs.ts';

/** A node, and what of it only the doctor looks at. */
export interface DoctorNode extends NodeFacts {
  /** Accelerators that pods can be given, by resource. */
  readonly allocatable: Readonly<Record<string, string>>;
}

/** Everything that the doctor reads of a cluster. What may not be read is empty and named in `unread`. */
export interface ClusterReading {
  readonly version: string | undefined;
  /** This computer's clock minus that of the API server, in milliseconds; undefined when it does not tell the time. */
  readonly skewMs: number | undefined;
  readonly nodes: readonly DoctorNode[];
  /** Those of them that must report. */
  readonly expected: readonly DoctorNode[];
  readonly runtimeClasses: ReadonlySet<string>;
  /** Undefined when it does not exist yet. */
  readonly namespace: ClusterObject | undefined;
  readonly quotas: readonly ClusterObject[];
  readonly limitRanges: readonly ClusterObject[];
  /** Those of the kinds that checks need which the cluster knows: `group/version/Kind`. */
  readonly kinds: ReadonlySet<string>;
  /** Names of the Deployments and DaemonSets of all namespaces. */
  readonly workloads: ReadonlySet<string>;
  /** Issuer of the service accounts' tokens; undefined when it is not told. */
  readonly issuer: string | undefined;
  /** What could not be read, with the reason. */
  readonly unread: readonly string[];
}

/** Longest answer to a question for the time that still says something about the clock. */
const MILLISECONDS = 1_000;

/**
 * Reads what a prediction needs. A right that is missing is noted and the rest is read all the same.
 * @throws CLUSTER_UNREACHABLE; CLUSTER_FORBIDDEN when not even the nodes may be read
 */
export async function readCluster(cluster: Cluster, plan: Pick<ChartPlan, 'namespace' | 'expectSelector'>): Promise<ClusterReading> {
  const { namespace, expectSelector } = plan;
  const unread: string[] = [];
  const list = async (selection: ObjectSelection): Promise<readonly ClusterObject[]> =>
    (await tolerated(unread, selection.kind, () => cluster.list(selection))) ?? [];
  const clock = await readClock(cluster);
  const nodes = ((await cluster.list({ apiVersion: 'v1', kind: 'Node' })) ?? []).map(doctorNode);
  const [runtimeClasses, quotas, limitRanges, deployments, daemonSets, space, kinds, issuer] = await Promise.all([
    list({ apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass' }),
    list({ apiVersion: 'v1', kind: 'ResourceQuota', namespace }),
    list({ apiVersion: 'v1', kind: 'LimitRange', namespace }),
    list({ apiVersion: 'apps/v1', kind: 'Deployment' }),
    list({ apiVersion: 'apps/v1', kind: 'DaemonSet' }),
    tolerated(unread, 'Namespace', () => cluster.read({ apiVersion: 'v1', kind: 'Namespace', name: namespace })),
    tolerated(unread, 'the API groups', () => readKinds(cluster)),
    tolerated(unread, 'the issuer', () => readIssuer(cluster)),
  ]);
  const selector = parseLabelSelector(expectSelector);
  return {
    ...clock,
    nodes,
    expected: nodes.filter((node) => isExpectedNode(node, selector)).toSorted((left, right) => (left.name < right.name ? -1 : 1)),
    runtimeClasses: new Set(runtimeClasses.map(({ metadata }) => metadata.name)),
    namespace: space,
    quotas,
    limitRanges,
    kinds: kinds ?? new Set(),
    workloads: new Set([...deployments, ...daemonSets].map(({ metadata }) => metadata.name)),
    issuer,
    unread,
  };
}

function doctorNode(node: ClusterObject): DoctorNode {
  const status = node['status'] as { readonly allocatable?: Readonly<Record<string, string>> } | undefined;
  return { ...nodeFacts(node), allocatable: status?.allocatable ?? {} };
}

async function tolerated<T>(unread: string[], what: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!isAssayError(error) || error.code === 'CLUSTER_UNREACHABLE') throw error;
    unread.push(`${what}: ${errorText(error)}`);
    return undefined;
  }
}

async function readClock(cluster: Cluster): Promise<Pick<ClusterReading, 'version' | 'skewMs'>> {
  const askedMs = Date.now();
  const { text, date } = await cluster.get('/version');
  const middleMs = (askedMs + Date.now()) / 2;
  // The header has whole seconds: on average half of one is lost.
  const skewMs = date === undefined ? Number.NaN : Math.round(middleMs - Date.parse(date) - MILLISECONDS / 2);
  return { version: textAt(parsed(text), 'gitVersion'), skewMs: Number.isNaN(skewMs) ? undefined : skewMs };
}

async function readKinds(cluster: Cluster): Promise<ReadonlySet<string>> {
  const versions = new Set(CHECK_NEEDS.flatMap(({ needs }) => needs.flatMap((need) => (need.kind === 'api' ? need.apiVersion : []))));
  const known = await Promise.all(
    [...versions].map(async (version) => {
      const { status, text } = await cluster.get(`/apis/${version}`);
      const resources = status === 200 ? listAt(parsed(text), 'resources') : [];
      return resources.flatMap((resource) => textAt(resource, 'kind') ?? []).map((kind) => `${version}/${kind}`);
    }),
  );
  return new Set(known.flat());
}

async function readIssuer(cluster: Cluster): Promise<string | undefined> {
  const { status, text } = await cluster.get('/.well-known/openid-configuration');
  return status === 200 ? textAt(parsed(text), 'issuer') : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
