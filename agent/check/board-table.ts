import { SILICON_ROWS, vendorOf, type SiliconRow } from '../vendor/identity-table.ts';
import type { Board, BoardNumber } from './board.ts';

/** Version of the table; stands in the digest that evidence carries. */
export const BOARD_TABLE_VERSION = '2026-11.2';

const COLUMNS = [
  'gpusPerNode',
  'memoryMiB',
  'pcieGeneration',
  'pcieWidth',
  'links',
  'nvSwitches',
  'remapBanks',
  'powerLimitW',
  'driverBranch',
  'fabricRateGbps',
] as const;

/**
 * name | accelerator/variant of the identity table | form | generation | GPUs | MiB | PCIe | lanes | links | switches | banks | W | driver | Gb/s
 * `-`: does not apply or is not known; `?` behind a number: unverified.
 * @source NVIDIA and AMD data sheets and platform guides; readings of nvidia-smi 535 to 595 and amd-smi on such boards
 */
const NVIDIA_ROWS = `
A100 SXM4 40 GB | a100/sxm-40 | sxm | ampere | 8 | 40960 | 4 | 16 | 12 | 6 | 640 | 400 | 450 | 200
A100 SXM4 64 GB | a100/sxm-64 | sxm | ampere | - | 65536? | 4 | 16 | 12 | - | - | 400? | 450 | 200
A100 SXM4 80 GB | a100/sxm-80 | sxm | ampere | 8 | 81920 | 4 | 16 | 12 | 6 | - | 400 | 450 | 200
A100 PCIe 40 GB | a100/pcie-40 | pcie | ampere | - | 40960 | 4 | 16 | - | - | - | 250? | 450 | -
A100 PCIe 80 GB | a100/pcie-80 | pcie | ampere | - | 81920 | 4 | 16 | - | - | - | 300? | 450 | -
H100 SXM5 80 GB | h100/sxm5-80 | sxm | hopper | 8 | 81559 | 5 | 16 | 18 | 4 | 2560 | 700 | 525? | 400
H100 SXM5 other | h100/sxm5-other | sxm | hopper | - | - | 5 | 16 | 18 | - | - | - | 525? | -
H100 PCIe | h100/pcie-80 | pcie | hopper | - | 81559? | 5 | 16 | - | - | - | 350? | 525? | -
H100 NVL | h100/nvl-94 | nvl | hopper | - | 95830? | 5 | 16 | - | - | - | 400? | 535? | -
H200 SXM | h200/sxm-141 | sxm | hopper | 8 | 143771 | 5 | 16 | 18 | 4 | 3072 | 700 | 550? | 400
H200 NVL | h200/nvl-141 | nvl | hopper | - | 143771? | 5 | 16 | - | - | - | 600? | 550? | -
B200 HGX | b200/hgx | sxm | blackwell | 8 | 183359 | 5 | 16 | 18 | - | 3840 | 1000 | 570? | 400
B200 HGX 168 GB | b200/hgx-168 | sxm | blackwell | 8 | - | 5 | 16 | 18 | - | - | 1000? | 570? | 400
B300 HGX | b300/hgx | sxm | blackwell | 8 | 275000? | 6? | 16 | 18 | - | - | 1100? | 575? | 800?
GB200 tray | gb200/nvl | tray | blackwell | 4 | 189471 | 5 | 16 | 18 | - | 3968 | 1200 | 570? | 400
GB300 tray | gb300/nvl | tray | blackwell | 4 | 284208 | 6 | 16 | 18 | - | 5952 | 1400 | 575? | 800?
L40S | l40s | pcie | ada | - | 46068 | 4 | 16 | - | - | 192 | 350 | 535? | -
L40 | l40 | pcie | ada | - | 46068? | 4 | 16 | - | - | 192? | 300? | 525? | -
RTX PRO 6000 Server | rtx-pro-6000/server | pcie | blackwell | - | 97887? | 5 | 16 | - | - | - | 600? | 575? | -
RTX PRO 6000 Workstation | rtx-pro-6000/workstation rtx-pro-6000/max-q | pcie | blackwell | - | 97887? | 5 | 16 | - | - | - | - | 575? | -
`;

/** As {@link NVIDIA_ROWS}; links are xGMI peers. */
const AMD_ROWS = `
MI300X | mi300x mi300x/hf | oam | cdna3 | 8 | 196592 | 5 | 16 | 7 | - | - | 750 | - | 400
MI300A | mi300a | apu | cdna3 | 4 | 96432? | - | - | 3 | - | - | 550 | - | 200?
MI308X | mi308x | oam | cdna3 | 8 | - | 5 | 16 | 7 | - | - | - | - | -
MI325X | mi325x | oam | cdna3 | 8 | 262144? | 5 | 16 | 7 | - | - | 1000? | - | 400?
`;

/** Every board with numbers to compare with. */
export const BOARDS: readonly Board[] = [...readRows(NVIDIA_ROWS, 'nvidia'), ...readRows(AMD_ROWS, 'amd')];

/** The board of a PCI function; undefined for silicon without profile, which is checked without these numbers and never failed for it. */
export function boardOf(pci: { readonly vendor: string; readonly device: string }): Board | undefined {
  const vendor = vendorOf(pci.vendor);
  return BOARDS.find((board) => board.vendor === vendor && board.pciDevices.includes(pci.device));
}

function readRows(text: string, vendor: Board['vendor']): readonly Board[] {
  return text
    .trim()
    .split('\n')
    .map((line) => readRow(line, vendor));
}

function readRow(line: string, vendor: Board['vendor']): Board {
  const [name = '', boards = '', form, generation, ...cells] = line.split('|').map((cell) => cell.trim());
  const numbers: Partial<Record<BoardNumber, number>> = {};
  const unverified: BoardNumber[] = [];
  for (const [index, column] of COLUMNS.entries()) {
    const cell = cells[index] ?? '-';
    if (cell === '-') continue;
    numbers[column] = Number(cell.replace('?', ''));
    if (cell.endsWith('?')) unverified.push(column);
  }
  const rows = boards.split(' ').map((board) => siliconRow(board, vendor));
  return {
    name,
    accelerator: rows[0]?.accelerator ?? '',
    vendor,
    pciDevices: rows.flatMap(({ devices }) => devices),
    form: form as Board['form'],
    generation: generation as Board['generation'],
    numbers,
    unverified,
  };
}

/** The identity table is the one home of PCI ids. */
function siliconRow(board: string, vendor: Board['vendor']): SiliconRow {
  const [accelerator, variant = ''] = board.split('/');
  const found = SILICON_ROWS.find((row) => row.vendor === vendor && row.accelerator === accelerator && row.variant === variant);
  if (found === undefined) throw new Error(`${board} is in no row of the identity table`);
  return found;
}
