import type { PciDetail } from '../probe/pci-function.ts';
import type { AmdCard } from '../probe/amd-reading.ts';
import type { AmdGpu } from '../vendor/amd/smi-device.ts';
import type { Field } from '../vendor/parsed.ts';
import type { CheckContext } from './check.ts';
import { finding, fold, type Finding, type FoldWords } from './fold.ts';
import { onPci, type Given } from './nvidia-gpu.ts';
import { boardOf } from './board-table.ts';
import type { Board } from './board.ts';
import { unknown, withoutTool, type Verdict } from './verdict.ts';

/** One AMD GPU: its PCI function, and its amdgpu card where the driver made one. */
export interface AmdSubject {
  readonly pci: PciDetail;
  readonly card: AmdCard | undefined;
  readonly board: Board | undefined;
}

/** The AMD GPUs on PCI, or why there are none to check. */
export async function amdOnPci({ node }: CheckContext): Promise<Given<readonly PciDetail[]>> {
  return onPci(await node.gpus(), 'amd', 'AMD');
}

/** Judges every AMD GPU by what the driver shows in sysfs, and folds the findings. */
export async function judgeAmdCards(
  context: CheckContext,
  words: FoldWords,
  judge: (subject: AmdSubject) => Finding | Promise<Finding>,
): Promise<Verdict> {
  const pci = await amdOnPci(context);
  if (!pci.ready) return pci.verdict;
  const cards = await context.node.amdCards();
  const known = cards.state === 'read' ? cards.value : [];
  const rows = await Promise.all(
    pci.value.map(async (gpu) => {
      const subject = { pci: gpu, card: known.find((card) => card.pciAddress === gpu.address), board: boardOf(gpu) };
      return [gpu.address, await judge(subject)] as const;
    }),
  );
  return fold(rows, words);
}

/** Judges every AMD GPU by what a form of amd-smi says, and folds the findings. */
export async function judgeAmdSmi(
  context: CheckContext,
  command: 'amdSmi' | 'amdMetric',
  words: FoldWords & { readonly judge: (gpu: AmdGpu) => Finding },
): Promise<Verdict> {
  const pci = await amdOnPci(context);
  if (!pci.ready) return pci.verdict;
  const read = await context.node[command]();
  if (read.state !== 'read') return withoutTool(read);
  if (read.value.gpus.length === 0) return unknown('amd-smi lists no GPU');
  const rows = read.value.gpus.map((gpu) => [gpu.pciBusId ?? `gpu${gpu.index}`, words.judge(gpu)] as const);
  const missing =
    read.value.gpus.length < pci.value.length
      ? [[`${pci.value.length - read.value.gpus.length} more`, finding('unknown', 'amd-smi does not list', null)] as const]
      : [];
  return fold([...rows, ...missing], words);
}

/** A field of a card, as if it had been absent when the driver made no card. */
export function cardField(card: AmdCard | undefined, key: string): Field {
  return (
    card?.fields.find((field) => field.key === key) ?? { key, path: '', reading: { state: 'absent', reason: 'the driver shows none' } }
  );
}
