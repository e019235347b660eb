import type { PciFunction } from './pci-function.ts';

/** Vendors of accelerators by PCI vendor id. */
const VENDORS: ReadonlyMap<string, AcceleratorVendor> = new Map([
  ['10de', 'nvidia'],
  ['1002', 'amd'],
]);

/** Makers of accelerators that Assay reads. */
export type AcceleratorVendor = 'nvidia' | 'amd';

/** Model names by PCI device id, in the spelling of upstream's snapshot. @source upstream PCI inventory table; pci.ids */
const MODELS: Readonly<Record<AcceleratorVendor, Readonly<Record<string, string>>>> = {
  nvidia: {
    ...rows('p100', '15f7 15f8 15f9'),
    ...rows('v100', '1db1 1db4 1db5 1db6 1db8 1df5'),
    ...rows('v100s', '1df6'),
    ...rows('t4', '1eb8'),
    ...rows('a100', '20b0 20b1 20b2 20b3 20b5 20f1'),
    ...rows('a30', '20b7'),
    ...rows('a800', '20bd 20f3 20f5 20f6'),
    ...rows('a40', '2235'),
    ...rows('a10', '2236'),
    ...rows('a16', '25b6'),
    // 2321 is the H100 NVL, which upstream's table does not have.
    ...rows('h100', '2321 2330 2331 2336 2337 2338 2339 233d'),
    ...rows('h200', '2335 233b'),
    ...rows('h800', '2322 2324 233a'),
    ...rows('h20', '230c 230e 2329 232c'),
    ...rows('gh200', '2342 2348'),
    ...rows('l40', '26b5'),
    ...rows('l40g', '26b8'),
    ...rows('l40s', '26b9'),
    ...rows('l20', '26b7 26ba'),
    ...rows('l2', '27b6'),
    ...rows('l4', '27b8'),
    ...rows('b200', '2901 2909'),
    ...rows('b100', '2920 29bc'),
    ...rows('gb200', '2941'),
    ...rows('b300', '3182'),
    ...rows('gb300', '31a1 31c2 31c3'),
    ...rows('rtx-pro-6000', '2bb1 2bb4 2bb5'),
  },
  amd: {
    ...rows('mi100', '738c 738e'),
    ...rows('mi210', '740f 7410'),
    ...rows('mi250', '740c'),
    ...rows('mi250x', '7408'),
    ...rows('mi300a', '74a0'),
    ...rows('mi300x', '74a1 74a9 74b5 74bd'),
    ...rows('mi308x', '74a2 74a8 74b6 74bc'),
    ...rows('mi325x', '74a5 74b9'),
    ...rows('mi350x', '75a0 75b0'),
    ...rows('mi355x', '75a3 75b3'),
  },
};

/** The maker when the function is a GPU: by vendor and class, so that switches, audio functions and network cards do not count. */
export function acceleratorVendor(pci: PciFunction): AcceleratorVendor | undefined {
  const vendor = VENDORS.get(pci.vendor);
  const kind = pci.classCode.slice(0, 4);
  if (vendor === 'nvidia') return kind === '0302' || kind === '0300' ? vendor : undefined;
  // Instinct boards are processing accelerators (1200); their older kin are display controllers (0380).
  if (vendor === 'amd') return kind === '1200' || kind === '0380' ? vendor : undefined;
  return undefined;
}

/** The model of a GPU function; undefined for silicon that is in no table. */
export function acceleratorModel(pci: PciFunction): string | undefined {
  const vendor = acceleratorVendor(pci);
  return vendor === undefined ? undefined : MODELS[vendor][pci.device];
}

/** True for an NVSwitch: a bridge of class "other" by NVIDIA. */
export function isNvSwitch(pci: PciFunction): boolean {
  return pci.vendor === '10de' && pci.classCode.startsWith('0680');
}

/** True for network controllers, InfiniBand included. */
export function isNetworkCard(pci: PciFunction): boolean {
  return pci.classCode.startsWith('02');
}

function rows(model: string, devices: string): Record<string, string> {
  return Object.fromEntries(devices.split(' ').map((device) => [device, model]));
}
