import type { Phase } from '#core/ctrf/report.ts';
import type { Digest } from '#core/digest/sha256.ts';
import type { Measurement } from '#core/snapshot/measurement.ts';
import type { CheckResult, RecordBody } from './record.ts';

declare const nodeBrand: unique symbol;
declare const runBrand: unique symbol;

/** A node's name as its cluster (or host name) has it; never leaves the collector in a minimal bundle. */
export type NodeName = string & { readonly [nodeBrand]: true };
/** The identifier of one run, unique per collector start. */
export type RunId = string & { readonly [runBrand]: true };

/** What an agent is told to do, in `Welcome`. */
export interface Plan {
  readonly phases: readonly PhasePlan[];
  /** Accelerator of the recipe (`h100`, `mi300`) or `any`: selects thresholds. */
  readonly accelerator: string;
  /** Limits of the recipe that node checks judge; none when left out. */
  readonly constraints?: readonly PlanConstraint[];
}

/** A limit that the recipe sets: a name such as `Deployment.nvidia-driver.version`, an expression such as `>= 580`. */
export interface PlanConstraint {
  readonly name: string;
  readonly value: string;
}

/** One phase of a plan; the agent stops the phase at its deadline and reports what did not run. */
export interface PhasePlan {
  readonly phase: Phase;
  /** Node checks to run, catalog names; empty means all of the phase. */
  readonly checks: readonly string[];
  readonly deadlineMs: number;
}

/** Why a node that was expected has no complete report. */
export type AbsenceReason =
  /** An agent could have run, and none was admitted. */
  | 'never-connected'
  /** Connected at the deadline, with more to say. */
  | 'incomplete'
  /** Was connected and did not come back. */
  | 'lost'
  /** Proved to be untrustworthy. */
  | 'rejected'
  /** Has GPUs, but none of the labels that the DaemonSet selects. */
  | 'unlabelled'
  /** Has a taint that the agent does not tolerate. */
  | 'tainted'
  /** Is cordoned, and no agent runs there. */
  | 'cordoned'
  /** Its agent pod has no place there: resources, volumes, quota, admission. */
  | 'unschedulable'
  /** The agent image cannot be pulled there. */
  | 'image-pull'
  /** Its agent pod ends again and again. */
  | 'agent-failed'
  /** The node itself is not ready. */
  | 'not-ready'
  /** Left the cluster during the run, or came back as another machine. */
  | 'gone';

/** What one node sent, in sequence order, duplicates removed. */
export interface NodeReport {
  readonly node: NodeName;
  readonly agentVersion: string;
  readonly records: readonly RecordBody[];
  readonly complete: boolean;
  /** 1, or higher when an agent of this node lost its journal and another one started over. */
  readonly attempt?: number;
  /** Agent clock minus collector clock when the agent connected. */
  readonly clockSkewMs?: number;
}

/** A node that was expected and did not (completely) report. */
export interface Absence {
  readonly node: NodeName;
  readonly reason: AbsenceReason;
  readonly detail: string;
}

/** A connection that was refused, or an agent that did what no honest one does. */
export interface SessionIncident {
  readonly code: string;
  /** The node that the credential proved, if it got that far. */
  readonly node?: string;
  readonly detail: string;
  readonly atMs: number;
}

/** What a run in a cluster learned besides what its nodes sent. */
export interface ClusterFindings {
  /** Results of the checks of the cluster as a whole, in the order in which they came. */
  readonly checks: readonly CheckResult[];
  readonly measurements: readonly Measurement[];
  /** The first ones of each code and node. */
  readonly incidents: readonly SessionIncident[];
  /** How often each code happened, also when not every one of them is listed. */
  readonly incidentCounts: Readonly<Record<string, number>>;
  /** True when a collector had lost its disk, and the agents sent everything again. */
  readonly refilled: boolean;
  /** Nodes on which more than one agent has begun to report. */
  readonly startedOver: number;
}

/** A run made immutable: everything assembly may use. Every time in a bundle comes from here. */
export interface SealedRun {
  readonly runId: RunId;
  /** 32 random bytes as hex, fixed when the run was opened. */
  readonly nonce: string;
  readonly openedAtMs: number;
  readonly sealedAtMs: number;
  readonly expected: readonly NodeName[];
  readonly reports: readonly NodeReport[];
  readonly absences: readonly Absence[];
  /** How often the collector was started again during the run. */
  readonly collectorRestarts?: number;
  /** Undefined for a run outside a cluster. */
  readonly cluster?: ClusterFindings;
  /** Digest of the artifact that the release published before this run. */
  readonly previous?: Digest;
}

/** A sealed run without what its nodes sent, which may be too much to hold: that is read node by node. */
export type SealedFrame = Omit<SealedRun, 'reports'>;
