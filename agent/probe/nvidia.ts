import type { Measurement } from '#core/snapshot/measurement.ts';
import { identifyAccelerator, pciIds } from '../vendor/identity.ts';
import { textOf } from '../vendor/parsed.ts';
import type { ListedGpu } from '../vendor/nvidia/smi-xml.ts';
import { acceleratorVendor } from './accelerator.ts';
import { found, measure, type Fact } from './measure.ts';
import type { NodeView } from './node-view.ts';
import { PROC_DRIVER } from './nvidia-reading.ts';
import type { PciDetail } from './pci-function.ts';
import type { Pseudonyms } from './pseudonym.ts';

/**
 * What stays the same from run to run: identity of the board type, firmware, configuration, capacities. Temperatures, clocks,
 * counters, processes and link states change by themselves; checks judge them and they stay out of the snapshot.
 */
const STABLE_KEY =
  /^(name|brand|architecture|vbios_version|board_part_number|gpu_part_number|fru_part_number|inforom\.(img|oem|ecc|pwr)|gsp\.firmware_version|persistence_mode|addressing_mode|compute_mode|c2c\.mode|compute_cap|virtualization\..*|mig\.mode\..*|gom\..*|ecc\.mode\..*|memory\.(total|reserved)|bar1\.total|protected_memory\.total|pci\.(device_id|sub_device_id|base_class|sub_class)|pcie\.link\.(gen\.(max|gpumax)|width\.max)|power\.(default_limit|min_limit|max_limit)|enforced\.power\.limit|clocks\.max\..*|clocks\.(applications|default_applications)\..*|temperature\..*(slowdown|shutdown|max_operating).*|fabric\.cliqueId|platform\.(slot_number|tray_index|host_id|peer_type|module_id)|capabilities\..*|sparse_operation_mode|accounting\.mode|driver_version|cuda_version|attached_gpus)$/;

/** Fields that name one board; only their pseudonyms leave the agent. */
const IDENTITY_KEY = /^(uuid|serial)$/;

/** NVIDIA facts as `Hardware.nvidia`: the kernel module, then what `nvidia-smi -q -x` says about each GPU. */
export async function probeNvidia(node: NodeView, pseudonyms: Pseudonyms): Promise<readonly Measurement[]> {
  const pci = await node.gpus();
  const gpus = pci.state === 'read' ? pci.value.filter((gpu) => acceleratorVendor(gpu) === 'nvidia') : [];
  if (gpus.length === 0) return [];
  return [...(await kernelModule(node)), ...(await tool(node, { gpus, pseudonyms }))];
}

async function kernelModule({ nvidiaModule }: NodeView): Promise<readonly Measurement[]> {
  const read = await nvidiaModule();
  const source = `${PROC_DRIVER}/version`;
  if (read.state !== 'read') return measure({ subtype: 'nvidia' }, [{ key: 'kernel-module.version', read, source }]);
  return measure({ subtype: 'nvidia' }, [
    found('kernel-module.version', read.value.version, source),
    found('kernel-module.flavour', read.value.flavour, source),
  ]);
}

interface ToolInput {
  readonly gpus: readonly PciDetail[];
  readonly pseudonyms: Pseudonyms;
}

async function tool({ nvidiaSmi }: NodeView, { gpus, pseudonyms }: ToolInput): Promise<readonly Measurement[]> {
  const read = await nvidiaSmi();
  const source = 'nvidia-smi -q -x';
  if (read.state !== 'read') return measure({ subtype: 'nvidia' }, [{ key: 'driver_version', read, source }]);
  const stable = read.parsed.measurements.filter(({ key }) => STABLE_KEY.test(key));
  const identities = read.parsed.measurements.filter(({ key }) => IDENTITY_KEY.test(key)).map((each) => withPseudonym(each, pseudonyms));
  const partial = read.parsed.partial.map((sentence, index) => found(`partial.${index + 1}`, sentence, source));
  return [...stable, ...identities, ...read.value.gpus.flatMap((gpu) => identify(gpu, gpus)), ...measure({ subtype: 'nvidia' }, partial)];
}

function withPseudonym(measurement: Measurement, pseudonyms: Pseudonyms): Measurement {
  const { reading } = measurement;
  return reading.state === 'read'
    ? { ...measurement, reading: { state: 'read', value: pseudonyms.of(measurement.key, String(reading.value)) } }
    : measurement;
}

/** Product text and PCI id, each checked against the other. */
function identify(gpu: ListedGpu, functions: readonly PciDetail[]): readonly Measurement[] {
  const pci = functions.find(({ address }) => address === gpu.pciBusId);
  const printed = pciIds(textOf(gpu.pci.deviceId) ?? '');
  const ids = pci === undefined ? printed : { vendorId: pci.vendor, deviceId: pci.device };
  const product = textOf(gpu.productName);
  const virtualizationMode = textOf(gpu.virtualizationMode);
  const identity = identifyAccelerator({
    ...ids,
    ...(product === undefined ? {} : { product }),
    ...(virtualizationMode === undefined ? {} : { virtualizationMode }),
  });
  const source = 'nvidia-smi -q -x and PCI id';
  const facts: Fact[] = [
    ...(identity.accelerator === undefined ? [] : [found('accelerator', identity.accelerator, source)]),
    ...(identity.variant === undefined ? [] : [found('accelerator-variant', identity.variant, source)]),
    found('identity-basis', identity.basis, source),
    found('profiled', identity.isProfiled, source),
    ...(identity.note === undefined ? [] : [found('identity-note', identity.note, source)]),
  ];
  return measure({ subtype: 'nvidia', item: gpu.pciBusId ?? `gpu${gpu.index}` }, facts);
}
