import { parseAmdSmi } from './amd/smi.ts';
import { parseKernelLog } from './kernel/kernel-log.ts';
import { parseNvidiaSmiCsv } from './nvidia/smi-csv.ts';
import { parseNvidiaSmiList } from './nvidia/smi-list.ts';
import { parseNvidiaSmiQuery } from './nvidia/smi-query.ts';
import { parseNvidiaSmiXml } from './nvidia/smi-xml.ts';
import { parseProcDriverNvidia } from './nvidia/proc-driver.ts';
import type { Parsed } from './parsed.ts';

/** One kind of captured output that can be parsed. */
export interface VendorTool {
  readonly name: string;
  /** Other names, such as those of capture folders. */
  readonly aliases: readonly string[];
  /** What the file holds: the command or path it was taken from. */
  readonly doc: string;
  /** @throws VENDOR_OUTPUT_INVALID with the place; VENDOR_OUTPUT_LIMIT */
  readonly parse: (bytes: Uint8Array) => Parsed<unknown>;
}

/** Every tool of `assay parse`, in the order of docs/reference/parse.md. */
export const VENDOR_TOOLS: readonly VendorTool[] = [
  { name: 'nvidia-smi-xml', aliases: [], doc: '`nvidia-smi -q -x`', parse: parseNvidiaSmiXml },
  { name: 'nvidia-smi-q', aliases: [], doc: '`nvidia-smi -q`', parse: parseNvidiaSmiQuery },
  {
    name: 'nvidia-smi-csv',
    aliases: ['nvidia-smi-compute-apps', 'nvidia-smi-retired-pages', 'nvidia-smi-remapped-rows'],
    doc: '`nvidia-smi --query-…=… --format=csv`, with header',
    parse: parseNvidiaSmiCsv,
  },
  { name: 'nvidia-smi-L', aliases: ['nvidia-smi-list'], doc: '`nvidia-smi -L`', parse: parseNvidiaSmiList },
  {
    name: 'proc-driver-nvidia',
    aliases: [],
    doc: '`version`, `gpus/*/information` or `params` below `/proc/driver/nvidia`',
    parse: parseProcDriverNvidia,
  },
  { name: 'dmesg-xid', aliases: ['dmesg'], doc: '`dmesg`, `/dev/kmsg` or a kernel log file', parse: parseKernelLog },
  {
    name: 'amd-smi-static',
    aliases: [],
    doc: '`amd-smi static`, text or `--json`',
    parse: (bytes) => parseAmdSmi('amd-smi-static', bytes),
  },
  {
    name: 'amd-smi-metric',
    aliases: [],
    doc: '`amd-smi metric`, text or `--json`',
    parse: (bytes) => parseAmdSmi('amd-smi-metric', bytes),
  },
  { name: 'amd-smi-list', aliases: [], doc: '`amd-smi list`, text or `--json`', parse: (bytes) => parseAmdSmi('amd-smi-list', bytes) },
  {
    name: 'amd-smi-partition',
    aliases: [],
    doc: '`amd-smi partition`, text or `--json`',
    parse: (bytes) => parseAmdSmi('amd-smi-partition', bytes),
  },
  { name: 'amd-smi-xgmi', aliases: [], doc: '`amd-smi xgmi`, text or `--json`', parse: (bytes) => parseAmdSmi('amd-smi-xgmi', bytes) },
  {
    name: 'amd-smi-topology',
    aliases: [],
    doc: '`amd-smi topology`, text or `--json`',
    parse: (bytes) => parseAmdSmi('amd-smi-topology', bytes),
  },
];
