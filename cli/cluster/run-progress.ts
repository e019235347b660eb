import { RUN_ORDER, type Phase } from '#core/ctrf/report.ts';
import type { RunTrace, TracedNode } from './run-trace.ts';

/** A node that a run waits for. */
export interface SlowNode {
  readonly node: string;
  /** What it is doing; undefined between two phases. */
  readonly phase?: Phase;
  /** Since it connected. */
  readonly connectedForMs: number;
}

/** How far one phase is, over all nodes. */
export interface PhaseProgress {
  readonly phase: Phase;
  readonly nodesDone: number;
  readonly nodesRunning: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly other: number;
}

/** So many slow nodes are named. */
const NAMED = 3;

/** How far each phase is, in the order of a run; phases of which nothing was told are left out. */
export function phaseProgress(trace: RunTrace): readonly PhaseProgress[] {
  const { nodes, clusterChecks } = trace;
  const checks = [...clusterChecks, ...nodes.flatMap((node) => node.checks)];
  return RUN_ORDER.flatMap((phase) => {
    const nodesDone = nodes.filter(({ done }) => done.includes(phase)).length;
    const nodesRunning = nodes.filter((node) => node.phase === phase && node.finishedAtMs === undefined).length;
    const ofPhase = checks.filter((check) => check.phase === phase);
    if (nodesDone + nodesRunning + ofPhase.length === 0) return [];
    const count = (...statuses: readonly string[]): number => ofPhase.filter(({ status }) => statuses.includes(status)).length;
    return [
      {
        phase,
        nodesDone,
        nodesRunning,
        passed: count('passed'),
        failed: count('failed'),
        skipped: count('skipped'),
        other: count('other', 'pending'),
      },
    ];
  });
}

/** The nodes that are connected and not done, the slowest first; a few of them. */
export function slowestNodes(nodes: readonly TracedNode[], nowMs: number): readonly SlowNode[] {
  return nodes
    .flatMap(({ node, connectedAtMs, finishedAtMs, absent, phase }) =>
      connectedAtMs === undefined || finishedAtMs !== undefined || absent !== undefined
        ? []
        : [{ node, connectedForMs: Math.max(nowMs - connectedAtMs, 0), ...(phase === undefined ? {} : { phase }) }],
    )
    .toSorted((left, right) => right.connectedForMs - left.connectedForMs)
    .slice(0, NAMED);
}

/**
 * How long the run will still take, as the nodes that are done took: the slowest of them sets the pace. Nodes that have not
 * connected are taken to begin now.
 * @param expected number of nodes that must report
 * @param missing nodes of them that cannot
 * @returns undefined as long as no node is done, and when nothing is waited for
 */
export function estimateMs(
  nodes: readonly TracedNode[],
  { nowMs, open }: { readonly nowMs: number; readonly open: number },
): number | undefined {
  const took = nodes.flatMap(({ connectedAtMs, finishedAtMs }) =>
    connectedAtMs === undefined || finishedAtMs === undefined ? [] : [finishedAtMs - connectedAtMs],
  );
  if (took.length === 0 || open <= 0) return undefined;
  const paceMs = Math.max(...took);
  const running = nodes.filter((node) => node.connectedAtMs !== undefined && node.finishedAtMs === undefined && node.absent === undefined);
  const left = running.map(({ connectedAtMs = nowMs }) => Math.max(connectedAtMs + paceMs - nowMs, 0));
  const notBegun = open > running.length ? [paceMs] : [];
  return Math.max(0, ...left, ...notBegun);
}
