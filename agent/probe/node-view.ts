import type { FileRead, Host } from '../host/host.ts';
import type { KfdTopology } from '../vendor/amd/kfd-topology.ts';
import type { AmdSmi } from '../vendor/amd/smi.ts';
import type { Imex } from '../vendor/nvidia/imex.ts';
import type { ProcDriverNvidia } from '../vendor/nvidia/proc-driver.ts';
import type { NvLinkGpu } from '../vendor/nvidia/smi-nvlink.ts';
import type { NvidiaTopology } from '../vendor/nvidia/smi-topology.ts';
import type { NvidiaSmi } from '../vendor/nvidia/smi-xml.ts';
import { acceleratorVendor } from './accelerator.ts';
import { readAmdCards, readAmdMetric, readAmdStatic, readAmdXgmi, readKfd, type AmdCard } from './amd-reading.ts';
import { readProcesses, type HostProcesses } from './host-process.ts';
import { readInfiniband, type RdmaDevice } from './infiniband.ts';
import { readKernelLog, type KernelMessages } from './kernel-log.ts';
import { readImex, readKernelModule, readNvidiaSmi, readNvLinkErrors, readNvLinks, readTopology } from './nvidia-reading.ts';
import { readPci, readPciDetail, type PciDetail, type PciInventory } from './pci-function.ts';
import type { ToolRead } from './tool-read.ts';

/** Facts that several checks and probes need; each is read on first use and then kept for the run. */
export interface NodeView {
  readonly host: Host;
  readonly pci: () => Promise<FileRead<PciInventory>>;
  /** Physical GPUs by PCI, virtual functions left out. */
  readonly gpus: () => Promise<FileRead<readonly PciDetail[]>>;
  readonly nvidiaModule: () => Promise<FileRead<NonNullable<ProcDriverNvidia['module']>>>;
  readonly nvidiaSmi: () => Promise<ToolRead<NvidiaSmi>>;
  readonly nvLinks: () => Promise<ToolRead<{ readonly gpus: readonly NvLinkGpu[] }>>;
  readonly nvLinkErrors: () => Promise<ToolRead<{ readonly gpus: readonly NvLinkGpu[] }>>;
  readonly topology: () => Promise<ToolRead<NvidiaTopology>>;
  readonly imex: () => Promise<ToolRead<Imex>>;
  readonly amdSmi: () => Promise<ToolRead<AmdSmi>>;
  readonly amdMetric: () => Promise<ToolRead<AmdSmi>>;
  readonly amdXgmi: () => Promise<ToolRead<AmdSmi>>;
  readonly amdCards: () => Promise<FileRead<readonly AmdCard[]>>;
  readonly kfd: () => Promise<FileRead<KfdTopology>>;
  readonly kernelLog: () => Promise<FileRead<KernelMessages>>;
  readonly infiniband: () => Promise<FileRead<readonly RdmaDevice[]>>;
  readonly processes: () => Promise<FileRead<HostProcesses>>;
}

/** Makes the view of one host for one run. */
export function nodeView(host: Host): NodeView {
  const pci = once(() => readPci(host));
  return {
    host,
    pci,
    gpus: once(async () => readGpus(host, await pci())),
    nvidiaModule: once(() => readKernelModule(host)),
    nvidiaSmi: once(() => readNvidiaSmi(host)),
    nvLinks: once(() => readNvLinks(host)),
    nvLinkErrors: once(() => readNvLinkErrors(host)),
    topology: once(() => readTopology(host)),
    imex: once(() => readImex(host)),
    amdSmi: once(() => readAmdStatic(host)),
    amdMetric: once(() => readAmdMetric(host)),
    amdXgmi: once(() => readAmdXgmi(host)),
    amdCards: once(() => readAmdCards(host)),
    kfd: once(() => readKfd(host)),
    kernelLog: once(() => readKernelLog(host)),
    infiniband: once(() => readInfiniband(host)),
    processes: once(() => readProcesses(host)),
  };
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
