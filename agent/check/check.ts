import type { Clock } from '#core/clock.ts';
import type { Phase } from '#core/ctrf/report.ts';
import type { Scalar } from '#core/snapshot/measurement.ts';
import type { PlanConstraint } from '#core/wire/run.ts';
import type { Host } from '../host/host.ts';
import type { CounterWindow } from './counter-window.ts';
import type { NodeView } from '../probe/node-view.ts';
import type { Verdict } from './verdict.ts';

/**
 * What a failure asks for: `critical` take the node out · `major` drain, then reset or reboot · `minor` watch ·
 * `config` a setting, no verdict about hardware · `info` only told.
 */
export type Severity = 'critical' | 'major' | 'minor' | 'config' | 'info';

/** A number that a verdict depends on. */
export interface Threshold {
  readonly value: Scalar;
  readonly unit?: string;
  /** Where the value comes from: a vendor document, a standard, fleet practice or a choice made here. */
  readonly source: string;
}

/** Thresholds by name. */
export type Thresholds = Readonly<Record<string, Threshold>>;

/** What a check can see. */
export interface CheckContext {
  readonly host: Host;
  /** Facts that several checks read, each read once per run. */
  readonly node: NodeView;
  readonly clock: Clock;
  /** Growth of counters since an earlier run. */
  readonly window: CounterWindow;
  /** Accelerator the recipe asks for (`h100`), or `any`. */
  readonly accelerator: string;
  /** Limits that the recipe sets, by name. */
  readonly constraints: readonly PlanConstraint[];
  /** True when diagnostics that load the GPUs were asked for. */
  readonly diagnostics: boolean;
}

/** One node check: a row of the catalog and of docs/reference/check.md. */
export interface Check {
  readonly name: string;
  readonly phase: Phase;
  /** What is true when it passes, in one line. */
  readonly summary: string;
  /** Paths and commands, as the documentation shows them. */
  readonly reads: readonly string[];
  /** 0 needs no grant at all; 1 needs the vendor tool, host processes or the kernel log. */
  readonly tier: 0 | 1;
  readonly severity: Severity;
  readonly thresholds: Thresholds;
  readonly deadlineMs: number;
  readonly run: (context: CheckContext) => Promise<Verdict>;
}
