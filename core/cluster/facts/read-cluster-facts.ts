import type { Cluster, ClusterObject } from '#core/cluster/cluster.ts';
import { gpuEvidence } from '#core/cluster/gpu-evidence.ts';
import { conditionOf, textAt } from '#core/cluster/object-value.ts';
import { compareText } from '#core/digest/compare-text.ts';
import { errorText } from '#core/error.ts';
import type { Measurement, Reading } from '#core/snapshot/measurement.ts';
import { readNodes } from '#core/cluster/read-nodes.ts';
import { imageFacts } from './image-facts.ts';
import { nodeTopology } from './node-topology.ts';
import { policyFacts } from './policy-facts.ts';
import { serviceOf } from './provider.ts';

type FactSource = Pick<Cluster, 'list' | 'watch' | 'get'>;

const OPENSHIFT_API = '/apis/config.openshift.io/v1';
const OK = 200;

/**
 * Facts about the whole cluster in the form of a snapshot: API server, images, GPU operator policies, node topology, and how many
 * nodes have which version of what. Bounded: at most about 1 MiB of facts whatever the number of nodes. What could not be
 * read is a measurement in state `unreadable`; never throws.
 * @param cluster read rights for nodes, pods and ClusterPolicy objects
 * @source upstream snapshot: K8s.server, K8s.image, K8s.policy, K8s.node, NodeTopology
 */
export async function readClusterFacts(cluster: FactSource): Promise<readonly Measurement[]> {
  const families = await Promise.all([
    orUnreadable(serverFacts(cluster), { type: 'K8s', subtype: 'server', key: 'version', source: '/version' }),
    orUnreadable(nodeFacts(cluster), { type: 'NodeTopology', subtype: 'summary', key: 'node-count', source: 'v1 Node' }),
    orUnreadable(imageFacts(cluster), {
      type: 'K8s',
      subtype: 'image',
      key: 'images',
      source: 'v1 Pod',
    }),
    orUnreadable(readPolicies(cluster), {
      type: 'K8s',
      subtype: 'policy',
      key: 'policies',
      source: 'nvidia.com/v1 ClusterPolicy',
    }),
  ]);
  return families.flat();
}

async function orUnreadable(facts: Promise<readonly Measurement[]>, place: Omit<Measurement, 'reading'>): Promise<readonly Measurement[]> {
  return facts.catch((error: unknown) => [{ ...place, reading: { state: 'unreadable', reason: errorText(error) } }]);
}

async function readPolicies(cluster: FactSource): Promise<readonly Measurement[]> {
  return policyFacts((await cluster.list({ apiVersion: 'nvidia.com/v1', kind: 'ClusterPolicy' })) ?? []);
}

async function serverFacts(cluster: FactSource): Promise<readonly Measurement[]> {
  const { status, text } = await cluster.get('/version');
  if (status !== OK) throw new Error(`/version answers ${status}`);
  const version: unknown = JSON.parse(text);
  const rows: readonly (readonly [string, string])[] = [
    ['version', 'gitVersion'],
    ['platform', 'platform'],
    ['goVersion', 'goVersion'],
  ];
  return rows.map(([key, field]) => fact('server', key, { value: textAt(version, field), source: '/version' }));
}

async function nodeFacts(cluster: FactSource): Promise<readonly Measurement[]> {
  const nodes = [...(await readNodes(cluster))].sort((left, right) => compareText(left.metadata.name, right.metadata.name));
  const source = nodes.find((node) => isReady(node) && gpuEvidence(node) !== undefined) ?? nodes.find(isReady) ?? nodes[0];
  const isOpenShift = (await cluster.get(OPENSHIFT_API).catch(() => undefined))?.status === OK;
  return [...(source === undefined ? [] : oneNodeFacts(source, isOpenShift)), ...nodeTopology(nodes)];
}

/** Facts of the node that stands for the cluster. OpenShift is told by its API: by the provider of its nodes it looks like the cloud below it. */
function oneNodeFacts(node: ClusterObject, isOpenShift: boolean): readonly Measurement[] {
  const providerId = textAt(node, 'spec', 'providerID');
  const info = (field: string): string | undefined => textAt(node, 'status', 'nodeInfo', field);
  const [runtime = '', runtimeVersion] = (info('containerRuntimeVersion') ?? '').split('://');
  const values: Readonly<Record<string, string | undefined>> = {
    'source-node': node.metadata.name,
    provider: isOpenShift ? 'ocp' : serviceOf(providerId ?? ''),
    'provider-id': providerId,
    'container-runtime-id': info('containerRuntimeVersion'),
    'container-runtime-name': runtime === '' ? undefined : runtime,
    'container-runtime-version': runtimeVersion,
    'kubelet-version': info('kubeletVersion'),
    'kernel-version': info('kernelVersion'),
    'operating-system': info('operatingSystem'),
    'os-image': info('osImage'),
  };
  return Object.entries(values).map(([key, value]) =>
    fact('node', key, { value, source: isOpenShift && key === 'provider' ? OPENSHIFT_API : 'v1 Node' }),
  );
}

function fact(
  subtype: string,
  key: string,
  { value, source }: { readonly value: string | undefined; readonly source: string },
): Measurement {
  const reading: Reading = value === undefined ? { state: 'absent', reason: 'the API server does not say it' } : { state: 'read', value };
  return { type: 'K8s', subtype, key, reading, source };
}

function isReady(node: ClusterObject): boolean {
  return conditionOf(node, 'Ready')?.status === 'True';
}
