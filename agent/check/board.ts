import type { Threshold } from './check.ts';

/** Numbers of a board that checks compare with. */
export type BoardNumber =
  | 'gpusPerNode'
  | 'memoryMiB'
  | 'pcieGeneration'
  | 'pcieWidth'
  | 'links'
  | 'nvSwitches'
  | 'remapBanks'
  | 'powerLimitW'
  | 'driverBranch'
  | 'fabricRateGbps';

/** What a healthy board of one kind shows. */
export interface Board {
  readonly name: string;
  /** Name of the accelerator as recipes write it. */
  readonly accelerator: string;
  readonly vendor: 'nvidia' | 'amd';
  /** PCI device ids, lower-case. */
  readonly pciDevices: readonly string[];
  /** `sxm`, `oam`: eight on one baseboard · `tray`: part of a rack · `apu`: CPU and GPU in one socket · `nvl`: may be bridged in pairs · `pcie`: stands alone. */
  readonly form: 'sxm' | 'tray' | 'nvl' | 'pcie' | 'oam' | 'apu';
  readonly generation: 'ampere' | 'ada' | 'hopper' | 'blackwell' | 'cdna3';
  readonly numbers: Partial<Readonly<Record<BoardNumber, number>>>;
  /** Numbers that no vendor document or reading confirms: a check may only warn on them. */
  readonly unverified: readonly BoardNumber[];
}

/** Unit and origin of each number. */
const NUMBERS: Readonly<Record<BoardNumber, { readonly unit: string; readonly source: string }>> = {
  gpusPerNode: { unit: '1', source: 'vendor platform guides (HGX, NVL72, OAM baseboards)' },
  memoryMiB: { unit: 'MiB', source: 'read from the vendor tool on such boards; compared within 3 %' },
  pcieGeneration: { unit: '1', source: 'vendor data sheet and readings of such boards' },
  pcieWidth: { unit: '{lane}', source: 'vendor data sheet' },
  links: { unit: '1', source: 'vendor platform guides; nvidia-smi nvlink -s, KFD io_links' },
  nvSwitches: { unit: '1', source: 'NVIDIA Fabric Manager guide' },
  remapBanks: { unit: '{bank}', source: 'row remapper histogram of healthy boards' },
  powerLimitW: { unit: 'W', source: 'vendor data sheet' },
  driverBranch: { unit: '1', source: 'NVIDIA driver release notes' },
  fabricRateGbps: { unit: 'Gb/s', source: 'vendor reference designs' },
};

/** A number of a board as a threshold that can stand in evidence; undefined when the board has none. */
export function boardThreshold(board: Board, name: BoardNumber): Threshold | undefined {
  const value = board.numbers[name];
  if (value === undefined) return undefined;
  const { unit, source } = NUMBERS[name];
  return { value, unit, source: `${board.name}: ${source}${board.unverified.includes(name) ? ' (unverified, may only warn)' : ''}` };
}
