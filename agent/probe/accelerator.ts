import { siliconOf, vendorOf, type AcceleratorVendor } from '../vendor/identity-table.ts';
import type { PciFunction } from './pci-function.ts';

/** The maker when the function is a GPU: by vendor and class, so that switches, audio functions and network cards do not count. */
export function acceleratorVendor(pci: PciFunction): AcceleratorVendor | undefined {
  const vendor = vendorOf(pci.vendor);
  const kind = pci.classCode.slice(0, 4);
  if (vendor === 'nvidia') return kind === '0302' || kind === '0300' ? vendor : undefined;
  // Instinct boards are processing accelerators (1200); their older kin are display controllers (0380).
  if (vendor === 'amd') return kind === '1200' || kind === '0380' ? vendor : undefined;
  return undefined;
}

/** The model of a GPU function in the spelling of recipes and snapshots; undefined for silicon that is in no table. */
export function acceleratorModel(pci: PciFunction): string | undefined {
  return acceleratorVendor(pci) === undefined ? undefined : siliconOf(pci)?.accelerator;
}

/** True for an NVSwitch: a bridge of class "other" by NVIDIA. */
export function isNvSwitch(pci: PciFunction): boolean {
  return vendorOf(pci.vendor) === 'nvidia' && pci.classCode.startsWith('0680');
}

/** True for network controllers, InfiniBand included. */
export function isNetworkCard(pci: PciFunction): boolean {
  return pci.classCode.startsWith('02');
}
