import { numberOf, type Field } from '../vendor/parsed.ts';
import type { ListedGpu } from '../vendor/nvidia/smi-xml.ts';
import type { CheckContext } from './check.ts';
import { finding, type Finding } from './fold.ts';
import { judgeGrowth } from './growth.ts';
import { judgeField, judgeNvidiaGpus, mustBeOff, worst } from './nvidia-gpu.ts';
import type { Verdict } from './verdict.ts';

/** Boards for which running without error correction is a choice, not a fault. */
const OPTIONAL_ECC = new Set(['ada']);

/** Error correction is on, and no change of it waits for a reset. */
export function checkEccMode(context: CheckContext): Promise<Verdict> {
  return judgeNvidiaGpus(context, { good: 'error correction is on' }, ({ gpu, board }) =>
    worst({
      current: judgeField<boolean>(gpu.ecc.current, 'boolean', (on) => {
        if (on) return finding('pass', '', true);
        return finding(board === undefined || OPTIONAL_ECC.has(board.generation) ? 'warn' : 'fail', 'error correction is off', false);
      }),
      pending: pendingEcc(gpu),
    }),
  );
}

function pendingEcc({ ecc }: ListedGpu): Finding {
  return judgeField<boolean>(ecc.pending, 'boolean', (pending) => {
    const { reading } = ecc.current;
    const differs = reading.state === 'read' && reading.value !== pending;
    return finding(differs ? 'warn' : 'pass', differs ? 'a change of error correction waits for a reset' : '', pending);
  });
}

/** No uncorrectable memory error since the driver was loaded. @source DCGM health, volatile double-bit errors */
export function checkEccUncorrected(context: CheckContext): Promise<Verdict> {
  return judgeNvidiaGpus(context, { good: 'no uncorrectable error since the driver was loaded' }, ({ gpu }) => {
    const { dramUncorrectable } = gpu.ecc.volatile;
    return worst({
      dram: judgeField<number>(dramUncorrectable, 'number', (count) => mustBeZero(count, 'uncorrectable DRAM errors')),
      sram: sramUncorrectable(gpu.ecc.volatile, (count) => mustBeZero(count, 'uncorrectable SRAM errors')),
    });
  });
}

interface SramFields {
  readonly sramUncorrectable: Field;
  readonly sramUncorrectableParity: Field;
  readonly sramUncorrectableSecded: Field;
}

/** Newer drivers print two numbers for what was one. */
function sramUncorrectable(fields: SramFields, judge: (count: number) => Finding): Finding {
  const parity = numberOf(fields.sramUncorrectableParity);
  const secded = numberOf(fields.sramUncorrectableSecded);
  if (parity !== undefined && secded !== undefined) return judge(parity + secded);
  return judgeField<number>(fields.sramUncorrectable, 'number', judge);
}

function mustBeZero(count: number, what: string): Finding {
  return finding(count > 0 ? 'fail' : 'pass', count > 0 ? `${count} ${what}` : '', count);
}

/** The lifetime number of uncorrectable errors has not grown since the last reading. */
export function checkEccGrowth(context: CheckContext): Promise<Verdict> {
  return judgeNvidiaGpus(context, { good: 'no new uncorrectable error' }, ({ gpu }) => {
    const grow = (kind: string) => (count: number) =>
      judgeGrowth(context, count, {
        name: `nvidia/${gpu.pciBusId ?? gpu.index}/ecc-uncorrectable-${kind}`,
        outcome: 'fail',
        what: `uncorrectable ${kind} errors`,
      });
    return worst({
      dram: judgeField<number>(gpu.ecc.aggregate.dramUncorrectable, 'number', grow('dram')),
      sram: sramUncorrectable(gpu.ecc.aggregate, grow('sram')),
    });
  });
}

/** Limits of {@link checkEccCorrected}. */
export const CORRECTED_THRESHOLDS = {
  sram: { value: 10_000, unit: '1', source: 'Azure node health checks' },
  dram: { value: 20_000_000, unit: '1', source: 'Azure node health checks' },
} as const;

/** Corrected errors since the driver was loaded stay below what fleets take for wear. */
export function checkEccCorrected(context: CheckContext): Promise<Verdict> {
  const below = (limit: number, what: string) => (count: number) =>
    finding(count > limit ? 'warn' : 'pass', count > limit ? `more than ${limit} corrected ${what} errors` : '', count);
  return judgeNvidiaGpus(context, { good: 'few corrected errors' }, ({ gpu }) =>
    worst({
      sram: judgeField<number>(gpu.ecc.volatile.sramCorrectable, 'number', below(CORRECTED_THRESHOLDS.sram.value, 'SRAM')),
      dram: judgeField<number>(gpu.ecc.volatile.dramCorrectable, 'number', below(CORRECTED_THRESHOLDS.dram.value, 'DRAM')),
    }),
  );
}

/** The board's own SRAM error threshold is not exceeded. @source NVIDIA GPU memory error management: replace the board */
export function checkSramThreshold(context: CheckContext): Promise<Verdict> {
  return judgeNvidiaGpus(context, { good: 'SRAM error threshold not exceeded' }, ({ gpu }) =>
    mustBeOff(gpu.ecc.sramThresholdExceeded, 'SRAM error threshold exceeded'),
  );
}

/** No memory is beyond repair, and no repair waits for a reset. */
export function checkMemoryRepair(context: CheckContext): Promise<Verdict> {
  return judgeNvidiaGpus(context, { good: 'no memory repair is pending or impossible' }, ({ gpu: { ecc } }) =>
    worst({
      unrepairable: mustBeOff(ecc.unrepairableMemory, 'memory cannot be repaired'),
      channel: mustBeOff(ecc.channelRepairPending, 'a channel repair takes effect at the next reset', 'warn'),
      tpc: mustBeOff(ecc.tpcRepairPending, 'a TPC repair takes effect at the next reset', 'warn'),
    }),
  );
}

/** Why a GPU in MIG mode cannot be cleared: the tool hides its row remapping. */
function hiddenByMig({ mig, remappedRows }: ListedGpu): Finding | undefined {
  const isOn = mig.current.reading.state === 'read' && mig.current.reading.value === true;
  return isOn && remappedRows.failure.reading.state !== 'read' ? finding('skip', 'MIG hides row remapping', null) : undefined;
}

/** No row remap failed: the next error would not be contained. @source NVIDIA GPU memory error management: replace the board */
export function checkRemapFailure(context: CheckContext): Promise<Verdict> {
  return judgeNvidiaGpus(
    context,
    { good: 'no row remap failed' },
    ({ gpu }) => hiddenByMig(gpu) ?? mustBeOff(gpu.remappedRows.failure, 'a row remap failed'),
  );
}

/** No row remap waits for a reset. */
export function checkRemapPending(context: CheckContext): Promise<Verdict> {
  return judgeNvidiaGpus(
    context,
    { good: 'no row remap is pending' },
    ({ gpu }) => hiddenByMig(gpu) ?? mustBeOff(gpu.remappedRows.pending, 'a row remap waits for a reset'),
  );
}

/** Limits of {@link checkRemapCount}. */
export const REMAP_THRESHOLDS = {
  uncorrectable: { value: 512, unit: '1', source: 'DCGM health, uncorrectable row remaps' },
} as const;

/** Enough spare rows are left for future remaps. */
export function checkRemapCount(context: CheckContext): Promise<Verdict> {
  const limit = REMAP_THRESHOLDS.uncorrectable.value;
  return judgeNvidiaGpus(context, { good: 'spare rows are left in every bank' }, ({ gpu }) => {
    const { uncorrectable, histogram } = gpu.remappedRows;
    return (
      hiddenByMig(gpu) ??
      worst({
        uncorrectable: judgeField<number>(uncorrectable, 'number', (count) =>
          finding(count >= limit ? 'warn' : 'pass', count >= limit ? `${count} rows remapped` : '', count),
        ),
        banksWithoutSpare: judgeField<number>(histogram.none, 'number', (banks) =>
          finding(banks > 0 ? 'warn' : 'pass', banks > 0 ? `${banks} banks have no spare row` : '', banks),
        ),
        banksLow: judgeField<number>(histogram.low, 'number', (banks) => finding('pass', '', banks)),
      })
    );
  });
}

/** Limits of {@link checkRetiredPages}. */
export const RETIRED_THRESHOLDS = {
  total: { value: 63, unit: '1', source: 'DCGM health: 63 of 64 pages retired; boards before Ampere' },
  doubleBit: { value: 15, unit: '1', source: 'DCGM health: more than 15 pages retired for double-bit errors, and another one since' },
} as const;

/** Few pages are retired and none is waiting (boards before Ampere; later ones remap rows). */
export function checkRetiredPages(context: CheckContext): Promise<Verdict> {
  const limit = RETIRED_THRESHOLDS.total.value;
  return judgeNvidiaGpus(context, { good: 'few pages are retired, none is pending' }, ({ gpu: { retiredPages, pciBusId, index } }) => {
    const single = numberOf(retiredPages.singleBit);
    return worst({
      pages: judgeField<number>(retiredPages.doubleBit, 'number', (double) => {
        const total = double + (single ?? 0);
        return finding(total >= limit ? 'fail' : 'pass', total >= limit ? `${total} pages retired` : '', total);
      }),
      doubleBit: judgeField<number>(retiredPages.doubleBit, 'number', (double) => {
        const rule = {
          name: `nvidia/${pciBusId ?? index}/retired-double-bit`,
          outcome: 'fail' as const,
          what: 'pages retired for double-bit errors',
        };
        const growth = judgeGrowth(context, double, rule);
        return double > RETIRED_THRESHOLDS.doubleBit.value ? growth : finding('pass', '', growth.observed);
      }),
      pending: mustBeOff(retiredPages.pending, 'a page retirement waits for a reset'),
    });
  });
}
