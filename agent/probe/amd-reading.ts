import { errorText } from '#core/error.ts';
import type { FileRead, Host } from '../host/host.ts';
import { readKfdTopology, type KfdTopology } from '../vendor/amd/kfd-topology.ts';
import { parseAmdSmi, type AmdSmi } from '../vendor/amd/smi.ts';
import { readSysfsDrm, type DrmCard } from '../vendor/amd/sysfs-drm.ts';
import type { FileTree } from '../vendor/file-tree.ts';
import { textOf, type Parsed } from '../vendor/parsed.ts';
import { readTool, type ToolRead } from './tool-read.ts';

const DRM = '/sys/class/drm';
const KFD_NODES = '/sys/class/kfd/kfd/topology/nodes';
const MAX_CARDS = 256;
const MAX_NODES = 1024;
const QUERY_MS = 30_000;

/** Files of an amdgpu device that probes and checks use; reading the partition files may wake an idle device, so they come last. */
const DEVICE_FILES = [
  'vendor',
  'device',
  'unique_id',
  'vbios_version',
  'mem_info_vram_total',
  'pcie_replay_count',
  'current_compute_partition',
  'available_compute_partition',
  'current_memory_partition',
  'ras/features',
];
const RAS_FILE = /^\w+_err_count$/;
const SENSOR_FILE = /^(?:temp\d+_(?:input|label|crit)|power1_(?:average|cap|cap_default|input)|name)$/;

/** An amdgpu card with its place on PCI. */
export interface AmdCard extends DrmCard {
  readonly pciAddress: string | undefined;
}

/** `amd-smi static`: identity, limits and error correction of every GPU. */
export function readAmdStatic(host: Host): Promise<ToolRead<AmdSmi>> {
  return readAmd(host, 'amd-smi-static', ['static', '--json']);
}

/** `amd-smi metric`: temperatures, counters, throttling of every GPU. */
export function readAmdMetric(host: Host): Promise<ToolRead<AmdSmi>> {
  return readAmd(host, 'amd-smi-metric', ['metric', '--json']);
}

/** `amd-smi xgmi -l`: state of the links between GPUs. */
export function readAmdXgmi(host: Host): Promise<ToolRead<AmdSmi>> {
  return readAmd(host, 'amd-smi-xgmi', ['xgmi', '-l']);
}

/** `amd-smi topology -a`: which GPU can reach which. */
export function readAmdTopology(host: Host): Promise<ToolRead<AmdSmi>> {
  return readAmd(host, 'amd-smi-topology', ['topology', '-a']);
}

function readAmd(host: Host, tool: string, args: readonly string[]): Promise<ToolRead<AmdSmi>> {
  const parse = (bytes: Uint8Array): Parsed<AmdSmi> => parseAmdSmi(tool, bytes);
  return readTool(host, { name: 'amd-smi', args, limits: { timeoutMs: QUERY_MS }, parse });
}

/** amdgpu cards below /sys/class/drm; cards of other drivers are left out. */
export async function readAmdCards(host: Host): Promise<FileRead<readonly AmdCard[]>> {
  const names = await host.list(DRM);
  if (names.state !== 'read') return names;
  const cards: AmdCard[] = [];
  for (const name of names.value.filter((each) => /^card\d{1,4}$/.test(each)).slice(0, MAX_CARDS)) {
    const card = await readCard(host, name);
    if (card !== undefined) cards.push(card);
  }
  return { state: 'read', value: cards };
}

async function readCard(host: Host, name: string): Promise<AmdCard | undefined> {
  const device = `${DRM}/${name}/device`;
  const vendor = await host.readText(`${device}/vendor`);
  if (vendor.state !== 'read' || vendor.value.trim() !== '0x1002') return undefined;
  const files = new Map<string, string>();
  for (const file of [...DEVICE_FILES, ...(await childFiles(host, `${device}/ras`, RAS_FILE)), ...(await sensorFiles(host, device))]) {
    const read = await host.readText(`${device}/${file}`);
    if (read.state === 'read') files.set(`${name}/device/${file}`, read.value);
  }
  const target = await host.readLink(device);
  const address = target.state === 'read' ? target.value.slice(target.value.lastIndexOf('/') + 1) : '';
  const card = readSysfsDrm(files).value.cards.find((each) => each.card === name);
  return card === undefined ? undefined : { ...card, pciAddress: /^[0-9a-f]{4,8}:/.test(address) ? address : undefined };
}

/** Files of a directory below a device, by their path from the device. */
async function childFiles(host: Host, path: string, wanted: RegExp): Promise<readonly string[]> {
  const names = await host.list(path);
  const below = path.slice(path.indexOf('/device/') + '/device/'.length);
  return names.state === 'read' ? names.value.filter((name) => wanted.test(name)).map((name) => `${below}/${name}`) : [];
}

async function sensorFiles(host: Host, device: string): Promise<readonly string[]> {
  const monitors = await host.list(`${device}/hwmon`);
  const [first] = monitors.state === 'read' ? monitors.value : [];
  return first === undefined ? [] : childFiles(host, `${device}/hwmon/${first}`, SENSOR_FILE);
}

/** The topology that the compute driver publishes. */
export async function readKfd(host: Host): Promise<FileRead<KfdTopology>> {
  const names = await host.list(KFD_NODES);
  if (names.state !== 'read') return names;
  const files: FileTree = await kfdFiles(host, names.value.filter((name) => /^\d{1,5}$/.test(name)).slice(0, MAX_NODES));
  if (files.size === 0) return { state: 'absent', reason: `${KFD_NODES}: no node` };
  try {
    return { state: 'read', value: readKfdTopology(files).value };
  } catch (error) {
    return { state: 'unreadable', reason: `${KFD_NODES}: ${errorText(error)}` };
  }
}

async function kfdFiles(host: Host, nodes: readonly string[]): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const take = async (path: string): Promise<void> => {
    const read = await host.readText(`${KFD_NODES}/${path}`);
    if (read.state === 'read' && read.value.trim() !== '') files.set(`nodes/${path}`, read.value);
  };
  for (const node of nodes) {
    await take(`${node}/properties`);
    for (const directory of ['mem_banks', 'io_links']) {
      const children = await host.list(`${KFD_NODES}/${node}/${directory}`);
      for (const child of children.state === 'read' ? children.value : []) await take(`${node}/${directory}/${child}/properties`);
    }
  }
  return files;
}

/** Text of a card's field, undefined in every other state. */
export function cardText(card: AmdCard, key: string): string | undefined {
  const field = card.fields.find((each) => each.key === key);
  return field === undefined ? undefined : textOf(field);
}
