import type { Scalar } from '#core/snapshot/measurement.ts';
import type { FileRead } from '../host/host.ts';
import { acceleratorVendor } from '../probe/accelerator.ts';
import type { PciDetail } from '../probe/pci-function.ts';
import type { Field } from '../vendor/parsed.ts';
import type { ListedGpu, NvidiaSmi } from '../vendor/nvidia/smi-xml.ts';
import type { CheckContext } from './check.ts';
import { finding, fold, type Finding, type FoldWords } from './fold.ts';
import { boardOf } from './board-table.ts';
import type { Board } from './board.ts';
import { skip, unknown, withoutTool, type Verdict } from './verdict.ts';

/** One GPU as the tool and the bus see it. */
export interface NvidiaSubject {
  readonly gpu: ListedGpu;
  /** Undefined in guests that reach GPUs by another way than PCI. */
  readonly pci: PciDetail | undefined;
  /** Undefined for silicon without profile. */
  readonly board: Board | undefined;
}

/** Either what a check needs, or the verdict that ends it. */
export type Given<T> = { readonly ready: true; readonly value: T } | { readonly ready: false; readonly verdict: Verdict };

/** The NVIDIA GPUs on PCI, or why there are none to check. */
export async function nvidiaOnPci({ node }: CheckContext): Promise<Given<readonly PciDetail[]>> {
  return onPci(await node.gpus(), 'nvidia', 'NVIDIA');
}

/** The GPUs of one maker, or the verdict that ends a check that needs one. */
export function onPci(read: FileRead<readonly PciDetail[]>, vendor: 'nvidia' | 'amd', label: string): Given<readonly PciDetail[]> {
  if (read.state === 'absent') return { ready: false, verdict: skip(`no ${label} GPU: ${read.reason}`) };
  if (read.state !== 'read') return { ready: false, verdict: unknown(read.reason) };
  const gpus = read.value.filter((gpu) => acceleratorVendor(gpu) === vendor);
  return gpus.length === 0 ? { ready: false, verdict: skip(`no ${label} GPU on the PCI bus`) } : { ready: true, value: gpus };
}

/** What `nvidia-smi -q -x` says, or the verdict that ends a check that needs it. */
export async function nvidiaSmi(context: CheckContext): Promise<Given<NvidiaSmi>> {
  const pci = await nvidiaOnPci(context);
  const read = await context.node.nvidiaSmi();
  if (read.state === 'read') {
    if (read.value.gpus.length > 0) return { ready: true, value: read.value };
    return pci.ready ? { ready: false, verdict: unknown('nvidia-smi lists no GPU') } : pci;
  }
  if (!pci.ready) return pci;
  return { ready: false, verdict: withoutTool(read) };
}

/** Every listed GPU with its PCI function and board. */
export async function nvidiaSubjects(context: CheckContext): Promise<Given<readonly NvidiaSubject[]>> {
  const smi = await nvidiaSmi(context);
  if (!smi.ready) return smi;
  const pci = await context.node.gpus();
  const functions = pci.state === 'read' ? pci.value : [];
  const subjects = smi.value.gpus.map((gpu) => {
    const own = functions.find(({ address }) => address === gpu.pciBusId);
    return { gpu, pci: own, board: own === undefined ? undefined : boardOf(own) };
  });
  return { ready: true, value: subjects };
}

/**
 * Judges every listed GPU and folds the findings. A GPU that is on the bus but not in the list is unknown: what was not seen
 * never passes.
 */
export async function judgeNvidiaGpus(
  context: CheckContext,
  words: FoldWords,
  judge: (subject: NvidiaSubject) => Finding,
): Promise<Verdict> {
  const subjects = await nvidiaSubjects(context);
  if (!subjects.ready) return subjects.verdict;
  const pci = await nvidiaOnPci(context);
  const listed = new Set(subjects.value.map(({ gpu }) => gpu.pciBusId));
  const missing = pci.ready ? pci.value.filter(({ address }) => !listed.has(address)) : [];
  return fold(
    [
      ...subjects.value.map((subject) => [subject.gpu.pciBusId ?? `gpu${subject.gpu.index}`, judge(subject)] as const),
      ...missing.map(({ address }) => [address, finding('unknown', 'nvidia-smi does not list', null)] as const),
    ],
    words,
  );
}

/** Judges the value of a field; the tool's three ways to have no value give a skip or an unknown, never a verdict. */
export function judgeValue(field: Field, judge: (value: Scalar) => Finding): Finding {
  const { reading } = field;
  switch (reading.state) {
    case 'read':
      return judge(reading.value);
    case 'absent':
    case 'unsupported':
      return finding('skip', `${field.key} ${reading.state}`, null);
    case 'unreadable':
      return finding('unknown', `${field.key} unreadable (${reading.reason})`, null);
  }
}

/** As {@link judgeValue} for a value of one type; a value of another type is unknown. */
export function judgeField<T extends Scalar>(field: Field, type: TypeName<T>, judge: (value: T) => Finding): Finding {
  return judgeValue(field, (value) =>
    typeof value === type
      ? judge(value as T)
      : finding('unknown', `${field.key} is "${String(value).slice(0, 40)}"`, String(value).slice(0, 40)),
  );
}

type TypeName<T> = T extends string ? 'string' : T extends number ? 'number' : 'boolean';

/** A flag that must not be set. */
export function mustBeOff(field: Field, text: string, outcome: 'fail' | 'warn' = 'fail'): Finding {
  return judgeField<boolean>(field, 'boolean', (value) => (value ? finding(outcome, text, true) : finding('pass', '', false)));
}

/** A flag that must be set. */
export function mustBeOn(field: Field, text: string, outcome: 'fail' | 'warn'): Finding {
  return judgeField<boolean>(field, 'boolean', (value) => (value ? finding('pass', '', true) : finding(outcome, text, false)));
}

/** The worst of several findings of one GPU, with all observed values. */
export function worst(findings: Readonly<Record<string, Finding>>): Finding {
  const all = Object.values(findings);
  const observed = Object.fromEntries(Object.entries(findings).map(([name, one]) => [name, one.observed]));
  for (const outcome of ['fail', 'unknown', 'warn', 'pass'] as const) {
    const speaking = all.filter((one) => one.outcome === outcome);
    const texts = new Set(speaking.map((one) => one.text).filter((text) => text !== ''));
    if (speaking.length > 0) return finding(outcome, [...texts].join(', '), observed);
  }
  const [first] = all;
  return {
    ...finding('skip', first?.text ?? 'nothing to judge', observed),
    ...(first?.missing === undefined ? {} : { missing: first.missing }),
  };
}
