import { canonicalJson } from '#core/digest/canonical-json.ts';
import { sha256 } from '#core/digest/sha256.ts';
import type { Measurement } from '#core/snapshot/measurement.ts';
import { boardOf } from '../check/board-table.ts';
import type { Board } from '../check/board.ts';
import { vendorOf } from '../vendor/identity-table.ts';
import { textOf } from '../vendor/parsed.ts';
import { isPlaceholder } from '../vendor/value.ts';
import { isNetworkCard } from './accelerator.ts';
import { cardText } from './amd-reading.ts';
import { readCpuInfo } from './cpu.ts';
import { found, measure, type Fact } from './measure.ts';
import { pick, readMemInfo } from './memory.ts';
import type { NodeView } from './node-view.ts';
import { readOsRelease } from './os.ts';
import { readPciDetail, type PciDetail } from './pci-function.ts';
import type { Pseudonyms } from './pseudonym.ts';
import { readLine } from './text-file.ts';

const SCHEMA = 'assay/hardware-class/v1';
const GIB = 1024 ** 3;
/** Totals differ by what firmware keeps for itself. */
const HOST_MEMORY_BUCKET_GIB = 64;

/**
 * Two fingerprints of the node. The class (`Hardware.class`) is equal for every healthy node of one build and names nobody: a part
 * each for hardware, firmware and software, and one digest over all. The instance (`Hardware.instance`) tells this very node again,
 * by keyed pseudonyms of its devices.
 */
export async function probeFingerprint(node: NodeView, pseudonyms: Pseudonyms): Promise<readonly Measurement[]> {
  const parts = { hardware: await hardwareClass(node), firmware: await firmwareSet(node), software: await softwareSet(node) };
  const digests = Object.entries(parts).map(([name, part]) =>
    found(name, sha256(canonicalJson({ schema: SCHEMA, part: name, ...part })), 'class parts'),
  );
  const all = found('digest', sha256(canonicalJson({ schema: SCHEMA, ...parts })), 'class parts');
  return [...measure({ subtype: 'class' }, [all, ...digests, ...shapeFacts(parts.hardware)]), ...(await instance(node, pseudonyms))];
}

/** From PCI and board tables alone: a GPU that its driver has lost still counts, and a link that runs slow counts at its best. */
async function hardwareClass(node: NodeView) {
  const [cpu, memory, gpus, pci] = [
    await readCpuInfo(node.host),
    pick(await readMemInfo(node.host), 'MemTotal'),
    await node.gpus(),
    await node.pci(),
  ];
  const rows = cpu.state === 'read' ? cpu.value.rows : new Map<string, string>();
  const machine = await readLine(node.host, '/proc/sys/kernel/arch');
  const cards = pci.state === 'read' ? await physicalCards(node, pci.value.functions.filter(isNetworkCard)) : [];
  const accelerators = gpus.state === 'read' ? gpus.value : [];
  return {
    machine: machine.state === 'read' ? machine.value : '',
    cpu: {
      vendor: rows.get('vendor_id') ?? rows.get('CPU implementer') ?? '',
      family: rows.get('cpu family') ?? rows.get('CPU architecture') ?? '',
      model: rows.get('model') ?? rows.get('CPU part') ?? '',
      sockets: (cpu.state === 'read' ? cpu.value.sockets : undefined) ?? 0,
    },
    memoryGiB: memory.state === 'read' ? Math.max(1, Math.round(memory.value / GIB / HOST_MEMORY_BUCKET_GIB)) * HOST_MEMORY_BUCKET_GIB : 0,
    accelerators: counted(accelerators, describeGpu),
    networkCards: counted(cards, ({ vendor, device }) => ({ vendorDevice: `${vendor}:${device}` })),
    fabric: fabricShape(accelerators.map(boardOf)),
  };
}

async function physicalCards(node: NodeView, functions: readonly Parameters<typeof readPciDetail>[1][]): Promise<readonly PciDetail[]> {
  const details = await Promise.all(functions.map((basic) => readPciDetail(node.host, basic)));
  return details.filter((detail) => !detail.virtual);
}

function describeGpu(gpu: PciDetail): Record<string, unknown> {
  const board = boardOf(gpu);
  const value = <T>(read: { readonly state: string; readonly value?: T }): T | undefined =>
    read.state === 'read' ? read.value : undefined;
  return {
    vendorDevice: `${gpu.vendor}:${gpu.device}`,
    subsystem: `${value(gpu.subsystemVendor) ?? ''}:${value(gpu.subsystemDevice) ?? ''}`,
    memoryMiB: board?.numbers.memoryMiB,
    maxPcieGeneration: value(gpu.maxLink.generation),
    maxPcieWidth: value(gpu.maxLink.width),
    links: board?.numbers.links,
  };
}

/** Like things once, with their number, in a fixed order. */
function counted<T>(things: readonly T[], describe: (thing: T) => Record<string, unknown>): readonly Record<string, unknown>[] {
  const groups = Map.groupBy(things.map(describe), (one) => canonicalJson(one));
  return [...groups].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, group]) => ({ ...group[0], count: group.length }));
}

function fabricShape(boards: readonly (Board | undefined)[]): 'none' | 'node' | 'rack' {
  if (boards.some((board) => board?.form === 'tray')) return 'rack';
  return boards.some((board) => board?.numbers.links !== undefined) ? 'node' : 'none';
}

function shapeFacts(hardware: Awaited<ReturnType<typeof hardwareClass>>): readonly Fact[] {
  return [found('fabric', hardware.fabric, 'board table'), found('host-memory-gib', hardware.memoryGiB, '/proc/meminfo')];
}

async function firmwareSet(node: NodeView) {
  const smi = await nvidia(node);
  const cards = await node.amdCards();
  const rdma = await node.infiniband();
  const texts = (values: readonly (string | undefined)[]): readonly string[] =>
    [...new Set(values.filter((value) => value !== undefined))].sort();
  return {
    vbios: texts([
      ...smi.map(({ vbiosVersion }) => textOf(vbiosVersion)),
      ...(cards.state === 'read' ? cards.value.map((card) => cardText(card, 'vbios_version')) : []),
    ]),
    inforom: texts(smi.map(({ inforomImage }) => textOf(inforomImage))),
    networkCards: texts(
      (rdma.state === 'read' ? rdma.value : []).map(({ hcaType, firmware }) =>
        hcaType.state === 'read' && firmware.state === 'read' ? `${hcaType.value} ${firmware.value}` : undefined,
      ),
    ),
  };
}

async function nvidia(node: NodeView) {
  const gpus = await node.gpus();
  if (gpus.state !== 'read' || !gpus.value.some(({ vendor }) => vendorOf(vendor) === 'nvidia')) return [];
  const smi = await node.nvidiaSmi();
  return smi.state === 'read' ? smi.value.gpus : [];
}

async function softwareSet(node: NodeView) {
  const [kernel, module, amdgpu, os] = [
    await readLine(node.host, '/proc/sys/kernel/osrelease'),
    await node.nvidiaModule(),
    await readLine(node.host, '/sys/module/amdgpu/version'),
    await readOsRelease(node.host),
  ];
  return {
    kernel: kernel.state === 'read' ? kernel.value : '',
    nvidiaDriver: module.state === 'read' ? `${module.value.version} ${module.value.flavour}` : '',
    amdDriver: amdgpu.state === 'read' ? amdgpu.value : '',
    os: os.state === 'read' ? `${os.value.values.get('ID') ?? ''} ${os.value.values.get('VERSION_ID') ?? ''}` : '',
  };
}

async function instance(node: NodeView, pseudonyms: Pseudonyms): Promise<readonly Measurement[]> {
  const gpus = await node.gpus();
  const expected = gpus.state === 'read' ? gpus.value.length : 0;
  if (expected === 0) return [];
  const cards = await node.amdCards();
  const identities = [
    ...(await nvidia(node))
      .map(({ uuid }) => textOf(uuid))
      .filter((uuid) => uuid !== undefined && !isPlaceholder(uuid))
      .map((uuid) => `nv:${uuid ?? ''}`),
    ...new Set(
      (cards.state === 'read' ? cards.value : [])
        .map((card) => cardText(card, 'unique_id'))
        .filter((id) => id !== undefined && !isPlaceholder(id))
        .map((id) => `amd:${id ?? ''}`),
    ),
  ].sort();
  const source = 'GPU identities';
  // One identity for two boards, or none for one, and the fingerprint says nothing about which node this is.
  const distinct = new Set(identities).size;
  const isComplete = distinct >= expected;
  return [
    ...measure({ subtype: 'instance' }, [
      found('key-id', pseudonyms.keyId, 'identity key'),
      found('devices', identities.length, source),
      isComplete
        ? found('digest', pseudonyms.of('node', identities.join('\n')), source)
        : {
            key: 'digest',
            read: { state: 'unreadable', reason: `partial: ${distinct} of ${expected} GPUs tell an identity of their own` },
            source,
          },
    ]),
    ...identities.flatMap((identity, index) =>
      measure({ subtype: 'instance', item: `device-${index + 1}` }, [found('pseudonym', pseudonyms.of('device', identity), source)]),
    ),
  ];
}
