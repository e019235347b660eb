import type { Measurement } from '#core/snapshot/measurement.ts';
import { probeAccess } from './access.ts';
import { probeAmd } from './amd.ts';
import { probeCpu } from './cpu.ts';
import { probeFabric } from './fabric.ts';
import { probeFingerprint } from './fingerprint.ts';
import { probeKernel } from './kernel.ts';
import { probeMemory } from './memory.ts';
import type { NodeView } from './node-view.ts';
import type { Pseudonyms } from './pseudonym.ts';
import { probeNetwork } from './network.ts';
import { probeNvidia } from './nvidia.ts';
import { probeOs } from './os.ts';
import { probePci } from './pci.ts';
import { probePlatform } from './platform.ts';
import { probeRdma } from './rdma.ts';
import { probeRuntime } from './runtime.ts';
import { probeStorage } from './storage.ts';
import { probeSysctl } from './sysctl.ts';
import { probeTime } from './time.ts';

/** Reads one fact family. It may throw or hang: the runner turns both into a recorded measurement. */
export interface Probe {
  readonly name: string;
  readonly summary: string;
  readonly deadlineMs: number;
  readonly run: (node: NodeView, pseudonyms: Pseudonyms) => Promise<readonly Measurement[]>;
}

/** Files of sysfs and procfs answer in microseconds; a probe that takes this long is behind a sick device. */
const FILES_MS = 5000;
/** The vendor's inventory tool up to its own deadline, and one that waits for it: tools run one at a time. */
const TOOL_MS = 50_000;

/** Every probe, in evidence order. */
export const PROBES: readonly Probe[] = [
  { name: 'os', summary: 'Release, loaded modules, boot arguments', deadlineMs: FILES_MS, run: ({ host }) => probeOs(host) },
  { name: 'sysctl', summary: 'Kernel settings', deadlineMs: FILES_MS, run: ({ host }) => probeSysctl(host) },
  { name: 'kernel', summary: 'Kernel release, taint, lockdown, secure boot', deadlineMs: FILES_MS, run: ({ host }) => probeKernel(host) },
  { name: 'platform', summary: 'Machine model and cloud', deadlineMs: FILES_MS, run: ({ host }) => probePlatform(host) },
  { name: 'cpu', summary: 'Processors', deadlineMs: FILES_MS, run: ({ host }) => probeCpu(host) },
  { name: 'memory', summary: 'Memory, huge pages, NUMA nodes', deadlineMs: FILES_MS, run: ({ host }) => probeMemory(host) },
  { name: 'pci', summary: 'GPUs, switches and network cards on PCI', deadlineMs: FILES_MS, run: probePci },
  { name: 'storage', summary: 'Disks and file systems', deadlineMs: FILES_MS, run: ({ host }) => probeStorage(host) },
  { name: 'network', summary: 'Network interfaces', deadlineMs: FILES_MS, run: ({ host }) => probeNetwork(host) },
  { name: 'nvidia', summary: 'NVIDIA driver and GPUs', deadlineMs: TOOL_MS, run: probeNvidia },
  { name: 'amd', summary: 'AMD driver and GPUs', deadlineMs: TOOL_MS, run: probeAmd },
  { name: 'fabric', summary: 'NVSwitches and memory export between nodes', deadlineMs: FILES_MS, run: probeFabric },
  { name: 'rdma', summary: 'RDMA devices and ports', deadlineMs: FILES_MS, run: probeRdma },
  { name: 'runtime', summary: 'Container runtimes and their GPU support', deadlineMs: FILES_MS, run: ({ host }) => probeRuntime(host) },
  { name: 'time', summary: 'Clock source and time synchronisation', deadlineMs: FILES_MS, run: ({ host }) => probeTime(host) },
  { name: 'access', summary: 'What this agent can reach', deadlineMs: TOOL_MS, run: probeAccess },
  { name: 'fingerprint', summary: 'Class and instance of the node', deadlineMs: TOOL_MS, run: probeFingerprint },
];
