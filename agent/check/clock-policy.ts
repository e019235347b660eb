import { numberOf } from '../vendor/parsed.ts';
import type { ListedGpu } from '../vendor/nvidia/smi-xml.ts';
import type { CheckContext } from './check.ts';
import { finding, type Finding } from './fold.ts';
import { judgeField, judgeNvidiaGpus, nvidiaSmi, worst } from './nvidia-gpu.ts';
import type { Verdict } from './verdict.ts';

/** Limits of {@link checkClockPolicy}. */
export const CLOCK_POLICY_THRESHOLDS = {
  warnFrom: { value: 30, unit: 'MHz', source: 'Meta GCM health checks, clock_policy --warn-delta-mhz' },
  failFrom: { value: 75, unit: 'MHz', source: 'Meta GCM health checks, clock_policy --critical-delta-mhz' },
} as const;

const CLOCKS = { applicationsGraphics: 'graphics clock', applicationsMemory: 'memory clock', maxSm: 'highest SM clock' } as const;

type ClockName = keyof typeof CLOCKS;

/** GPUs of one kind are set to the same clocks: one slower GPU slows the whole node. What the clocks are right now is not judged. */
export async function checkClockPolicy(context: CheckContext): Promise<Verdict> {
  const smi = await nvidiaSmi(context);
  if (!smi.ready) return smi.verdict;
  const { gpus } = smi.value;
  return judgeNvidiaGpus(context, { good: 'GPUs of one kind are set to the same clocks' }, ({ gpu }) => {
    const kin = gpus.filter((other) => kindOf(other) === kindOf(gpu));
    if (kin.length < 2) return finding('skip', 'no other GPU of its kind to compare with', null);
    return worst({
      applicationsGraphics: judgeClock(gpu, kin, 'applicationsGraphics'),
      applicationsMemory: judgeClock(gpu, kin, 'applicationsMemory'),
      maxSm: judgeClock(gpu, kin, 'maxSm'),
    });
  });
}

function kindOf({ productName }: ListedGpu): string {
  return productName.reading.state === 'read' ? String(productName.reading.value) : '';
}

function judgeClock(gpu: ListedGpu, kin: readonly ListedGpu[], name: ClockName): Finding {
  return judgeField<number>(gpu.clocks[name], 'number', (mhz) => {
    const usual = mostFrequent(kin.map(({ clocks }) => numberOf(clocks[name])).filter((value) => value !== undefined));
    const drift = Math.abs(mhz - usual);
    const { warnFrom, failFrom } = CLOCK_POLICY_THRESHOLDS;
    const outcome = drift >= failFrom.value ? 'fail' : drift >= warnFrom.value ? 'warn' : 'pass';
    return finding(outcome, outcome === 'pass' ? '' : `${CLOCKS[name]} set to ${mhz} MHz, others to ${usual} MHz`, mhz);
  });
}

/** The value that most have; of equally frequent ones the highest, so that it is the slower GPU that is named. */
function mostFrequent(values: readonly number[]): number {
  const groups = [...Map.groupBy(values, (value) => value)].map(([value, same]) => ({ value, count: same.length }));
  return groups.sort((left, right) => right.count - left.count || right.value - left.value)[0]?.value ?? 0;
}
