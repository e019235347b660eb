/** Version of the identity table; part of what evidence says about an identification. */
export const IDENTITY_TABLE_VERSION = '2026-11';

/** Makers by PCI vendor id. */
export type AcceleratorVendor = 'nvidia' | 'amd';

/** One board family by PCI device id. */
export interface SiliconRow {
  readonly vendor: AcceleratorVendor;
  readonly accelerator: string;
  /** Form or size; empty where the family has one only. */
  readonly variant: string;
  /** Four hex digits, lower case. */
  readonly devices: readonly string[];
}

/** vendor | accelerator | variant | PCI device ids. @source pci.ids; NVIDIA open kernel module `nvidia-ids`; Linux `amdgpu_drv.c` */
const SILICON = `
nvidia | a100         | sxm-40      | 20b0
nvidia | a100         | sxm-80      | 20b2
nvidia | a100         | sxm-64      | 20b3
nvidia | a100         | pcie-40     | 20f1 20b1
nvidia | a100         | pcie-80     | 20b5
nvidia | a800         |             | 20bd 20f3 20f5 20f6
nvidia | a30          |             | 20b7
nvidia | a10          |             | 2236
nvidia | a10g         |             | 2237
nvidia | a40          |             | 2235
nvidia | h100         | sxm5-80     | 2330
nvidia | h100         | pcie-80     | 2331
nvidia | h100         | nvl-94      | 2321
nvidia | h100         | sxm5-other  | 2336 2337 2338 2339 233d
nvidia | h800         |             | 2324 2322 233a
nvidia | h20          |             | 2329 232c 230e 230c
nvidia | h200         | sxm-141     | 2335
nvidia | h200         | nvl-141     | 233b
nvidia | gh200        |             | 2342 2348
nvidia | b200         | hgx         | 2901
nvidia | b200         | hgx-168     | 2909
nvidia | b100         |             | 2920 29bc
nvidia | b300         | hgx         | 3182
nvidia | gb200        | nvl         | 2941
nvidia | gb300        | nvl         | 31c2 31c3 31a1
nvidia | gb10         |             | 2e12
nvidia | l40s         |             | 26b9
nvidia | l40          |             | 26b5
nvidia | l20          |             | 26ba
nvidia | l4           |             | 27b8
nvidia | l2           |             | 27b6
nvidia | rtx-pro-6000 | server      | 2bb5
nvidia | rtx-pro-6000 | workstation | 2bb1
nvidia | rtx-pro-6000 | max-q       | 2bb4
nvidia | v100         |             | 1db1 1db4 1db5 1db6 1db8 1df5
nvidia | t4           |             | 1eb8
amd    | mi100        |             | 738c 738e
amd    | mi210        |             | 740f 7410
amd    | mi250        |             | 740c
amd    | mi250x       |             | 7408
amd    | mi300a       |             | 74a0
amd    | mi300x       |             | 74a1
amd    | mi300x       | hf          | 74a9 74bd
amd    | mi300x       | vf          | 74b5
amd    | mi308x       |             | 74a2 74a8
amd    | mi308x       | vf          | 74b6 74bc
amd    | mi325x       |             | 74a5
amd    | mi325x       | vf          | 74b9
amd    | mi350x       |             | 75a0
amd    | mi350x       | vf          | 75b0
amd    | mi355x       |             | 75a3
amd    | mi355x       | vf          | 75b3
amd    | mi350p       |             | 75a8
amd    | mi350p       | vf          | 75b8
`;

/** Every known board family. */
export const SILICON_ROWS: readonly SiliconRow[] = SILICON.trim()
  .split('\n')
  .map((line) => {
    const [vendor = '', accelerator = '', variant = '', devices = ''] = line.split('|').map((cell) => cell.trim());
    return { vendor: vendor as AcceleratorVendor, accelerator, variant, devices: devices.split(' ') };
  });

const VENDORS: ReadonlyMap<string, AcceleratorVendor> = new Map([
  ['10de', 'nvidia'],
  ['1002', 'amd'],
]);

/** The maker of a PCI vendor id in either case; undefined for makers of no accelerator that is known here. */
export function vendorOf(pciVendor: string): AcceleratorVendor | undefined {
  return VENDORS.get(pciVendor.toLowerCase());
}

/** The board family of a pair of PCI ids in either case; undefined for silicon in no row. */
export function siliconOf({ vendor, device }: { readonly vendor: string; readonly device: string }): SiliconRow | undefined {
  const [maker, id] = [vendorOf(vendor), device.toLowerCase()];
  return SILICON_ROWS.find((row) => row.vendor === maker && row.devices.includes(id));
}

/** Accelerators that checks have numbers for; other silicon is `unprofiled`, which is no fault. */
export const PROFILED_ACCELERATORS: ReadonlySet<string> = new Set(
  'a100 h100 h200 b200 b300 gb200 gb300 l40s l40 rtx-pro-6000 mi300x mi300a mi308x mi325x'.split(' '),
);

/** Runs of whole words that name an accelerator in a product text; longer runs are tried first. */
export const PRODUCT_WORDS: readonly (readonly [words: readonly string[], accelerator: string])[] = [
  [['RTX', 'PRO', '6000'], 'rtx-pro-6000'],
  ...Array.from(
    new Set(SILICON_ROWS.map((row) => row.accelerator)),
    (accelerator) => [[accelerator.toUpperCase()], accelerator] as const,
  ).filter(([, accelerator]) => accelerator !== 'rtx-pro-6000'),
];
