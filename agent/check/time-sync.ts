import type { ToolOutcome } from '../host/tool-outcome.ts';
import { outputText } from '../host/tool-outcome.ts';
import type { CheckContext } from './check.ts';
import { fail, pass, skip, skipFor, warn, type Verdict } from './verdict.ts';

/** Limits of {@link checkTimeSync}. */
export const TIME_THRESHOLDS = {
  warnAbove: { value: 10, unit: 'ms', source: 'fleet practice' },
  failAbove: { value: 100, unit: 'ms', source: 'fleet practice; signing needs less than 5 min' },
} as const;

const TOOL_MS = 5000;

/** A time service keeps the clock, and is near its source. */
export async function checkTimeSync({ host }: CheckContext): Promise<Verdict> {
  if (!host.live) return skip('a captured tree has no clock');
  const chrony = judgeChrony(await host.runTool('chronyc', ['-c', 'tracking'], { timeoutMs: TOOL_MS }));
  if (chrony !== undefined) return chrony;
  const systemd = judgeSystemd(
    await host.runTool('timedatectl', ['show', '--property=NTPSynchronized', '--value'], { timeoutMs: TOOL_MS }),
  );
  if (systemd !== undefined) return systemd;
  const stamp = await host.stat('/run/systemd/timesync/synchronized');
  if (stamp.state === 'read') return pass('synchronised by systemd-timesyncd', { service: 'systemd-timesyncd', synchronised: true });
  return skipFor('vendor-tool', 'nothing here tells whether the clock is synchronised: no chronyc, no timedatectl');
}

/** `chronyc -c tracking` is one line of 14 values; the fifth is the offset in seconds, the last the leap status. @source chronyc(1) */
function judgeChrony(outcome: ToolOutcome): Verdict | undefined {
  if (outcome.outcome !== 'exited' || outcome.code !== 0) return undefined;
  const cells = outputText(outcome).trim().split(',');
  const offsetMs = Math.abs(Number(cells[4])) * 1000;
  if (cells.length !== 14 || !Number.isFinite(offsetMs)) return undefined;
  const { warnAbove, failAbove } = TIME_THRESHOLDS;
  // Only which limit it is below: the offset itself is another one at every run.
  const below = [warnAbove.value, failAbove.value].find((limit) => offsetMs <= limit);
  const observed = {
    service: 'chrony',
    synchronised: cells[13] !== 'Not synchronised',
    ...(below === undefined ? { offsetMs: Math.round(offsetMs) } : { offsetMsAtMost: below }),
  };
  if (!observed.synchronised) return fail('chrony is not synchronised', observed);
  if (below === undefined) return fail(`the clock is ${Math.round(offsetMs)} ms off`, observed);
  return below === warnAbove.value
    ? pass('synchronised by chrony', observed)
    : warn(`the clock is more than ${warnAbove.value} ms off`, observed);
}

function judgeSystemd(outcome: ToolOutcome): Verdict | undefined {
  if (outcome.outcome !== 'exited' || outcome.code !== 0) return undefined;
  const answer = outputText(outcome).trim();
  if (answer === 'yes') return pass('synchronised', { service: 'systemd', synchronised: true });
  return answer === 'no' ? fail('the clock is not synchronised', { service: 'systemd', synchronised: false }) : undefined;
}
