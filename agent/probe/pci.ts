import type { Measurement } from '#core/snapshot/measurement.ts';
import type { FileRead, Host } from '../host/host.ts';
import type { AcceleratorVendor } from '../vendor/identity-table.ts';
import { acceleratorModel, acceleratorVendor, isNetworkCard, isNvSwitch } from './accelerator.ts';
import { found, measure, type Fact } from './measure.ts';
import type { NodeView } from './node-view.ts';
import { PCI_DEVICES, readPciDetail, type PciDetail, type PciFunction } from './pci-function.ts';

const DRIVER_MODULES: Readonly<Record<AcceleratorVendor, string>> = { nvidia: 'nvidia', amd: 'amdgpu' };

/**
 * PCI facts: upstream's `GPU.hardware` and one `Hardware.pci` item per GPU, NVSwitch, network card and NVMe controller.
 * Needs no driver and wakes nothing up.
 */
export async function probePci({ host, pci }: NodeView): Promise<readonly Measurement[]> {
  const read = await pci();
  if (read.state !== 'read') return measure({ type: 'GPU', subtype: 'hardware' }, [{ key: 'gpu-present', read, source: PCI_DEVICES }]);
  const interesting = read.value.functions.filter(isInteresting);
  const details: PciDetail[] = [];
  for (const basic of interesting) details.push(await readPciDetail(host, basic));
  const summary = found('functions', read.value.functions.length, PCI_DEVICES);
  return [
    ...measure({ type: 'GPU', subtype: 'hardware' }, await gpuHardware(host, details)),
    ...measure({ subtype: 'pci' }, [summary]),
    ...details.flatMap(describe),
  ];
}

/** The physical GPUs among PCI functions: a virtual function is counted at its board. */
export function physicalGpus(details: readonly PciDetail[]): readonly PciDetail[] {
  return details.filter((detail) => acceleratorVendor(detail) !== undefined && !detail.virtual);
}

/** True when the kernel driver of that maker is loaded. */
export async function isDriverLoaded(host: Host, vendor: AcceleratorVendor): Promise<boolean> {
  return (await host.stat(`/sys/module/${DRIVER_MODULES[vendor]}`)).state === 'read';
}

async function gpuHardware(host: Host, details: readonly PciDetail[]): Promise<readonly Fact[]> {
  const gpus = physicalGpus(details);
  const vendors = new Set(gpus.map(acceleratorVendor).filter((vendor) => vendor !== undefined));
  const loaded = await Promise.all([...vendors].map((vendor) => isDriverLoaded(host, vendor)));
  const models = new Set(gpus.map(acceleratorModel));
  const [model] = models;
  return [
    found('gpu-present', gpus.length > 0, PCI_DEVICES),
    found('gpu-count', gpus.length, PCI_DEVICES),
    found('driver-loaded', loaded.length > 0 && loaded.every(Boolean), '/sys/module'),
    found('detection-source', 'pci-sysfs', PCI_DEVICES),
    // As upstream: a model is named only when there is exactly one and it is known.
    ...(models.size === 1 && model !== undefined ? [found('model', model, PCI_DEVICES)] : []),
  ];
}

function isInteresting(pci: PciFunction): boolean {
  return acceleratorVendor(pci) !== undefined || isNvSwitch(pci) || isNetworkCard(pci) || pci.classCode.startsWith('0108');
}

function describe(pci: PciDetail): readonly Measurement[] {
  const source = (file: string): string => `${PCI_DEVICES}/${pci.address}/${file}`;
  const row = (key: string, read: FileRead<string | number>, file: string): Fact => ({ key, read, source: source(file) });
  const model = acceleratorModel(pci);
  return measure({ subtype: 'pci', item: pci.address }, [
    found('class', pci.classCode, source('class')),
    found('vendor', pci.vendor, source('vendor')),
    found('device', pci.device, source('device')),
    row('subsystem-vendor', pci.subsystemVendor, 'subsystem_vendor'),
    row('subsystem-device', pci.subsystemDevice, 'subsystem_device'),
    row('revision', pci.revision, 'revision'),
    row('driver', pci.driver, 'driver'),
    row('numa-node', pci.numaNode, 'numa_node'),
    row('max-link-generation', pci.maxLink.generation, 'max_link_speed'),
    row('max-link-width', pci.maxLink.width, 'max_link_width'),
    found('virtual-function', pci.virtual, source('physfn')),
    ...(model === undefined ? [] : [found('model', model, source('device'))]),
  ]);
}
