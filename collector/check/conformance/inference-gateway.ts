import { conditionOf, listAt, textAt } from '#core/cluster/object-value.ts';
import type { ClusterCheckContext } from '../cluster-check.ts';
import { componentOf } from '../read/component.ts';
import { foldProblems, problemOf, type Problem } from '../read/problem.ts';
import { definitionProblems } from '../read/workload-problem.ts';
import { skip, warn, type ClusterVerdict } from '../verdict.ts';

const API = 'gateway.networking.k8s.io/v1';
const CLASS = 'agentgateway';
const GATEWAY = 'inference-gateway';
const INSTALL = 'install agentgateway-crds';
const DEFINITIONS: readonly string[] = [
  'gateways.gateway.networking.k8s.io',
  'httproutes.gateway.networking.k8s.io',
  'inferencepools.inference.networking.x-k8s.io',
];

/** The inference gateway is accepted and programmed, and something answers behind it. A load balancer that the internet reaches is a warning. */
export async function checkInferenceGateway({ cluster, recipe }: ClusterCheckContext): Promise<ClusterVerdict> {
  const component = componentOf(recipe, 'agentgateway');
  if (component === undefined) return skip('the recipe has no agentgateway');
  const namespace = component.namespace ?? 'agentgateway-system';
  const [definitions, gatewayClass, gateway, endpoints] = await Promise.all([
    definitionProblems(cluster, DEFINITIONS, INSTALL),
    conditionProblems(cluster, { kind: 'GatewayClass', name: CLASS }, 'Accepted'),
    conditionProblems(cluster, { kind: 'Gateway', name: GATEWAY, namespace }, 'Programmed'),
    readEndpoints(cluster, namespace),
  ]);
  const exposure = await publicServices(cluster, namespace);
  const observed = { namespace, readyEndpoints: endpoints.ready, publicLoadBalancers: exposure.count };
  const verdict = foldProblems([...definitions, ...gatewayClass, ...gateway, ...endpoints.problems, ...exposure.problems], {
    good: `gateway ${GATEWAY} is programmed, with ${endpoints.ready} ready endpoints`,
    observed,
  });
  if (verdict.outcome !== 'pass' || exposure.count === 0) return verdict;
  return warn(
    `${verdict.message}; ${exposure.count} load balancers of it are open to every address: set loadBalancerSourceRanges or an internal load balancer`,
    observed,
  );
}

interface GatewayObject {
  readonly kind: 'GatewayClass' | 'Gateway';
  readonly name: string;
  readonly namespace?: string;
}

async function conditionProblems(
  cluster: ClusterCheckContext['cluster'],
  object: GatewayObject,
  type: string,
): Promise<readonly Problem[]> {
  const part = `${object.kind} ${object.namespace === undefined ? '' : `${object.namespace}/`}${object.name}`;
  try {
    const found = await cluster.read({ apiVersion: API, ...object });
    if (found === undefined) return [{ outcome: 'fail', text: `${part} does not exist: install agentgateway` }];
    const condition = conditionOf(found, type);
    if (condition?.status === 'True') return [];
    return [{ outcome: 'fail', text: `${part} is not ${type}: ${condition?.message ?? 'its controller says nothing'}` }];
  } catch (error) {
    return [problemOf(error, part)];
  }
}

/** Ready endpoints of the gateway's own services. @source Gateway API: objects of a Gateway carry its name as a label */
async function readEndpoints(
  cluster: ClusterCheckContext['cluster'],
  namespace: string,
): Promise<{ readonly ready: number; readonly problems: readonly Problem[] }> {
  try {
    const slices = (await cluster.list({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', namespace })) ?? [];
    const own = slices.filter(
      ({ metadata: { labels = {} } }) => serviceOf(labels).startsWith(GATEWAY) || labels[GATEWAY_LABEL] === GATEWAY,
    );
    const ready = own.flatMap((slice) => listAt(slice, 'endpoints')).filter((endpoint) => isReady(endpoint)).length;
    return {
      ready,
      problems: ready > 0 ? [] : [{ outcome: 'fail', text: `gateway ${GATEWAY} has no ready endpoint in namespace ${namespace}` }],
    };
  } catch (error) {
    return { ready: 0, problems: [problemOf(error, 'EndpointSlices')] };
  }
}

const GATEWAY_LABEL = 'gateway.networking.k8s.io/gateway-name';

function serviceOf(labels: Readonly<Record<string, string>>): string {
  return labels['kubernetes.io/service-name'] ?? '';
}

/** An endpoint without conditions counts as ready. @source Kubernetes API, EndpointConditions */
function isReady(endpoint: unknown): boolean {
  return (endpoint as { readonly conditions?: { readonly ready?: boolean } }).conditions?.ready !== false;
}

async function publicServices(
  cluster: ClusterCheckContext['cluster'],
  namespace: string,
): Promise<{ readonly count: number; readonly problems: readonly Problem[] }> {
  try {
    const services = (await cluster.list({ apiVersion: 'v1', kind: 'Service', namespace })) ?? [];
    const open = services.filter((service) => {
      const { labels = {}, annotations = {}, name } = service.metadata;
      const isOwn = name.startsWith(GATEWAY) || labels[GATEWAY_LABEL] === GATEWAY;
      const isInternal = Object.entries(annotations).some(([key, value]) => /internal/i.test(`${key}=${value}`) && value !== 'false');
      const ranges = listAt(service, 'spec', 'loadBalancerSourceRanges').filter((range) => range !== '0.0.0.0/0');
      return isOwn && textAt(service, 'spec', 'type') === 'LoadBalancer' && !isInternal && ranges.length === 0;
    });
    return { count: open.length, problems: [] };
  } catch (error) {
    return { count: 0, problems: [problemOf(error, 'Services')] };
  }
}
