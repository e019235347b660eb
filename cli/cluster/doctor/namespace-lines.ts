import type { ClusterObject } from '#core/cluster/cluster.ts';
import { at, listAt, textsAt } from '#core/cluster/object-value.ts';
import { resolvedAccess } from './access-lines.ts';
import type { ChartPlan, ContainerResources } from './chart-plan.ts';
import type { ClusterReading } from './cluster-reading.ts';
import { fail, ok, type DoctorLine } from './doctor-line.ts';
import { parseQuantity } from './quantity.ts';

const AT = { section: 'namespace' } as const;
const ENFORCE = 'pod-security.kubernetes.io/enforce';
/** Agents that mount a directory or devices of the node need the lowest level; all others pass the highest. */
const HOST_PATH_ACCESS: ReadonlySet<string> = new Set(['driverRoot', 'amd']);

/** Whether the namespace lets the pods of a release in. */
export function namespaceLines(plan: ChartPlan, reading: ClusterReading): readonly DoctorLine[] {
  if (reading.namespace === undefined)
    return reading.unread.some((what) => what.startsWith('Namespace'))
      ? []
      : [ok('namespace', 'namespace', `the namespace ${plan.namespace} is not there yet: helm makes it with --create-namespace`)];
  return [podSecurityLine(plan, reading), ...quotaLines(plan, reading)];
}

function podSecurityLine(plan: ChartPlan, reading: ClusterReading): DoctorLine {
  const level = textsAt(reading.namespace, 'metadata', 'labels')[ENFORCE] ?? 'privileged';
  const access = resolvedAccess(plan, reading);
  if (level === 'privileged' || !HOST_PATH_ACCESS.has(access))
    return ok('namespace', 'pod-security', `Pod Security of ${plan.namespace} is ${level}: agents and collector pass it`);
  return fail(
    { ...AT, id: 'pod-security' },
    `Pod Security of ${plan.namespace} is ${level}, and gpuAccess ${access} mounts a part of the node: every agent pod would be refused`,
    `kubectl label namespace ${plan.namespace} ${ENFORCE}=privileged --overwrite, or --set gpuAccess=none`,
  );
}

/** What all pods of a release need together, as a quota counts it. */
function demandOf({ agent, collector }: ChartPlan, nodes: number): Readonly<Record<string, number>> {
  const total = (of: 'requests' | 'limits', name: string): number =>
    nodes * amountOf(agent, of, name) + collector.reduce((sum, container) => sum + amountOf(container, of, name), 0);
  const demand: Record<string, number> = { pods: nodes + 1, 'count/pods': nodes + 1, 'count/jobs.batch': 1 };
  for (const name of ['cpu', 'memory']) {
    demand[`requests.${name}`] = demand[name] = total('requests', name);
    demand[`limits.${name}`] = total('limits', name);
  }
  return demand;
}

function amountOf(container: ContainerResources, of: 'requests' | 'limits', name: string): number {
  return parseQuantity(container[of][name] ?? '0');
}

function quotaLines(plan: ChartPlan, { quotas, limitRanges, expected }: ClusterReading): readonly DoctorLine[] {
  const lines = quotas.flatMap((quota) => [...fullLines(plan, quota, expected.length), ...undeclaredLines(plan, quota, limitRanges)]);
  if (lines.length > 0 || quotas.length === 0) return lines;
  return [ok('namespace', 'quota', `the quotas of ${plan.namespace} have room for ${expected.length} agent(s) and a collector`)];
}

function fullLines(plan: ChartPlan, quota: ClusterObject, nodes: number): readonly DoctorLine[] {
  // What is installed counts already.
  if (plan.isInstalled) return [];
  const demand = demandOf(plan, nodes);
  const [hard, used] = [textsAt(quota, 'status', 'hard'), textsAt(quota, 'status', 'used')];
  return Object.entries(hard).flatMap(([name, limit]) => {
    const needed = demand[name];
    const left = parseQuantity(limit) - parseQuantity(used[name] ?? '0');
    if (needed === undefined || !(needed > left)) return [];
    return [
      fail(
        { ...AT, id: `quota-${name}` },
        `the quota ${quota.metadata.name} leaves ${amountText(left)} of ${name}, a run on ${nodes} node(s) needs ${amountText(needed)}`,
        `Raise the quota, or use another namespace: kubectl -n ${plan.namespace} edit resourcequota ${quota.metadata.name}`,
      ),
    ];
  });
}

/** A quota on an amount makes naming it a duty; a limit range may name it for us. */
function undeclaredLines(
  { namespace, agent }: ChartPlan,
  quota: ClusterObject,
  limitRanges: readonly ClusterObject[],
): readonly DoctorLine[] {
  const isCounted = 'limits.cpu' in textsAt(quota, 'spec', 'hard');
  const isNamed = agent.limits['cpu'] !== undefined || limitRanges.some(hasDefaultCpuLimit);
  if (!isCounted || isNamed) return [];
  return [
    fail(
      { ...AT, id: 'quota-limits.cpu' },
      `the quota ${quota.metadata.name} counts limits.cpu, which agents and collector do not name: every pod would be refused`,
      `Make a LimitRange with a default CPU limit in ${namespace}, or set agent.resources.limits.cpu, collector.resources.limits.cpu and collector.signResources.limits.cpu.`,
    ),
  ];
}

function hasDefaultCpuLimit(range: ClusterObject): boolean {
  return listAt(range, 'spec', 'limits').some((limit) => at(limit, 'type') === 'Container' && at(limit, 'default', 'cpu') !== undefined);
}

function amountText(amount: number): string {
  return amount >= 1e6 ? `${Math.round(amount / (1024 * 1024))}Mi` : String(Math.round(amount * 1000) / 1000);
}
