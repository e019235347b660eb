import { numberOf, type Field } from '../vendor/parsed.ts';
import type { ListedGpu } from '../vendor/nvidia/smi-xml.ts';
import type { CheckContext } from './check.ts';
import { finding, type Finding } from './fold.ts';
import { judgeGrowth } from './growth.ts';
import { judgeField, judgeNvidiaGpus, mustBeOff, worst } from './nvidia-gpu.ts';
import type { Verdict } from './verdict.ts';

/** Limits of {@link checkTemperature}. */
export const TEMPERATURE_THRESHOLDS = {
  headroomWarn: { value: 5, unit: 'Cel', source: 'choice made here: five degrees before the board slows down' },
  memory: { value: 95, unit: 'Cel', source: 'fleet practice, where the board prints no limit for its memory' },
} as const;

/** GPU and memory are cooler than the temperature at which the board slows down. */
export function checkTemperature(context: CheckContext): Promise<Verdict> {
  return judgeNvidiaGpus(context, { good: 'cool enough' }, ({ gpu }) => worst({ headroom: headroom(gpu), memory: memoryTemperature(gpu) }));
}

function headroom({ temperature }: ListedGpu): Finding {
  const slowdown = numberOf(temperature.slowdown);
  const now = numberOf(temperature.gpu);
  // Newer boards print the degrees that are left; older ones the two temperatures.
  const left = numberOf(temperature.tlimit) ?? (slowdown === undefined || now === undefined ? undefined : slowdown - now);
  if (left === undefined)
    return judgeField<number>(temperature.gpu, 'number', (celsius) => finding('skip', 'the board prints no limit', celsius));
  if (left <= 0) return finding('fail', 'at the temperature where it slows down', left);
  return finding(
    left <= TEMPERATURE_THRESHOLDS.headroomWarn.value ? 'warn' : 'pass',
    left <= TEMPERATURE_THRESHOLDS.headroomWarn.value ? `${left} degrees before it slows down` : '',
    left,
  );
}

function memoryTemperature({ temperature }: ListedGpu): Finding {
  const printed = numberOf(temperature.memoryMax);
  const limit = printed === undefined ? TEMPERATURE_THRESHOLDS.memory.value : printed - TEMPERATURE_THRESHOLDS.headroomWarn.value;
  return judgeField<number>(temperature.memory, 'number', (celsius) =>
    finding(celsius >= limit ? 'warn' : 'pass', celsius >= limit ? `memory at ${celsius} degrees` : '', celsius),
  );
}

/** Share of time that a thermal slowdown by software may take, in microseconds per minute: 10 %. */
const SOFTWARE_THERMAL_US = 6_000_000;

/** Limits of {@link checkClockEvents}. */
export const CLOCK_EVENT_THRESHOLDS = {
  softwareThermal: { value: 10, unit: '%', source: 'fleet practice: share of time between two readings' },
  powerCap: { value: 80, unit: '%', source: 'fleet practice: a GPU at its power limit draws more than this share of it' },
} as const;

/** Nothing from outside slows the clocks down; idling and power capping are normal. @source NVML, clocks event reasons */
export function checkClockEvents(context: CheckContext): Promise<Verdict> {
  return judgeNvidiaGpus(context, { good: 'nothing slows the clocks down' }, ({ gpu }) => {
    const { eventReasons, eventCounters } = gpu;
    const device = `nvidia/${gpu.pciBusId ?? gpu.index}`;
    const grow = (field: Field, name: string, rule: { readonly outcome: 'fail' | 'warn'; readonly perMinute?: number }): Finding =>
      judgeField<number>(field, 'number', (us) => judgeGrowth(context, us, { name: `${device}/${name}`, what: `us of ${name}`, ...rule }));
    return worst({
      hwThermal: mustBeOff(eventReasons.hwThermalSlowdown, 'slowed down by heat'),
      hwPowerBrake: mustBeOff(eventReasons.hwPowerBrakeSlowdown, 'slowed down by the external power brake'),
      // The umbrella of the two above; alone and once it proves nothing.
      hwSlowdown: mustBeOff(eventReasons.hwSlowdown, 'a hardware slowdown is active', 'warn'),
      powerCap: powerCap(gpu),
      swThermal: mustBeOff(eventReasons.swThermalSlowdown, 'the driver slows down because of heat', 'warn'),
      hwThermalTime: grow(eventCounters.hwThermalSlowdown, 'thermal slowdown', { outcome: 'fail' }),
      hwPowerBrakeTime: grow(eventCounters.hwPowerBrakeSlowdown, 'power brake', { outcome: 'fail' }),
      swThermalTime: grow(eventCounters.swThermalSlowdown, 'thermal slowdown by the driver', {
        outcome: 'fail',
        perMinute: SOFTWARE_THERMAL_US,
      }),
    });
  });
}

/** Being held at the power limit is normal; being held far below it is not. */
function powerCap({ eventReasons, power }: ListedGpu): Finding {
  const [draw, limit] = [numberOf(power.draw), numberOf(power.limit)];
  return judgeField<boolean>(eventReasons.swPowerCap, 'boolean', (active) => {
    const isFarBelow = active && draw !== undefined && limit !== undefined && draw < limit * (CLOCK_EVENT_THRESHOLDS.powerCap.value / 100);
    return finding(isFarBelow ? 'warn' : 'pass', isFarBelow ? `held by its power limit at ${draw} of ${limit} W` : '', active);
  });
}

/** Limits of {@link checkPowerDraw}. */
export const POWER_DRAW_THRESHOLDS = {
  least: { value: 65, unit: 'W', source: 'NVIDIA Health Validation, gpu_average_power_draw of GB200 and GB300' },
  most: { value: 1500, unit: 'W', source: 'NVIDIA Health Validation, gpu_average_power_draw of GB200 and GB300' },
} as const;

/** Boards of a rack draw as much power as their maker expects of a working one. */
export function checkPowerDraw(context: CheckContext): Promise<Verdict> {
  const { least, most } = POWER_DRAW_THRESHOLDS;
  return judgeNvidiaGpus(context, { good: 'power draw is plausible' }, ({ gpu: { power }, board }) => {
    if (board?.form !== 'tray') return finding('skip', 'no limits of power draw are known for this board', null);
    return judgeField<number>(power.draw, 'number', (watts) => {
      const isOff = watts < least.value || watts > most.value;
      return finding(isOff ? 'warn' : 'pass', isOff ? `draws ${watts} W` : '', watts);
    });
  });
}

/** Nobody lowered the power limit, and the board tells its power. */
export function checkPowerLimit(context: CheckContext): Promise<Verdict> {
  return judgeNvidiaGpus(context, { good: 'power limits are the default' }, ({ gpu: { power }, board }) => {
    const standard = numberOf(power.defaultLimit);
    return worst({
      limit: judgeField<number>(power.limit, 'number', (watts) => {
        const isCapped = standard !== undefined && watts < standard;
        return finding(isCapped ? 'warn' : 'pass', isCapped ? `capped at ${watts} of ${standard} W` : '', { watts, default: standard });
      }),
      draw:
        power.draw.reading.state === 'read'
          ? finding('pass', '', true)
          : finding(board === undefined ? 'skip' : 'warn', 'tells no power draw', null),
    });
  });
}
