import type { KernelMessages } from '../probe/kernel-log.ts';
import type { KernelEvent, PatternId, SxidEvent, XidEvent } from '../vendor/kernel/kernel-event.ts';
import { xidRule } from '../vendor/kernel/xid-table.ts';
import { amdOnPci } from './amd-gpu.ts';
import type { CheckContext } from './check.ts';
import { nvidiaOnPci, type Given } from './nvidia-gpu.ts';
import { judgeXid } from './xid-judgement.ts';
import { fail, pass, skipFor, unknown, warn, type Observed, type Outcome, type Verdict } from './verdict.ts';

async function messages(context: CheckContext): Promise<Given<KernelMessages>> {
  const read = await context.node.kernelLog();
  if (read.state === 'read') return { ready: true, value: read.value };
  return { ready: false, verdict: skipFor('kernel-log', read.reason) };
}

/** One kind of event with how often it came. */
interface Tallied {
  readonly code: number | PatternId;
  readonly devices: readonly string[];
  readonly count: number;
  readonly outcome: Outcome;
  readonly action: string;
}

/** No NVIDIA driver error since boot that asks for more than restarting an application. @source NVIDIA Xid errors catalogue */
export async function checkXid(context: CheckContext): Promise<Verdict> {
  const gpus = await nvidiaOnPci(context);
  if (!gpus.ready) return gpus.verdict;
  const log = await messages(context);
  if (!log.ready) return log.verdict;
  const { driverLoadedAtLine = 0 } = log.value;
  const events = log.value.log.events.filter((event): event is XidEvent => event.kind === 'xid');
  // What an earlier Xid caused is not counted twice; what happened before the driver was loaded anew is resolved, unless it needs a restart.
  const open = events.filter(
    (event) => event.causedBy === undefined && (event.line >= driverLoadedAtLine || xidRule(event.code).class === 'reboot'),
  );
  const rows = tally(open.map((event) => ({ code: event.code, device: event.pciBusId, ...judgeXid(event, open) })));
  return verdictOf(rows, { label: 'Xid', log: log.value });
}

/** No NVSwitch reported a fatal error since boot. @source NVIDIA Fabric Manager guide, SXid errors */
export async function checkSxid(context: CheckContext): Promise<Verdict> {
  const gpus = await nvidiaOnPci(context);
  if (!gpus.ready) return gpus.verdict;
  const log = await messages(context);
  if (!log.ready) return log.verdict;
  const events = log.value.log.events.filter((event): event is SxidEvent => event.kind === 'sxid');
  const rows = tally(
    events.map((event) => ({
      code: event.code,
      device: event.pciBusId,
      outcome: event.severity === 'fatal' ? ('fail' as const) : ('warn' as const),
      action: event.severity === 'fatal' ? 'reset the whole fabric' : 'watch the link',
    })),
  );
  return verdictOf(rows, { label: 'SXid', log: log.value });
}

type PatternRules = Partial<Readonly<Record<PatternId, Outcome>>>;

const HARDWARE_RULES: PatternRules = {
  'machine-check': 'fail',
  'edac-uncorrectable': 'fail',
  'pcie-aer-fatal': 'fail',
  'pcie-aer-nonfatal': 'warn',
  'pcie-dpc': 'fail',
  'soft-lockup': 'warn',
  'hung-task': 'warn',
  'out-of-memory': 'pass',
};

/** No machine check, uncorrectable memory error or broken PCI Express link since boot. */
export async function checkHardwareErrors(context: CheckContext): Promise<Verdict> {
  return judgePatterns(context, 'hardware error', HARDWARE_RULES);
}

const NVIDIA_RULES: PatternRules = { 'gpu-off-bus': 'fail', 'nvidia-init-failed': 'fail', 'nvidia-version-mismatch': 'warn' };

/** The NVIDIA driver could start every GPU and lost none since boot. */
export async function checkNvidiaLog(context: CheckContext): Promise<Verdict> {
  const gpus = await nvidiaOnPci(context);
  return gpus.ready ? judgePatterns(context, 'driver message', NVIDIA_RULES) : gpus.verdict;
}

const AMD_RULES: PatternRules = {
  'amdgpu-uncorrectable': 'fail',
  'amdgpu-poison': 'fail',
  'amdgpu-ras-threshold': 'fail',
  'amdgpu-reset': 'fail',
  'amdgpu-fatal': 'fail',
  'amdgpu-xgmi': 'fail',
  'kfd-hang': 'fail',
};

/** The AMD driver reported no hardware error and no reset since boot. */
export async function checkAmdLog(context: CheckContext): Promise<Verdict> {
  const gpus = await amdOnPci(context);
  return gpus.ready ? judgePatterns(context, 'driver message', AMD_RULES) : gpus.verdict;
}

async function judgePatterns(context: CheckContext, label: string, rules: PatternRules): Promise<Verdict> {
  const log = await messages(context);
  if (!log.ready) return log.verdict;
  const rows = log.value.log.events.flatMap((event) => patternRow(event, rules));
  return verdictOf(tally(rows), { label, log: log.value });
}

function patternRow(event: KernelEvent, rules: PatternRules): readonly Row[] {
  const outcome = event.kind === 'pattern' ? rules[event.pattern] : undefined;
  return event.kind !== 'pattern' || outcome === undefined ? [] : [{ code: event.pattern, device: event.pciBusId, outcome, action: '' }];
}

interface Row {
  readonly code: number | PatternId;
  readonly device: string | undefined;
  readonly outcome: Outcome;
  readonly action: string;
}

function tally(rows: readonly Row[]): readonly Tallied[] {
  return [...Map.groupBy(rows, ({ code, outcome }) => `${code} ${outcome}`).values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const devices = [...new Set(group.map(({ device }) => device).filter((device) => device !== undefined))];
    return [{ code: first.code, outcome: first.outcome, action: first.action, devices, count: group.length }];
  });
}

function verdictOf(rows: readonly Tallied[], { label, log }: { readonly label: string; readonly log: KernelMessages }): Verdict {
  const observed: Observed = { source: log.source, events: rows };
  const told = (outcome: Outcome): string =>
    rows
      .filter((row) => row.outcome === outcome)
      .map(
        (row) =>
          `${row.code}${row.count > 1 ? ` (${row.count} times)` : ''} ${row.devices.join(', ')}${row.action === '' ? '' : `: ${row.action}`}`,
      )
      .join('; ');
  if (rows.some(({ outcome }) => outcome === 'fail')) return fail(`${label} ${told('fail')}`, observed);
  const unclear = log.partial.filter((sentence) => sentence.includes('cannot be read'));
  if (label === 'Xid' && unclear.length > 0) return unknown(unclear.join('; '), observed);
  if (rows.some(({ outcome }) => outcome === 'warn')) return warn(`${label} ${told('warn')}`, observed);
  return pass(rows.length === 0 ? `no ${label} since boot` : `${label} without consequence for the node: ${told('pass')}`, observed);
}
