import type { Measurement } from '#core/snapshot/measurement.ts';
import type { Host } from '../host/host.ts';
import { isThere } from './kernel.ts';
import { measure, type Fact } from './measure.ts';
import { readLine } from './text-file.ts';

const CLOCK_SOURCE = '/sys/devices/system/clocksource/clocksource0';

/** How the host keeps time, as `Hardware.time`: sources, not the time itself. */
export async function probeTime(host: Host): Promise<readonly Measurement[]> {
  const current = `${CLOCK_SOURCE}/current_clocksource`;
  const presence = async (key: string, source: string): Promise<Fact> => ({ key, read: await isThere(host, source), source });
  return measure({ subtype: 'time' }, [
    { key: 'clocksource', read: await readLine(host, current), source: current },
    await presence('rtc', '/sys/class/rtc/rtc0'),
    await presence('ptp', '/sys/class/ptp/ptp0'),
    await presence('timesyncd-synchronized', '/run/systemd/timesync/synchronized'),
    await presence('chrony', '/run/chrony'),
  ]);
}
