import type { FileRead, Host } from '../host/host.ts';
import { acceleratorVendor } from './accelerator.ts';
import { readPci, readPciDetail, type PciDetail, type PciInventory } from './pci-function.ts';

/** Facts that several checks and probes need; each is read on first use and then kept for the run. */
export interface NodeView {
  readonly host: Host;
  readonly pci: () => Promise<FileRead<PciInventory>>;
  /** Physical GPUs by PCI, virtual functions left out. */
  readonly gpus: () => Promise<FileRead<readonly PciDetail[]>>;
}

/** Makes the view of one host for one run. */
export function nodeView(host: Host): NodeView {
  const pci = once(() => readPci(host));
  return { host, pci, gpus: once(async () => readGpus(host, await pci())) };
}

async function readGpus(host: Host, pci: FileRead<PciInventory>): Promise<FileRead<readonly PciDetail[]>> {
  if (pci.state !== 'read') return pci;
  const details: PciDetail[] = [];
  for (const basic of pci.value.functions) if (acceleratorVendor(basic) !== undefined) details.push(await readPciDetail(host, basic));
  return { state: 'read', value: details.filter((detail) => !detail.virtual) };
}

function once<T>(read: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => (result ??= read());
}
