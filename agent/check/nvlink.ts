import { numberOf } from '../vendor/parsed.ts';
import type { NvLinkGpu } from '../vendor/nvidia/smi-nvlink.ts';
import type { TopologyPair } from '../vendor/nvidia/smi-topology.ts';
import type { CheckContext } from './check.ts';
import { finding, fold, type Finding } from './fold.ts';
import { judgeGrowth } from './growth.ts';
import { nvidiaSubjects, worst, type Given, type NvidiaSubject } from './nvidia-gpu.ts';
import { boardThreshold } from './board.ts';
import { fail, pass, skip, unknown, withoutTool, type Verdict } from './verdict.ts';

/** Boards that are wired to each other by NVLink. */
function isLinked({ board }: NvidiaSubject): boolean {
  return board?.numbers.links !== undefined;
}

async function linkedSubjects(context: CheckContext): Promise<Given<readonly NvidiaSubject[]>> {
  const subjects = await nvidiaSubjects(context);
  if (!subjects.ready || subjects.value.some(isLinked)) return subjects;
  return { ready: false, verdict: skip('these boards are not wired by NVLink') };
}

/** Every NVLink of every GPU is up, as many as the board has, all of one speed. */
export async function checkNvLinkState(context: CheckContext): Promise<Verdict> {
  const subjects = await linkedSubjects(context);
  if (!subjects.ready) return subjects.verdict;
  const read = await context.node.nvLinks();
  if (read.state !== 'read') return withoutTool(read);
  const rows = subjects.value.map((subject) => [nameOf(subject), judgeLinks(subject, linksOf(subject, read.value.gpus))] as const);
  const board = subjects.value.find(isLinked)?.board;
  const threshold = board === undefined ? undefined : boardThreshold(board, 'links');
  return fold(rows, { good: 'every NVLink is up', ...(threshold === undefined ? {} : { thresholds: { links: threshold } }) });
}

function nameOf({ gpu }: NvidiaSubject): string {
  return gpu.pciBusId ?? `gpu${gpu.index}`;
}

/** The block of a GPU: by UUID where both outputs have one, else by place in the list. */
function linksOf({ gpu }: NvidiaSubject, blocks: readonly NvLinkGpu[]): NvLinkGpu | undefined {
  const { reading } = gpu.uuid;
  const byUuid =
    reading.state === 'read'
      ? blocks.find((block) => block.uuid.reading.state === 'read' && block.uuid.reading.value === reading.value)
      : undefined;
  return byUuid ?? blocks.find((block) => block.index === gpu.index);
}

function judgeLinks({ board }: NvidiaSubject, block: NvLinkGpu | undefined): Finding {
  const expected = board?.numbers.links;
  if (expected === undefined) return finding('skip', 'not wired by NVLink', null);
  if (block === undefined) return finding('unknown', 'nvidia-smi nvlink does not list', null);
  if (block.without?.reason === 'mig') return finding('skip', 'MIG hides the links', null);
  const active = block.links.filter(({ state }) => state === 'active');
  const speeds = [...new Set(active.map(({ speed }) => speed))].filter((speed) => speed !== undefined);
  const observed = { active: active.length, listed: block.links.length, speeds };
  if (block.without !== undefined && active.length === 0) return finding('fail', `no link: ${block.without.message}`, observed);
  const inactive = block.links.filter(({ state }) => state === 'inactive');
  if (inactive.length > 0) return finding('fail', `links down: ${inactive.map(({ link }) => link).join(' ')}`, observed);
  if (active.length < expected) return finding('fail', `${active.length} of ${expected} links`, observed);
  return speeds.length > 1
    ? finding('fail', `links of different speed: ${speeds.join(' ')} GB/s`, observed)
    : finding('pass', '', observed);
}

/** Counters of which every single event counts. */
const GRAVE = /replay|recovery/;
const CRC = /crc/;

/** Limits of {@link checkNvLinkErrors}. */
export const NVLINK_THRESHOLDS = {
  crc: { value: 6000, unit: '/min', source: 'DCGM health: 100 CRC errors per second' },
} as const;

/** NVLink error counters have not grown. @source DCGM health: any replay or recovery */
export async function checkNvLinkErrors(context: CheckContext): Promise<Verdict> {
  const subjects = await linkedSubjects(context);
  if (!subjects.ready) return subjects.verdict;
  const read = await context.node.nvLinkErrors();
  if (read.state !== 'read') return withoutTool(read);
  const rows = subjects.value.map(
    (subject) => [nameOf(subject), judgeErrors(context, subject, linksOf(subject, read.value.gpus))] as const,
  );
  return fold(rows, { good: 'no new NVLink errors' });
}

function judgeErrors(context: CheckContext, subject: NvidiaSubject, block: NvLinkGpu | undefined): Finding {
  const sums = new Map<string, number>();
  for (const { fields } of block?.links ?? [])
    for (const field of fields) {
      const count = numberOf(field);
      if (count !== undefined && (GRAVE.test(field.key) || CRC.test(field.key))) sums.set(field.key, (sums.get(field.key) ?? 0) + count);
    }
  if (sums.size === 0) return finding('skip', block?.without?.message ?? 'no error counters', null);
  const findings = [...sums].map(
    ([key, count]) =>
      [key, judgeGrowth(context, count, { name: `nvidia/${nameOf(subject)}/${key}`, outcome: 'fail', what: key, ...rateOf(key) })] as const,
  );
  return worst(Object.fromEntries(findings));
}

function rateOf(key: string): { readonly perMinute?: number } {
  return GRAVE.test(key) ? {} : { perMinute: NVLINK_THRESHOLDS.crc.value };
}

/** On boards wired to each other, every pair of GPUs is connected by the same number of NVLinks. */
export async function checkGpuTopology(context: CheckContext): Promise<Verdict> {
  const subjects = await linkedSubjects(context);
  if (!subjects.ready) return subjects.verdict;
  if (subjects.value.length < 2) return skip('a single GPU has no peer');
  const read = await context.node.topology();
  if (read.state !== 'read') return withoutTool(read);
  const pairs = read.value.pairs.filter(({ from, to }) => from.startsWith('GPU') && to.startsWith('GPU') && from !== to);
  return judgePairs(pairs);
}

function judgePairs(pairs: readonly TopologyPair[]): Verdict {
  if (pairs.length === 0) return unknown('the topology matrix has no pair of GPUs');
  const counts: Record<string, number> = {};
  for (const { connection } of pairs) counts[connection] = (counts[connection] ?? 0) + 1;
  const usual = Object.entries(counts).sort((left, right) => right[1] - left[1])[0]?.[0] ?? '';
  const odd = pairs.filter(({ connection }) => connection !== usual);
  const observed = { connections: counts };
  if (!usual.startsWith('NV')) return fail(`GPUs are connected by ${usual}, not by NVLink`, observed);
  if (odd.length === 0) return pass(`every pair of GPUs is connected by ${usual}`, observed);
  return fail(`not connected by ${usual}: ${culprits(odd).join(', ')}`, { ...observed, culprits: culprits(odd) });
}

/** A sick GPU is in every odd pair; its healthy peers are in one each. */
function culprits(odd: readonly TopologyPair[]): readonly string[] {
  const shares = new Map<string, number>();
  for (const { from, to } of odd) for (const name of [from, to]) shares.set(name, (shares.get(name) ?? 0) + 1);
  const most = Math.max(...shares.values());
  return [...shares].filter(([, share]) => share === most).map(([name]) => name);
}
