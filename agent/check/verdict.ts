import type { CtrfStatus } from '#core/ctrf/report.ts';
import type { FileRead, Host } from '../host/host.ts';
import type { ToolRead } from '../probe/tool-read.ts';
import type { Thresholds } from './check.ts';

/**
 * `skip`: not applicable here, or not readable without a grant, with the reason. `unknown`: should be readable and is not; never a pass.
 */
export type Outcome = 'pass' | 'warn' | 'fail' | 'skip' | 'unknown';

/** What a check found. `observed` holds raw numbers, so that the verdict can be recomputed; never an identity (serial, UUID, address, host name). */
export interface Verdict {
  readonly outcome: Outcome;
  readonly message: string;
  readonly observed: Observed;
  /** Limits that depend on what was found (the board's own numbers), beside those of the catalog. */
  readonly thresholds?: Thresholds;
  /** The grant whose absence is the reason of a skip. */
  readonly missing?: Grant;
}

/**
 * What a check may need beyond reading `/sys` and `/proc`: a vendor tool on the search path, the kernel log, the host's processes,
 * the host's own files, root, or an earlier reading to compare with.
 */
export type Grant = 'vendor-tool' | 'kernel-log' | 'host-processes' | 'host-files' | 'root' | 'earlier-reading';

/** JSON-able raw values by name. */
export type Observed = Readonly<Record<string, unknown>>;

/** Everything is as it should be. */
export function pass(message: string, observed: Observed): Verdict {
  return { outcome: 'pass', message, observed };
}

/** Passed, but somebody should look. */
export function warn(message: string, observed: Observed): Verdict {
  return { outcome: 'warn', message, observed };
}

/** Not as it should be. */
export function fail(message: string, observed: Observed): Verdict {
  return { outcome: 'fail', message, observed };
}

/** Not applicable here, or a grant is missing. */
export function skip(reason: string, observed: Observed = {}): Verdict {
  return { outcome: 'skip', message: reason, observed };
}

/** Not readable here without a grant that the agent does not have. */
export function skipFor(missing: Grant, reason: string, observed: Observed = {}): Verdict {
  return { ...skip(reason, observed), missing };
}

/** Should be readable and is not. */
export function unknown(reason: string, observed: Observed = {}): Verdict {
  return { outcome: 'unknown', message: reason, observed };
}

const STATUS: Readonly<Record<Outcome, CtrfStatus>> = { pass: 'passed', warn: 'passed', fail: 'failed', skip: 'skipped', unknown: 'other' };

/** The CTRF state of an outcome: a warning is a pass with a message. */
export function statusOf(outcome: Outcome): CtrfStatus {
  return STATUS[outcome];
}

/**
 * The verdict of a check whose one source gave no value. What is not there on a running host should be: unknown. In a captured
 * tree it was not captured: skipped.
 */
export function withoutSource(host: Pick<Host, 'live'>, read: Exclude<FileRead<unknown>, { state: 'read' }>): Verdict {
  if (read.state === 'absent' && !host.live) return skip(`not in the captured tree: ${read.reason}`);
  return read.state === 'unsupported' ? skip(read.reason) : unknown(read.reason);
}

/** Exit status of a vendor tool for "not available on this device" and for "no permission". @source nvidia-smi manual, return values */
const NOT_AVAILABLE = 3;
const NO_PERMISSION = 4;

/** The verdict of a check whose vendor tool gave no readable output. */
export function withoutTool(read: Exclude<ToolRead<unknown>, { state: 'read' }>): Verdict {
  if (read.state === 'absent') return skipFor('vendor-tool', read.reason);
  const code = read.outcome.outcome === 'exited' ? read.outcome.code : undefined;
  if (code === NOT_AVAILABLE) return skip(read.reason);
  return code === NO_PERMISSION ? skipFor('root', read.reason) : unknown(read.reason);
}
