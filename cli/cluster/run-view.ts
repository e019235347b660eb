import type { RunState, RunStatus } from '#core/cluster/run-status.ts';
import type { PodFacts } from '#core/cluster/pod-facts.ts';
import type { ExitCode } from '#core/error.ts';
import type { AgentsView } from './agents-view.ts';
import type { Release } from './find-release.ts';
import type { Run } from './find-run.ts';
import { estimateMs, phaseProgress, slowestNodes, type PhaseProgress, type SlowNode } from './run-progress.ts';
import type { RunTrace } from './run-trace.ts';
import { viewFindings, type ViewFinding } from './view-findings.ts';

/** Nodes whose agents share a reason for not reporting. */
export interface AgentProblem {
  readonly reason: string;
  readonly count: number;
  /** A few of the nodes. */
  readonly nodes: readonly string[];
  /** What is wrong with the first one, ending in the line that would fix it. */
  readonly detail: string;
}

/** A pod of the collector and what it waits for. */
export interface CollectorPod {
  readonly pod: string;
  readonly phase: string;
  /** `collect: ImagePullBackOff: …`; empty when nothing stands in its way. */
  readonly waiting: readonly string[];
}

/** What `assay status` shows: the document of `--format json`, less its `exit`. */
export interface RunView {
  readonly namespace: string;
  readonly release: string;
  readonly run: string | null;
  readonly state: RunState | 'none';
  /** Nothing more will happen in this run. */
  readonly ended: boolean;
  readonly recipe?: string;
  readonly openedAt?: string;
  readonly deadlineAt?: string;
  readonly sealedAt?: string;
  readonly nodes: RunStatus['nodes'];
  readonly checks: RunStatus['checks'];
  readonly phases: readonly PhaseProgress[];
  readonly slowest: readonly SlowNode[];
  readonly estimateMs?: number;
  readonly agents: { readonly desired?: number; readonly ready: number; readonly problems: readonly AgentProblem[] };
  readonly collector: readonly CollectorPod[];
  /** Connections that were refused, and agents that did what no honest one does: how often, by code. */
  readonly incidents: Readonly<Record<string, number>>;
  readonly signer?: RunStatus['signer'];
  readonly oci?: string;
  readonly digest?: string;
  readonly reason?: string;
  readonly hint?: string;
  readonly findings: readonly ViewFinding[];
}

/** Everything that was read about a run. */
export interface RunReading {
  readonly release: Release;
  readonly run: Run | undefined;
  readonly trace: RunTrace;
  readonly agents: AgentsView;
  readonly nowMs: number;
  /** Why the collector's log could not be read; the trace is then empty. */
  readonly logProblem?: string;
}

const NAMED = 3;
const NO_CHECKS: RunStatus['checks'] = { passed: 0, failed: 0, skipped: 0, other: 0 };

/** What a run looks like from outside. */
export function runView(reading: RunReading): RunView {
  const { release, run, trace, agents } = reading;
  const state = runState(run, trace);
  const { status } = run ?? {};
  const view: Omit<RunView, 'findings'> = {
    namespace: release.namespace,
    release: release.name,
    run: run?.id ?? null,
    state,
    ended: hasEnded(run, state),
    ...present({ recipe: status?.recipe ?? trace.recipe, openedAt: status?.openedAt }),
    ...present({ deadlineAt: status?.deadlineAt, sealedAt: status?.sealedAt }),
    ...progressOf(reading, state),
    agents: { ...present({ desired: agents.desired }), ready: agents.ready, problems: agentProblems(agents) },
    collector: (run?.pods ?? []).slice(-1).map(collectorPod),
    incidents: Object.fromEntries(trace.incidents),
    ...deliveryOf(reading),
  };
  return { ...view, findings: viewFindings(view, reading) };
}

type Progress = Pick<RunView, 'nodes' | 'checks' | 'phases' | 'slowest' | 'estimateMs'>;

function progressOf({ run, trace, agents, nowMs }: RunReading, state: RunView['state']): Progress {
  const nodes = run?.status?.nodes ?? tracedCounts(trace, agents);
  const isGathering = state === 'waiting' || state === 'gathering';
  const open = nodes.expected - nodes.finished - Object.values(nodes.absent).reduce((sum, count) => sum + count, 0);
  return {
    nodes,
    checks: run?.status?.checks ?? tracedChecks(trace),
    phases: phaseProgress(trace),
    slowest: isGathering ? slowestNodes(trace.nodes, nowMs) : [],
    ...present({ estimateMs: isGathering ? estimateMs(trace.nodes, { nowMs, open }) : undefined }),
  };
}

function deliveryOf({ run, trace: { delivery, failed } }: RunReading): Pick<RunView, 'signer' | 'oci' | 'digest' | 'reason' | 'hint'> {
  const { signer, oci, digest, reason, hint } = run?.status ?? {};
  const failure = failed === undefined ? undefined : `${failed.code}: ${failed.message}`;
  return {
    ...present({ signer, oci: oci ?? delivery?.oci, digest: digest ?? delivery?.digest }),
    ...present({ reason: reason ?? delivery?.reason ?? failure, hint: hint ?? failed?.hint }),
  };
}

/** What a status ends with: 1 when there is something to look at, whether or not the run goes on. */
export function viewExit({ findings }: RunView): ExitCode {
  return findings.some(({ severity }) => severity === 'error') ? 1 : 0;
}

/** Where a run stands, by its own word, or by its log when a later run has taken the status object. */
export function runState(run: Run | undefined, trace: RunTrace): RunView['state'] {
  if (run === undefined) return 'none';
  if (run.status !== undefined) return run.status.state;
  if (trace.failed !== undefined) return 'failed';
  if (trace.delivery !== undefined) return trace.delivery.state;
  if (trace.sealed !== undefined) return 'sealed';
  if (run.job?.ended === 'failed') return 'failed';
  return trace.hasBegun ? 'gathering' : 'waiting';
}

/** True when nothing more will happen: the work is done, or its Job is over or gone. */
function hasEnded(run: Run | undefined, state: RunView['state']): boolean {
  return state === 'published' || run?.job === undefined || run.job.ended !== undefined;
}

function tracedCounts({ nodes }: RunTrace, agents: AgentsView): RunStatus['nodes'] {
  const absent = nodes.flatMap((node) => node.absent ?? node.waiting ?? []);
  return {
    expected: Math.max(agents.nodes.length, nodes.length),
    connected: nodes.filter(({ connectedAtMs, finishedAtMs }) => connectedAtMs !== undefined && finishedAtMs === undefined).length,
    finished: nodes.filter(({ finishedAtMs }) => finishedAtMs !== undefined).length,
    absent: countBy(absent.map(({ reason }) => reason)),
  };
}

function tracedChecks(trace: RunTrace): RunStatus['checks'] {
  return phaseProgress(trace).reduce(
    (sum, { passed, failed, skipped, other }) => ({
      passed: sum.passed + passed,
      failed: sum.failed + failed,
      skipped: sum.skipped + skipped,
      other: sum.other + other,
    }),
    NO_CHECKS,
  );
}

function agentProblems({ nodes }: AgentsView): readonly AgentProblem[] {
  const absent = nodes.flatMap(({ node, state }) => (state.state === 'absent' ? [{ node, ...state }] : []));
  return [...Map.groupBy(absent, ({ reason }) => reason)]
    .map(([reason, group]) => ({
      reason,
      count: group.length,
      nodes: group.slice(0, NAMED).map(({ node }) => node),
      detail: group[0]?.detail ?? '',
    }))
    .toSorted((left, right) => right.count - left.count);
}

function collectorPod({ name, phase, containers, unschedulable, failure }: PodFacts): CollectorPod {
  const waits = containers.flatMap(({ name: container, waiting }) =>
    waiting === undefined || waiting.reason === 'ContainerCreating'
      ? []
      : [`${container}: ${waiting.reason}${waiting.message === '' ? '' : `: ${waiting.message}`}`],
  );
  const place = unschedulable === undefined ? [] : [`no place: ${unschedulable}`];
  // The phase says already that it failed.
  const ended = failure === undefined || failure.message === '' ? [] : [`${failure.reason}: ${failure.message}`];
  return { pod: name, phase, waiting: [...place, ...ended, ...waits] };
}

function countBy(texts: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries([...Map.groupBy(texts, (text) => text)].map(([text, group]) => [text, group.length]));
}

/** The members that are there: an absent one is left out instead of being undefined. */
function present<Value extends object>(value: Value): { [Key in keyof Value]?: NonNullable<Value[Key]> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [Key in keyof Value]?: NonNullable<Value[Key]>;
  };
}
