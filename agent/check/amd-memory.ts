import { isGuest } from '../probe/cpu.ts';
import { PCI_DEVICES } from '../probe/pci-function.ts';
import type { RasCounters } from '../vendor/amd/sysfs-drm.ts';
import type { CheckContext } from './check.ts';
import { cardField, judgeAmdCards, judgeAmdSmi, type AmdSubject } from './amd-gpu.ts';
import { boardOf } from './board-table.ts';
import { finding, type Finding } from './fold.ts';
import { judgeGrowth } from './growth.ts';
import { judgeField, judgeValue, worst } from './nvidia-gpu.ts';
import { judgeRead } from './pcie.ts';
import type { Verdict } from './verdict.ts';

/** Where the driver keeps the list of pages that memory errors took out of use. */
const BAD_PAGES = 'ras/gpu_vram_bad_pages';

/** No memory page waits to be retired; retired ones are told. @source Linux kernel, amdgpu RAS: flags R reserved, P pending, F not reservable */
export function checkAmdBadPages(context: CheckContext): Promise<Verdict> {
  return judgeAmdCards(context, { good: 'no bad page' }, async ({ pci }) =>
    judgeRead(await context.host.readText(`${PCI_DEVICES}/${pci.address}/${BAD_PAGES}`), (text) => {
      const flags = [...text.matchAll(/^0x[0-9a-f]+ : 0x[0-9a-f]+ : ([RPF])$/gim)].map((match) => (match[1] ?? '').toUpperCase());
      const count = (flag: string): number => flags.filter((each) => each === flag).length;
      const observed = { reserved: count('R'), pending: count('P'), failed: count('F') };
      const lines = text.split('\n').filter((line) => line.trim() !== '').length;
      if (lines > flags.length) return finding('unknown', `${lines - flags.length} lines of the list cannot be read`, observed);
      if (observed.failed > 0) return finding('fail', `${observed.failed} pages could not be retired`, observed);
      if (observed.pending > 0) return finding('fail', `${observed.pending} pages wait to be retired at the next reset`, observed);
      return finding(observed.reserved > 0 ? 'warn' : 'pass', observed.reserved > 0 ? `${observed.reserved} pages retired` : '', observed);
    }),
  );
}

/** The board's own threshold of bad pages is not exceeded. */
export function checkAmdBadPageThreshold(context: CheckContext): Promise<Verdict> {
  return judgeAmdSmi(context, 'amdSmi', {
    good: 'bad page threshold not exceeded',
    judge: (gpu) =>
      judgeValue(gpu.ras.badPageThresholdExceeded, (value) => {
        const exceeded = String(value).toLowerCase() === 'true';
        return finding(exceeded ? 'fail' : 'pass', exceeded ? 'bad page threshold exceeded' : '', exceeded);
      }),
  });
}

/** Blocks whose lifetime errors condemn by themselves: memory. */
const MEMORY_BLOCK = 'umc';

/** No new uncorrectable hardware error in any block; in memory, none at all. @source amdgpu RAS counters */
export function checkAmdUncorrectable(context: CheckContext): Promise<Verdict> {
  return judgeAmdCards(context, { good: 'no uncorrectable error' }, (subject) =>
    judgeBlocks(subject, ([block, { uncorrectable }]) => {
      if (uncorrectable === undefined) return finding('unknown', `counter of block ${block} unreadable`, null);
      if (block === MEMORY_BLOCK && uncorrectable > 0)
        return finding('fail', `${uncorrectable} uncorrectable memory errors`, { lifetime: uncorrectable });
      const growth = judgeGrowth(context, uncorrectable, {
        name: `amd/${subject.pci.address}/ras-ue-${block}`,
        outcome: 'fail',
        what: `uncorrectable errors in ${block}`,
      });
      // An old error in another block is worth a look, also without an earlier reading.
      return growth.outcome === 'skip' ? finding('warn', `${uncorrectable} uncorrectable errors in ${block}`, growth.observed) : growth;
    }),
  );
}

/** Limits of {@link checkAmdCorrectable}. */
export const AMD_CORRECTABLE_THRESHOLDS = {
  total: { value: 10_000, unit: '1', source: 'fleet practice' },
} as const;

/** Correctable errors stay below what fleets take for wear. */
export function checkAmdCorrectable(context: CheckContext): Promise<Verdict> {
  const limit = AMD_CORRECTABLE_THRESHOLDS.total.value;
  return judgeAmdCards(context, { good: 'few correctable errors' }, (subject) =>
    judgeBlocks(subject, ([block, { correctable }]) =>
      correctable === undefined
        ? finding('unknown', `counter of block ${block} unreadable`, null)
        : finding(
            correctable > limit ? 'warn' : 'pass',
            correctable > limit ? `${correctable} correctable errors in ${block}` : '',
            correctable,
          ),
    ),
  );
}

/** No new deferred error: memory that was found damaged and not yet used. @source amdgpu RAS counters, `de` of newer kernels */
export function checkAmdDeferred(context: CheckContext): Promise<Verdict> {
  return judgeAmdCards(context, { good: 'no new deferred error' }, (subject) =>
    judgeBlocks(subject, ([block, { deferred }]) =>
      deferred === undefined
        ? finding('skip', 'this kernel counts no deferred errors', null)
        : judgeGrowth(context, deferred, {
            name: `amd/${subject.pci.address}/ras-de-${block}`,
            outcome: 'warn',
            what: `deferred errors in ${block}`,
          }),
    ),
  );
}

/** Error correction of the memory is on. @source AMD SMI, RAS block state; guests and boards that share memory with the processor tell none */
export async function checkAmdErrorCorrection(context: CheckContext): Promise<Verdict> {
  const guest = await isGuest(context.host);
  const pci = await context.node.gpus();
  const isShared = pci.state === 'read' && pci.value.some((gpu) => boardOf(gpu)?.form === 'apu');
  return judgeAmdSmi(context, 'amdSmi', {
    good: 'error correction of the memory is on',
    judge: ({ ras }) =>
      judgeValue(ras.umc, (value) => {
        const isOn = value === true || /^enabled$/i.test(String(value));
        if (!isOn && (guest || isShared)) return finding('skip', guest ? 'a guest is not told' : 'memory of the processor', false);
        return finding(isOn ? 'pass' : 'warn', isOn ? '' : 'error correction of the memory is off', isOn);
      }),
  });
}

function judgeBlocks({ card }: AmdSubject, judge: (block: readonly [string, RasCounters]) => Finding): Finding {
  if (card === undefined) return finding('skip', 'the driver shows no card', null);
  const blocks = Object.entries(card.ras);
  if (blocks.length === 0) return finding('skip', 'the driver shows no error counters: guest, or not root', null);
  return worst(Object.fromEntries(blocks.map((block) => [block[0], judge(block)])));
}

/** Memory is as large as the board's. */
export function checkAmdMemory(context: CheckContext): Promise<Verdict> {
  const tolerance = 0.97;
  return judgeAmdCards(context, { good: 'memory is complete' }, ({ card, board }) =>
    judgeField<number>(cardField(card, 'mem_info_vram_total'), 'number', (bytes) => {
      const mebibytes = Math.floor(bytes / (1024 * 1024));
      const expected = board?.numbers.memoryMiB;
      if (expected === undefined || board === undefined || mebibytes >= expected * tolerance) return finding('pass', '', mebibytes);
      return finding(board.unverified.includes('memoryMiB') ? 'warn' : 'fail', `${mebibytes} of ${expected} MiB`, mebibytes);
    }),
  );
}
