import type { RunReading, RunView } from './run-view.ts';

/** Something about a run or a release that somebody should know. */
export interface ViewFinding {
  readonly code: string;
  /** An error makes the exit status 1. */
  readonly severity: 'error' | 'warning';
  readonly detail: string;
  readonly hint: string;
}

type View = Omit<RunView, 'findings'>;

/** What is wrong with a release and its run, the worst first. */
export function viewFindings(view: View, reading: RunReading): readonly ViewFinding[] {
  const all = [
    ...releaseFindings(view, reading),
    ...(view.ended ? endFindings(view, reading) : goingFindings(view, reading)),
    ...logFindings(view, reading),
  ];
  return all.filter((finding) => finding !== false);
}

function releaseFindings(view: View, { release, agents }: RunReading): readonly (ViewFinding | false)[] {
  const upgrade = `helm upgrade ${release.helmRelease} charts/assay -n ${release.namespace} --reuse-values`;
  return [
    !agents.hasDaemonSet && error('NO_DAEMON_SET', 'the agents have no DaemonSet', upgrade),
    agents.desired === 0 &&
      error('NO_AGENT_WANTED', 'the DaemonSet of the agents wants 0 pods: no node matches its selection', noAgentHint(view)),
    agents.nodesProblem !== undefined &&
      warning('NODES_UNREADABLE', `the nodes cannot be read: ${agents.nodesProblem}`, 'Which nodes have no agent is not known.'),
    agents.nodes.length === 0 &&
      agents.nodesProblem === undefined &&
      error('NO_GPU_NODE', 'no node of the cluster has a GPU by capacity or label', 'See what the nodes say: assay doctor'),
    release.isUnreadable &&
      error('STATUS_UNREADABLE', 'the status object holds something that this version cannot read', 'Reset it: assay delete'),
  ];
}

function endFindings(view: View, { run }: RunReading): readonly (ViewFinding | false)[] {
  const { namespace, state, checks, nodes, reason, hint } = view;
  const absent = Object.values(nodes.absent).reduce((sum, count) => sum + count, 0);
  const isSealed = state !== 'failed' && state !== 'none';
  const failure = reason ?? `the Job failed: ${run?.job?.reason ?? 'no reason given'}`;
  return [
    state === 'failed' && error('RUN_FAILED', failure, hint ?? `assay logs -n ${namespace}`),
    state === 'pending' && error('SIGNATURE_PENDING', reason ?? 'the evidence is not signed', hint ?? 'assay sign REFERENCE'),
    isSealed && checks.failed > 0 && error('CHECKS_FAILED', `${checks.failed} check(s) failed`, `assay results -n ${namespace}`),
    isSealed &&
      absent > 0 &&
      error('NODES_ABSENT', `${absent} of ${nodes.expected} node(s) did not report`, `assay results -n ${namespace}`),
  ];
}

function goingFindings(view: View, { trace }: RunReading): readonly (ViewFinding | false)[] {
  const { namespace, collector, state, reason } = view;
  const waits = collector.flatMap(({ waiting }) => waiting);
  return [
    waits.length > 0 && warning('COLLECTOR_WAITING', `the pod of the collector waits: ${waits.join('; ')}`, podHint(view)),
    trace.stalled !== undefined && warning('DISK_FULL', trace.stalled, 'Enlarge collector.persistence.size.'),
    state === 'pending' && warning('DELIVERY_RETRIED', reason ?? 'a service is out', `assay logs -n ${namespace} --container sign`),
  ];
}

function logFindings({ namespace, collector }: View, { trace, logProblem }: RunReading): readonly (ViewFinding | false)[] {
  const counts = [...trace.incidents].map(([code, count]) => `${code} ${count}`).join(', ');
  return [
    trace.incidents.size > 0 && warning('INCIDENTS', `refused or suspicious connections: ${counts}`, `assay logs -n ${namespace}`),
    logProblem !== undefined &&
      collector.some(({ phase }) => phase !== 'Pending') &&
      warning('LOG_UNREADABLE', logProblem, 'What depends on the log is left out.'),
  ];
}

/** Without any agent, what keeps most nodes away is what has to be fixed. */
function noAgentHint({ agents }: View): string {
  return agents.problems[0]?.detail ?? 'assay doctor says which labels and tolerations the nodes need.';
}

function podHint({ namespace, collector }: View): string {
  return `kubectl -n ${namespace} describe pod ${collector[0]?.pod ?? ''}`;
}

function error(code: string, detail: string, hint: string): ViewFinding {
  return { code, severity: 'error', detail, hint };
}

function warning(code: string, detail: string, hint: string): ViewFinding {
  return { code, severity: 'warning', detail, hint };
}
