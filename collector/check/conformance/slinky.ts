import type { ClusterObject } from '#core/cluster/cluster.ts';
import { numberAt, textAt } from '#core/cluster/object-value.ts';
import type { ClusterCheckContext } from '../cluster-check.ts';
import { componentOf } from '../read/component.ts';
import { foldProblems, problemOf, type Problem } from '../read/problem.ts';
import { skip, skipFor, type ClusterVerdict } from '../verdict.ts';

const COMPONENT = 'slinky-slurm';
const NAMESPACE = 'slurm';
const API = 'slinky.slurm.net/v1beta1';
const DOMAIN = { apiVersion: 'resource.nvidia.com/v1beta1', kind: 'ComputeDomain' };
const TEMPLATE = 'slinky-slurm-imex-channels';
const NEEDS_EXEC = 'needs commands inside a Slurm login pod (pods/exec), which Assay never asks for';

/** What of Slurm on Kubernetes can be seen from outside is up. Whether it answers and runs a job is only seen from inside, so this never passes. */
export async function checkSlinkySlurmHealth(context: ClusterCheckContext): Promise<ClusterVerdict> {
  const absent = await absence(context);
  if (absent !== undefined) return absent;
  const namespace = namespaceOfSlurm(context);
  const [controllers, sets, pods] = await Promise.all([
    listed(context, { apiVersion: API, kind: 'Controller', namespace }),
    listed(context, { apiVersion: API, kind: 'NodeSet', namespace }),
    listed(context, { apiVersion: 'v1', kind: 'Pod', namespace }),
  ]);
  const workers = sets.objects.reduce((sum, set) => sum + (numberAt(set, 'status', 'availableReplicas') ?? 0), 0);
  const login = pods.objects
    .filter(({ metadata }) => metadata.name.includes('login'))
    .filter((pod) => textAt(pod, 'status', 'phase') === 'Running').length;
  const observed = { controllers: controllers.objects.length, nodeSets: sets.objects.length, workers, loginPods: login };
  const lacking: readonly Problem[] = [
    ...lack(controllers.objects.length, `no Controller is in namespace ${namespace}`),
    ...lack(workers, `no NodeSet of namespace ${namespace} has an available worker`),
    ...lack(login, `no login pod runs in namespace ${namespace}`),
  ];
  const found = foldProblems([...controllers.problems, ...sets.problems, ...pods.problems, ...lacking], {
    good: 'Slurm is deployed',
    observed,
  });
  return found.outcome === 'pass'
    ? skipFor('exec', `Slurm is deployed with ${workers} workers; scontrol, sinfo and srun ${NEEDS_EXEC}`, observed)
    : found;
}

/** The compute domain that gives Slurm jobs their IMEX channels is there. That two jobs get different channels is only seen from inside, so this never passes. */
export async function checkSlinkySlurmImexChannel(context: ClusterCheckContext): Promise<ClusterVerdict> {
  const absent = await absence(context);
  if (absent !== undefined) return absent;
  const namespace = namespaceOfSlurm(context);
  const domains = await context.cluster.list({ ...DOMAIN, namespace });
  if (domains === undefined) return skip('the cluster does not know ComputeDomain: the DRA driver is not installed');
  const templates = await context.cluster.list({ apiVersion: 'resource.k8s.io/v1', kind: 'ResourceClaimTemplate', namespace });
  const named = (templates ?? []).filter(({ metadata }) => metadata.name === TEMPLATE).length;
  const observed = { domains: domains.length, templates: named };
  const lacking = [
    ...lack(domains.length, `no ComputeDomain is in namespace ${namespace}`),
    ...lack(named, `there is no ResourceClaimTemplate ${namespace}/${TEMPLATE}`),
  ];
  const found = foldProblems(lacking, { good: 'the compute domain is there', observed });
  return found.outcome === 'pass'
    ? skipFor('exec', `the compute domain is there; that two jobs get different channels ${NEEDS_EXEC}`, observed)
    : found;
}

/** Why there is nothing to look at: no component, no API, or only nodes that do not exist. */
async function absence({ cluster, nodes: view, recipe }: ClusterCheckContext): Promise<ClusterVerdict | undefined> {
  if (componentOf(recipe, COMPONENT) === undefined) return skip(`the recipe has no ${COMPONENT}`);
  if ((await cluster.list({ apiVersion: API, kind: 'Controller' })) === undefined)
    return skip(`the cluster does not know ${API}: Slinky is not installed`);
  const nodes = await view.read();
  return nodes.length > 0 && nodes.every(isKwok) ? skip('all nodes are simulated (KWOK)') : undefined;
}

function isKwok({ metadata: { annotations = {}, labels = {} } }: ClusterObject): boolean {
  return annotations['kwok.x-k8s.io/node'] !== undefined || labels['type'] === 'kwok';
}

function namespaceOfSlurm({ recipe }: ClusterCheckContext): string {
  return componentOf(recipe, COMPONENT)?.namespace ?? NAMESPACE;
}

interface Listed {
  readonly objects: readonly ClusterObject[];
  readonly problems: readonly Problem[];
}

async function listed(
  { cluster }: ClusterCheckContext,
  selection: { readonly apiVersion: string; readonly kind: string; readonly namespace: string },
): Promise<Listed> {
  try {
    return { objects: (await cluster.list(selection)) ?? [], problems: [] };
  } catch (error) {
    return { objects: [], problems: [problemOf(error, selection.kind)] };
  }
}

function lack(count: number, text: string): readonly Problem[] {
  return count > 0 ? [] : [{ outcome: 'fail', text }];
}
