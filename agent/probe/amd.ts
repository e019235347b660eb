import type { Measurement } from '#core/snapshot/measurement.ts';
import type { AmdCard } from './amd-reading.ts';
import { acceleratorVendor } from './accelerator.ts';
import { measure, type Fact } from './measure.ts';
import type { NodeView } from './node-view.ts';
import type { Pseudonyms } from './pseudonym.ts';
import { readLine } from './text-file.ts';

/** Facts of a card that stay the same from run to run. */
const CARD_KEYS = [
  'vbios_version',
  'mem_info_vram_total',
  'current_compute_partition',
  'available_compute_partition',
  'current_memory_partition',
];

/** Facts of `amd-smi static` that stay the same from run to run. */
const STATIC_KEY =
  /^(asic\.(market_name|vendor_id|device_id|subsystem_id|rev_id|num_compute_units|oam_id|target_graphics_version)|board\.(model_number|product_name|manufacturer_name)|(ifwi|vbios)\..*|limit\..*|driver\..*|vram\.(type|vendor|size|bit_width|max_bandwidth)|ras\.(eeprom_version|bad_page_threshold|ecc_block_state\..*)|bus\.(max_pcie_width|max_pcie_speed|slot_type)|numa\..*|cache_info.*)$/;

/** AMD facts as `Hardware.amd`: the driver, every card in sysfs, the compute topology, and `amd-smi static` where it is there. */
export async function probeAmd(node: NodeView, pseudonyms: Pseudonyms): Promise<readonly Measurement[]> {
  const pci = await node.gpus();
  if (pci.state !== 'read' || !pci.value.some((gpu) => acceleratorVendor(gpu) === 'amd')) return [];
  const cards = await node.amdCards();
  const source = '/sys/module/amdgpu/version';
  return [
    ...measure({ subtype: 'amd' }, [{ key: 'kernel-module.version', read: await readLine(node.host, source), source }]),
    ...(cards.state === 'read' ? cards.value : []).flatMap((card) => describeCard(card, pseudonyms)),
    ...(await topology(node)),
    ...(await staticFacts(node)),
  ];
}

function describeCard(card: AmdCard, pseudonyms: Pseudonyms): readonly Measurement[] {
  const facts = card.fields.flatMap(({ key, reading, unit, path }): Fact[] => {
    const source = `/sys/class/drm/${path}`;
    if (key === 'unique_id' && reading.state === 'read')
      return [{ key, read: { state: 'read', value: pseudonyms.of(key, String(reading.value)) }, source }];
    return CARD_KEYS.includes(key) ? [{ key, read: reading, source, ...(unit === undefined ? {} : { unit }) }] : [];
  });
  return measure({ subtype: 'amd', item: card.pciAddress ?? card.card }, facts);
}

async function topology(node: NodeView): Promise<readonly Measurement[]> {
  const read = await node.kfd();
  const source = '/sys/class/kfd/kfd/topology';
  if (read.state !== 'read') return measure({ subtype: 'amd' }, [{ key: 'compute-nodes', read, source }]);
  const gpus = read.value.nodes.filter((each) => each.isGpu);
  const targets = [...new Set(gpus.map(({ graphicsTarget }) => graphicsTarget).filter((target) => target !== undefined))].sort();
  const count = (key: string, value: number): Fact => ({ key, read: { state: 'read', value }, unit: '1', source });
  return measure({ subtype: 'amd' }, [
    count('compute-nodes', gpus.length),
    ...(read.value.packages === undefined ? [] : [count('packages', read.value.packages)]),
    { key: 'graphics-targets', read: { state: 'read', value: targets.join(',') }, source },
  ]);
}

async function staticFacts(node: NodeView): Promise<readonly Measurement[]> {
  const read = await node.amdSmi();
  if (read.state !== 'read') return measure({ subtype: 'amd' }, [{ key: 'amd-smi', read, source: 'amd-smi static --json' }]);
  return read.parsed.measurements.filter(({ key }) => STATIC_KEY.test(key));
}
