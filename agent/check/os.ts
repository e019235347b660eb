import { readLine } from '../probe/text-file.ts';
import type { CheckContext } from './check.ts';
import { fail, pass, skip, unknown, warn, withoutSource, type Verdict } from './verdict.ts';

const RELEASE = '/proc/sys/kernel/osrelease';

/** The kernel says which release it is, in the form every Linux kernel uses. */
export async function checkKernelRelease({ host }: CheckContext): Promise<Verdict> {
  const read = await readLine(host, RELEASE);
  if (read.state !== 'read') return withoutSource(host, read);
  const observed = { release: read.value };
  return /^\d+\.\d+/.test(read.value)
    ? pass(`kernel ${read.value}`, observed)
    : unknown(`${RELEASE}: "${read.value}" is no kernel release`, observed);
}

/** Limits of {@link checkClock}. */
export const CLOCK_THRESHOLDS = {
  earliest: { value: '2026-01-01T00:00:00Z', source: 'release date of this agent: certificates of a run start later' },
  latest: { value: '2100-01-01T00:00:00Z', source: 'choice made here: no valid certificate reaches it' },
  rtcOffset: { value: 300, unit: 's', source: 'signing certificates live 10 minutes; half of it' },
} as const;

const RTC = '/sys/class/rtc/rtc0/since_epoch';
const QUARTER_HOUR_S = 900;

/** The wall clock is possible, and near the hardware clock where there is one. */
export async function checkClock({ host, clock }: CheckContext): Promise<Verdict> {
  if (!host.live) return skip('a captured tree has no clock');
  const nowMs = clock.nowMs();
  const { earliest, latest, rtcOffset } = CLOCK_THRESHOLDS;
  if (nowMs < Date.parse(earliest.value) || nowMs > Date.parse(latest.value))
    return fail(`the clock says ${new Date(nowMs).toISOString()}: signatures made now would not verify`, { inRange: false });
  const rtc = await readLine(host, RTC);
  if (rtc.state !== 'read' || !/^\d{9,11}$/.test(rtc.value))
    return pass('the clock is within its range; there is no hardware clock to compare with', { inRange: true });
  const offset = Math.abs(Number(rtc.value) - nowMs / 1000);
  // A hardware clock set to local time is a whole number of quarter hours off.
  const zoned = Math.abs(offset - Math.round(offset / QUARTER_HOUR_S) * QUARTER_HOUR_S);
  const near = zoned <= rtcOffset.value;
  const observed = { inRange: true, nearHardwareClock: near };
  return near
    ? pass('the clock is within its range and near the hardware clock', observed)
    : warn(`the clock and the hardware clock differ by ${Math.round(zoned)} s`, { ...observed, offsetSeconds: Math.round(zoned) });
}
