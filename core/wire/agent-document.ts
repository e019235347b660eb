import type { Measurement } from '../snapshot/measurement.ts';
import type { CheckResult } from './record.ts';

/** What `agent probe` prints: every measurement of this host at a moment. */
export interface ProbeDocument {
  readonly agentVersion: string;
  readonly node: string;
  readonly sampledAtMs: number;
  readonly measurements: readonly Measurement[];
}

/** What `agent check` prints: one result per check of the phases. */
export interface CheckDocument {
  readonly agentVersion: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly results: readonly CheckResult[];
}
