import { agentState, type AgentState } from '#core/cluster/agent-state.ts';
import type { GpuVendor } from '#core/cluster/gpu-evidence.ts';
import type { AgentsView } from '../agents-view.ts';
import type { ChartPlan } from './chart-plan.ts';
import type { ClusterReading, DoctorNode } from './cluster-reading.ts';
import { fail, ok, warn, type DoctorLine } from './doctor-line.ts';

/** Vendors whose accelerators our checks know. */
const KNOWN: ReadonlySet<GpuVendor> = new Set<GpuVendor>(['nvidia', 'amd']);
const NAMED = 5;
const AT = { section: 'nodes' } as const;

/** What becomes of the agent of each node that must report: as it is now where a release is installed, else as it would be. */
export function nodeStates(reading: ClusterReading, plan: ChartPlan, agents: AgentsView | undefined): ReadonlyMap<string, AgentState> {
  if (agents !== undefined) return new Map(agents.nodes.map(({ node, state }) => [node, state]));
  return new Map(reading.expected.map((node) => [node.name, predictedState(node, plan)]));
}

function predictedState(node: DoctorNode, { daemonSet, release }: ChartPlan): AgentState {
  return agentState({ name: node.name, uid: node.uid, node, pods: [], daemonSet, release });
}

/** Which nodes will report and which will not, and what the nodes themselves lack. */
export function nodeLines(reading: ClusterReading, plan: ChartPlan, agents: AgentsView | undefined): readonly DoctorLine[] {
  const { nodes, expected } = reading;
  if (expected.length === 0)
    return [
      fail(
        { ...AT, id: 'gpu-nodes' },
        `none of the ${nodes.length} node(s) has a GPU by capacity or label: there is nothing to certify`,
        'Install a device plug-in or Node Feature Discovery, or name the nodes in agent.extraNodes.',
      ),
    ];
  const states = nodeStates(reading, plan, agents);
  const good = expected.filter(({ name }) => states.get(name)?.state !== 'absent');
  return [
    ...(good.length === 0 ? [] : [named(ok('nodes', 'reporting', `${good.length} of ${expected.length} GPU node(s) will report`), good)]),
    ...absentLines(expected, states),
    ...desiredLine(plan),
    ...vendorLines(expected),
    ...capacityLines(expected),
  ];
}

function absentLines(expected: readonly DoctorNode[], states: ReadonlyMap<string, AgentState>): readonly DoctorLine[] {
  const absent = expected.flatMap((node) => {
    const state = states.get(node.name);
    return state?.state === 'absent' ? [{ node, state }] : [];
  });
  return [...Map.groupBy(absent, ({ state }) => state.reason)].map(([reason, group]) => {
    const detail = group[0]?.state.detail ?? '';
    const { text, line } = splitDetail(detail);
    return named(
      fail({ ...AT, id: reason }, `${group.length} GPU node(s) will not report, ${reason}: ${text}`, line),
      group.map(({ node }) => node),
    );
  });
}

/** A detail ends with the command line that helps, after its last colon and a space. */
function splitDetail(detail: string): { readonly text: string; readonly line: string } {
  const match = /^([\s\S]*): ((?:kubectl|helm) [\s\S]*)$/.exec(detail);
  return { text: match?.[1] ?? detail, line: match?.[2] ?? 'assay doctor --values prints the values for this cluster.' };
}

function desiredLine({ isInstalled, daemonSet }: ChartPlan): readonly DoctorLine[] {
  if (!isInstalled || daemonSet.desired !== 0) return [];
  return [
    fail(
      { ...AT, id: 'desired' },
      `the DaemonSet ${daemonSet.name} wants 0 pods: no node matches its selection`,
      'assay doctor --values prints the values for this cluster.',
    ),
  ];
}

function vendorLines(expected: readonly DoctorNode[]): readonly DoctorLine[] {
  const strange = expected.filter(({ gpu }) => gpu !== undefined && !KNOWN.has(gpu.vendor));
  if (strange.length === 0) return [];
  return [
    named(
      warn(
        { ...AT, id: 'vendor' },
        `${strange.length} GPU node(s) have accelerators that no check knows: only what the node itself says is recorded`,
        'Nothing helps in this version; the evidence says which checks were skipped.',
      ),
      strange,
    ),
  ];
}

/** Labels say that there are GPUs, and the device plug-in gives none to pods. */
function capacityLines(expected: readonly DoctorNode[]): readonly DoctorLine[] {
  const empty = expected.filter(({ gpu }) => gpu !== undefined && sum(gpu.resources) === 0);
  if (empty.length === 0) return [];
  return [
    named(
      warn(
        { ...AT, id: 'device-plugin' },
        `${empty.length} GPU node(s) offer no GPU to pods: the check gpu-capacity will fail unless GPUs are given by resource claims`,
        'Look at the device plug-in on these nodes: kubectl get pods -A -o wide | grep -i device-plugin',
      ),
      empty,
    ),
  ];
}

function sum(amounts: Readonly<Record<string, number>>): number {
  return Object.values(amounts).reduce((total, amount) => total + amount, 0);
}

function named(line: DoctorLine, nodes: readonly { readonly name: string }[]): DoctorLine {
  return { ...line, nodes: nodes.slice(0, NAMED).map(({ name }) => name) };
}
