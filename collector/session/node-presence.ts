import type { AgentState } from '#core/cluster/agent-state.ts';

/** What Kubernetes says about the agents of the expected nodes, as it is at this moment. */
export interface NodePresence {
  /** @returns undefined for a node that is not expected */
  readonly stateOf: (node: string) => AgentState | undefined;
  /** True when the node cannot report as things stand, waiting does not help, and nothing has changed for a while. */
  readonly isSettled: (node: string) => boolean;
  /** How many nodes are settled. */
  readonly settledCount: () => number;
  /** Calls back when the state of a node has changed, or when it is settled now. */
  readonly listen: (listener: (node: string) => void) => void;
}

/** What a run in a cluster does besides listening to agents. */
export interface ClusterSide {
  readonly presence: NodePresence;
  /** Checks of the whole cluster. `stop` ends them early; `done` never rejects. */
  readonly checks: { readonly done: Promise<void>; readonly stop: () => void };
  /** Without any progress, and without a connected agent, for so long, the run is sealed. */
  readonly stallMs: number;
  /** Refused and suspicious connections so far, by code. */
  readonly incidentCounts: () => Readonly<Record<string, number>>;
}
