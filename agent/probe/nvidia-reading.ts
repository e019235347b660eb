import { errorText } from '#core/error.ts';
import type { FileRead, Host } from '../host/host.ts';
import { parseDcgmDiag, type DcgmDiag } from '../vendor/nvidia/dcgm-diag.ts';
import { parseImex, type Imex } from '../vendor/nvidia/imex.ts';
import { parseProcDriverNvidia, type ProcDriverNvidia } from '../vendor/nvidia/proc-driver.ts';
import { parseNvidiaSmiCsv, type NvidiaSmiCsv } from '../vendor/nvidia/smi-csv.ts';
import { parseNvidiaNvlink, type NvLinkGpu } from '../vendor/nvidia/smi-nvlink.ts';
import { parseNvidiaTopology, type NvidiaTopology } from '../vendor/nvidia/smi-topology.ts';
import { parseNvidiaSmiXml, type NvidiaSmi } from '../vendor/nvidia/smi-xml.ts';
import { readTool, type ToolRead } from './tool-read.ts';

/** Where the NVIDIA kernel module tells about itself. */
export const PROC_DRIVER = '/proc/driver/nvidia';

// A sick GPU system processor answers each question after about 6 s; eight GPUs and a few questions each stay below this.
const QUERY_MS = 30_000;
const SHORT_MS = 15_000;
const DIAGNOSTIC_MS = 180_000;

/** `nvidia-smi -q -x`: identity, health, configuration of every GPU. */
export function readNvidiaSmi(host: Host): Promise<ToolRead<NvidiaSmi>> {
  return readTool(host, { name: 'nvidia-smi', args: ['-q', '-x'], limits: { timeoutMs: QUERY_MS }, parse: parseNvidiaSmiXml });
}

/** The board's own check of its inforom, by PCI address. Not part of `-q -x`; drivers that do not know the field refuse the question. */
export function readInforomChecksums(host: Host): Promise<ToolRead<NvidiaSmiCsv>> {
  const args = ['--query-gpu=pci.bus_id,inforom.checksum_validation', '--format=csv'];
  return readTool(host, { name: 'nvidia-smi', args, limits: { timeoutMs: SHORT_MS }, parse: parseNvidiaSmiCsv });
}

/** `nvidia-smi nvlink -s`: state and speed of every link. */
export function readNvLinks(host: Host): Promise<ToolRead<{ readonly gpus: readonly NvLinkGpu[] }>> {
  return readTool(host, { name: 'nvidia-smi', args: ['nvlink', '-s'], limits: { timeoutMs: SHORT_MS }, parse: parseNvidiaNvlink });
}

/** `nvidia-smi nvlink -e`: error counters of every link. */
export function readNvLinkErrors(host: Host): Promise<ToolRead<{ readonly gpus: readonly NvLinkGpu[] }>> {
  return readTool(host, { name: 'nvidia-smi', args: ['nvlink', '-e'], limits: { timeoutMs: SHORT_MS }, parse: parseNvidiaNvlink });
}

/** `nvidia-smi topo -m`: how GPUs and network cards are connected. */
export function readTopology(host: Host): Promise<ToolRead<NvidiaTopology>> {
  return readTool(host, { name: 'nvidia-smi', args: ['topo', '-m'], limits: { timeoutMs: SHORT_MS }, parse: parseNvidiaTopology });
}

/** `nvidia-imex-ctl -N -j`: the domain of nodes that share memory. */
export function readImex(host: Host): Promise<ToolRead<Imex>> {
  return readTool(host, { name: 'nvidia-imex-ctl', args: ['-N', '-j'], limits: { timeoutMs: SHORT_MS }, parse: parseImex });
}

/** `dcgmi diag -r 1`: loads the GPUs; only for nodes whose GPUs are at rest, and only when asked for. */
export function readDcgmDiag(host: Host): Promise<ToolRead<DcgmDiag>> {
  const limits = { timeoutMs: DIAGNOSTIC_MS, isAskedFor: true };
  return readTool(host, { name: 'dcgmi', args: ['diag', '-r', '1', '-j'], limits, parse: parseDcgmDiag });
}

/** The loaded kernel module: its version is the record of truth for the driver version. */
export async function readKernelModule(host: Host): Promise<FileRead<NonNullable<ProcDriverNvidia['module']>>> {
  const path = `${PROC_DRIVER}/version`;
  const read = await host.readBytes(path, { maxBytes: 4096 });
  if (read.state !== 'read') return read;
  try {
    const { module } = parseProcDriverNvidia(read.value).value;
    return module === undefined ? { state: 'unreadable', reason: `${path}: no module version` } : { state: 'read', value: module };
  } catch (error) {
    return { state: 'unreadable', reason: `${path}: ${errorText(error)}` };
  }
}

/** PCI addresses of the GPUs that the kernel module has opened. */
export async function readModuleGpus(host: Host): Promise<FileRead<readonly string[]>> {
  return host.list(`${PROC_DRIVER}/gpus`);
}
