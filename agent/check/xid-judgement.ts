import type { LogTime } from '../vendor/kernel/log-line.ts';
import type { XidEvent } from '../vendor/kernel/kernel-event.ts';
import { xidRule } from '../vendor/kernel/xid-table.ts';
import type { Outcome } from './verdict.ts';

/** Limits of the Xid check, beside the table of codes. */
export const XID_THRESHOLDS = {
  processes: {
    value: 3,
    unit: '/d',
    source: 'NVIDIA Xid catalogue: the same fault in several programs points to the GPU; the number is fleet practice',
  },
  corrected: { value: 2, unit: '/d', source: 'choice made here: rates of corrected errors and of the chip-to-chip link that came twice' },
} as const;

/** What an Xid says about the node. */
export interface XidJudgement {
  readonly outcome: Outcome;
  readonly action: string;
}

/** Cleanup after a fault: it has a cause, or it is one. */
const CLEANUP = 45;
/** An error that was contained: the memory it hit is remapped, which one of these tells. */
const CONTAINED = 94;
const MEMORY_ERRORS: ReadonlySet<number> = new Set([48, 63, 64, 95]);
/** Faults of programs, unless several programs have them on one GPU. */
const PROGRAM_FAULTS: ReadonlySet<number> = new Set([13, 31]);
/** Corrected errors: once is noise. */
const CORRECTED: ReadonlySet<number> = new Set([92, 121]);
/** Told by the vendor to ask about, although nothing has to be done at once. */
const ASK_VENDOR: ReadonlySet<number> = new Set([157, 165]);
const DAY_S = 86_400;

/**
 * Judges one Xid among all that are open: its code's rule first, then what the events around it on the same GPU add.
 * @param all every open event in log order
 * @source NVIDIA Xid errors catalogue
 */
export function judgeXid(event: XidEvent, all: readonly XidEvent[]): XidJudgement {
  const rule = xidRule(event.code);
  if (rule.class === 'nvlink5') return { outcome: event.nvlink?.severity === 'nonfatal' ? 'warn' : 'fail', action: rule.action };
  if (rule.class === 'recovery-action') return judgeRecovery(event.recoveryAction, rule.action);
  if (rule.result !== 'info') return { outcome: rule.result, action: rule.action };
  const kin = all.filter((other) => other !== event && other.pciBusId === event.pciBusId);
  const hint = hintOf(event, kin);
  return hint === undefined ? { outcome: 'pass', action: rule.action } : { outcome: 'warn', action: hint };
}

function judgeRecovery(wanted: string | undefined, action: string): XidJudgement {
  if (wanted === undefined) return { outcome: 'warn', action };
  return { outcome: /^none$/i.test(wanted) ? 'pass' : 'fail', action: wanted };
}

/** Why somebody should look at an event that is harmless for itself. */
function hintOf(event: XidEvent, kin: readonly XidEvent[]): string | undefined {
  const { code } = event;
  if (code === CLEANUP)
    return kin.some((other) => other.code !== CLEANUP && other.line < event.line) ? undefined : 'no Xid before it explains it';
  if (code === CONTAINED)
    return kin.some((other) => MEMORY_ERRORS.has(other.code)) ? undefined : 'a contained memory error, and no remap is told';
  if (ASK_VENDOR.has(code)) return 'contact the vendor';
  const alike = [event, ...kin.filter((other) => other.code === code && isNear(event.at, other.at))];
  if (CORRECTED.has(code)) return alike.length >= XID_THRESHOLDS.corrected.value ? `${alike.length} times within a day` : undefined;
  if (!PROGRAM_FAULTS.has(code)) return undefined;
  const processes = new Set(alike.map(({ pid }) => pid).filter((pid) => pid !== undefined)).size;
  return processes >= XID_THRESHOLDS.processes.value ? `in ${processes} programs on one GPU: suspect the GPU` : undefined;
}

/** Within one day; events without comparable times count as near, so that none is lost. */
function isNear(one: LogTime | undefined, other: LogTime | undefined): boolean {
  const [left, right] = [secondsOf(one), secondsOf(other)];
  return left === undefined || right === undefined || Math.abs(left - right) <= DAY_S;
}

function secondsOf(time: LogTime | undefined): number | undefined {
  if (time === undefined) return undefined;
  if ('bootUs' in time) return time.bootUs / 1_000_000;
  const ms = Date.parse(time.wall);
  return Number.isNaN(ms) ? undefined : ms / 1000;
}
