import type { FileRead, Host } from '../host/host.ts';
import { acceleratorVendor } from '../probe/accelerator.ts';
import { PCI_DEVICES, type PciDetail } from '../probe/pci-function.ts';
import { readCount } from '../probe/text-file.ts';
import type { CheckContext } from './check.ts';
import { finding, fold, type Finding } from './fold.ts';
import { judgeGrowth } from './growth.ts';
import { judgeField, nvidiaSubjects, worst } from './nvidia-gpu.ts';
import { bridgesAbove } from './pci-acs.ts';
import { boardOf } from './board-table.ts';
import type { Board } from './board.ts';
import { skip, unknown, type Verdict } from './verdict.ts';

/** Boards on a baseboard have a link of their own; in a slot, risers and guests may give less. */
const FIXED_FORMS: ReadonlySet<Board['form']> = new Set(['sxm', 'tray', 'oam']);

type JudgePci = (pci: PciDetail, board: Board | undefined) => Finding | Promise<Finding>;

async function judgePci(context: CheckContext, good: string, judge: JudgePci): Promise<Verdict> {
  const read = await context.node.gpus();
  if (read.state !== 'read') return read.state === 'absent' ? skip(`no GPU: ${read.reason}`) : unknown(read.reason);
  if (read.value.length === 0) return skip('no GPU on the PCI bus');
  const findings = await Promise.all(read.value.map(async (pci) => [pci.address, await judge(pci, boardOf(pci))] as const));
  return fold(findings, { good });
}

/** Every GPU uses as many lanes as its board and slot have. */
export function checkPcieWidth(context: CheckContext): Promise<Verdict> {
  return judgePci(context, 'every GPU uses all its lanes', ({ maxLink, currentLink }, board) => {
    if (board?.form === 'apu') return finding('skip', 'not behind a slot', null);
    const bad = board !== undefined && FIXED_FORMS.has(board.form) ? 'fail' : 'warn';
    const expected = board?.numbers.pcieWidth;
    return worst({
      max: judgeRead(maxLink.width, (width) =>
        expected !== undefined && width < expected
          ? finding(bad, `at most ${width} of ${expected} lanes`, width)
          : finding('pass', '', width),
      ),
      current: judgeRead(currentLink.width, (width) => {
        const most = maxLink.width.state === 'read' ? maxLink.width.value : width;
        return width < most ? finding(bad, `${width} of ${most} lanes`, width) : finding('pass', '', width);
      }),
    });
  });
}

/** Every GPU can run at the link generation of its board, and does when it is busy: an idle link may be slower to save power. */
export async function checkPcieGeneration(context: CheckContext): Promise<Verdict> {
  const busy = await busyGpus(context);
  return judgePci(context, 'every GPU can run at the generation of its board', ({ address, maxLink, currentLink }, board) => {
    if (board?.form === 'apu') return finding('skip', 'not behind a slot', null);
    const expected = board?.numbers.pcieGeneration;
    const bad = board === undefined || board.unverified.includes('pcieGeneration') || !FIXED_FORMS.has(board.form) ? 'warn' : 'fail';
    return worst({
      max: judgeRead(maxLink.generation, (best) =>
        expected !== undefined && best < expected
          ? finding(bad, `at most generation ${best}, the board has ${expected}`, best)
          : finding('pass', '', best),
      ),
      current: judgeRead(currentLink.generation, (now) => {
        const best = Math.min(maxLink.generation.state === 'read' ? maxLink.generation.value : now, expected ?? Number.POSITIVE_INFINITY);
        if (now >= best) return finding('pass', '', now);
        return busy.has(address)
          ? finding('warn', `generation ${now} under load, ${best} is possible`, now)
          : finding('skip', 'idle link', now);
      }),
    });
  });
}

/** GPUs that work right now, so that a slow link cannot be an idle one. */
async function busyGpus(context: CheckContext): Promise<ReadonlySet<string>> {
  const subjects = await nvidiaSubjects(context);
  const busy = (subjects.ready ? subjects.value : []).filter(({ gpu }) => {
    const state = gpu.performanceState.reading;
    const load = gpu.utilization.gpu.reading;
    return state.state === 'read' && state.value === 'P0' && load.state === 'read' && Number(load.value) > 0;
  });
  return new Set(busy.map(({ gpu }) => gpu.pciBusId).filter((address) => address !== undefined));
}

/** Replays per lane and minute that a bit error rate of 1e-12 explains, by generation. */
const REPLAYS_PER_LANE: readonly number[] = [0, 0.15, 0.3, 0.48, 0.96, 1.92, 3.84];

/** Limits of {@link checkPcieReplay}. */
export const REPLAY_THRESHOLDS = {
  generation4x16: { value: 16, unit: '/min', source: 'DCGM health: 0.96 per lane and minute at generation 4' },
  generation5x16: { value: 31, unit: '/min', source: 'DCGM health: 1.92 per lane and minute at generation 5' },
  generation6x16: { value: 62, unit: '/min', source: 'DCGM health: 3.84 per lane and minute at generation 6' },
} as const;

const LEAST_REPLAY_MS = 60_000;

/** Packets are repeated on the link no more often than noise explains; lifetime numbers are never judged. */
export async function checkPcieReplay(context: CheckContext): Promise<Verdict> {
  const subjects = await nvidiaSubjects(context);
  const counts = new Map((subjects.ready ? subjects.value : []).map(({ gpu }) => [gpu.pciBusId, gpu.pcie.replayCounter]));
  return judgePci(context, 'few packets are repeated', async (pci) => {
    const judge = (count: number): Finding =>
      judgeGrowth(context, count, {
        name: `pci/${pci.address}/replay`,
        outcome: 'fail',
        what: 'replays',
        perMinute: replayLimit(pci),
        leastMs: LEAST_REPLAY_MS,
      });
    const field = counts.get(pci.address);
    if (field !== undefined) return judgeField<number>(field, 'number', judge);
    if (acceleratorVendor(pci) === 'amd')
      return judgeRead(await readCount(context.host, `${PCI_DEVICES}/${pci.address}/pcie_replay_count`), judge);
    return finding('skip', 'the counter needs nvidia-smi', null);
  });
}

function replayLimit({ maxLink }: PciDetail): number {
  const generation = maxLink.generation.state === 'read' ? maxLink.generation.value : 5;
  const width = maxLink.width.state === 'read' ? maxLink.width.value : 16;
  return Math.ceil((REPLAYS_PER_LANE[Math.min(generation, REPLAYS_PER_LANE.length - 1)] ?? 0) * width);
}

/** Limits of {@link checkPcieErrors}. */
export const AER_THRESHOLDS = {
  correctable: { value: 100, unit: '/min', source: 'fleet practice; kernel PCIe AER documentation' },
} as const;

const AER_FILES = [
  ['fatal', 'aer_dev_fatal', 'TOTAL_ERR_FATAL'],
  ['nonfatal', 'aer_dev_nonfatal', 'TOTAL_ERR_NONFATAL'],
  ['correctable', 'aer_dev_correctable', 'TOTAL_ERR_COR'],
] as const;

/** The PCI Express error reports of every GPU have not grown. @source Linux kernel, Documentation/PCI/pcieaer-howto.rst */
export function checkPcieErrors(context: CheckContext): Promise<Verdict> {
  return judgePci(context, 'no new PCI Express errors', async ({ address }) => {
    const port = (await bridgesAbove(context.host, address)).at(-1);
    return worst({
      gpu: await judgeReports(context, address, ''),
      ...(port === undefined ? {} : { port: await judgeReports(context, port, ' at the port above') }),
    });
  });
}

async function judgeReports(context: CheckContext, address: string, where: string): Promise<Finding> {
  const findings: Record<string, Finding> = {};
  for (const [kind, file, row] of AER_FILES) {
    const read = await readTotal(context.host, `${PCI_DEVICES}/${address}/${file}`, row);
    const limit = kind === 'correctable' ? { perMinute: AER_THRESHOLDS.correctable.value } : {};
    const rule = {
      name: `pci/${address}/aer-${kind}`,
      outcome: kind === 'fatal' ? ('fail' as const) : ('warn' as const),
      what: `${kind} errors${where}`,
      ...limit,
    };
    findings[kind] = judgeRead(read, (count) => judgeGrowth(context, count, rule));
  }
  return worst(findings);
}

async function readTotal(host: Host, path: string, row: string): Promise<FileRead<number>> {
  const read = await host.readText(path);
  if (read.state !== 'read') return read;
  const text = new RegExp(`^${row} (\\d{1,15})$`, 'm').exec(read.value)?.[1];
  return text === undefined ? { state: 'unreadable', reason: `${path}: no ${row}` } : { state: 'read', value: Number(text) };
}

/** As `judgeField`, for a value read from a file. */
export function judgeRead<T>(read: FileRead<T>, judge: (value: T) => Finding): Finding {
  if (read.state === 'read') return judge(read.value);
  return read.state === 'unreadable' ? finding('unknown', read.reason, null) : finding('skip', read.reason, null);
}
