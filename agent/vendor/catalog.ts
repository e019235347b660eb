import { parseKfdMemoryBank, parseKfdTopology } from './amd/kfd-topology.ts';
import { parseRocmSmi } from './amd/rocm-smi.ts';
import { parseRocminfo } from './amd/rocminfo.ts';
import { parseRocprofSysinfo } from './amd/rocprof-sysinfo.ts';
import { parseAmdSmiText } from './amd/smi-view.ts';
import { parseAmdSmi } from './amd/smi.ts';
import { parseSysfsDrm } from './amd/sysfs-drm.ts';
import { parseIbstat } from './fabric/ibstat.ts';
import { parseIbstatus } from './fabric/ibstatus.ts';
import { parseLspci } from './fabric/lspci.ts';
import { parseRdmaLink } from './fabric/rdma-link.ts';
import { parseRdmaObjects } from './fabric/rdma-resource.ts';
import { parseSysfsInfiniband } from './fabric/sysfs-infiniband.ts';
import { parseKernelLog } from './kernel/kernel-log.ts';
import { parseDcgmDiag } from './nvidia/dcgm-diag.ts';
import { parseDcgmNvlink } from './nvidia/dcgm-nvlink.ts';
import { parseFabricManagerLog } from './nvidia/fabric-manager-log.ts';
import { parseImex } from './nvidia/imex.ts';
import { parseProcDriverNvidia } from './nvidia/proc-driver.ts';
import { parseNvidiaSmiCsv } from './nvidia/smi-csv.ts';
import { parseNvidiaSmiFailure } from './nvidia/smi-failure.ts';
import { parseNvidiaSmiList } from './nvidia/smi-list.ts';
import { parseNvidiaNvlink } from './nvidia/smi-nvlink.ts';
import { parseNvidiaSmiQuery } from './nvidia/smi-query.ts';
import { parseNvidiaSmiTable } from './nvidia/smi-table.ts';
import { parseNvidiaTopology } from './nvidia/smi-topology.ts';
import { parseNvidiaSmiVersion } from './nvidia/smi-version.ts';
import { parseNvidiaSmiXml } from './nvidia/smi-xml.ts';
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

const ALIASES: Readonly<Record<string, readonly string[]>> = {
  'nvidia-smi-csv': ['nvidia-smi-compute-apps', 'nvidia-smi-retired-pages', 'nvidia-smi-remapped-rows'],
  'nvidia-smi-L': ['nvidia-smi-list'],
  imex: ['nvidia-imex-ctl'],
  'dmesg-xid': ['dmesg'],
};

/** Every tool of `assay parse`, in the order of docs/reference/parse.md. */
export const VENDOR_TOOLS: readonly VendorTool[] = [
  tool('nvidia-smi-xml', '`nvidia-smi -q -x`', parseNvidiaSmiXml),
  tool('nvidia-smi-q', '`nvidia-smi -q`', parseNvidiaSmiQuery),
  tool('nvidia-smi-csv', '`nvidia-smi --query-…=… --format=csv`, with its header', parseNvidiaSmiCsv),
  tool('nvidia-smi-L', '`nvidia-smi -L`', parseNvidiaSmiList),
  tool('nvidia-smi-topo', '`nvidia-smi topo -m`', parseNvidiaTopology),
  tool('nvidia-smi-nvlink', '`nvidia-smi nvlink -s`, `-e` and their like', parseNvidiaNvlink),
  tool('nvidia-smi-table', '`nvidia-smi` without arguments', parseNvidiaSmiTable),
  tool('nvidia-smi-version', '`nvidia-smi --version`', parseNvidiaSmiVersion),
  tool('nvidia-smi-failure', 'what nvidia-smi prints when it fails, either stream', parseNvidiaSmiFailure),
  tool('dcgmi-diag', '`dcgmi diag -r N -j`, DCGM 3 and 4', parseDcgmDiag),
  tool('dcgmi-nvlink', '`dcgmi nvlink -s` or `-e`', parseDcgmNvlink),
  tool('imex', '`nvidia-imex-ctl -N`, with or without `-j`, or `-q`', parseImex),
  tool('fabricmanager-log', '`/var/log/fabricmanager.log`', parseFabricManagerLog),
  tool('proc-driver-nvidia', '`version`, `gpus/*/information` or `params` below `/proc/driver/nvidia`', parseProcDriverNvidia),
  tool('dmesg-xid', '`dmesg`, `/dev/kmsg` or a kernel log file', parseKernelLog),
  ...['static', 'metric', 'list', 'partition', 'xgmi', 'topology'].map((verb) =>
    tool(`amd-smi-${verb}`, `\`amd-smi ${verb}\`, text or \`--json\``, (bytes) => parseAmdSmi(`amd-smi-${verb}`, bytes)),
  ),
  tool('amd-smi-text', 'any other text of amd-smi: `monitor`, `process`, the summary box', parseAmdSmiText),
  tool('rocm-smi', '`rocm-smi`, its concise view, labelled lines or `--json`', parseRocmSmi),
  tool('rocminfo', '`rocminfo`', parseRocminfo),
  tool('rocprof-sysinfo', '`sysinfo.csv` of the ROCm compute profiler', parseRocprofSysinfo),
  tool('kfd-topology', '`/sys/class/kfd/kfd/topology` as one JSON object from relative path to file text', parseKfdTopology),
  tool('kfd-membank', 'one `mem_banks/*/properties` file of the KFD topology', parseKfdMemoryBank),
  tool('sysfs-drm', 'amdgpu files below `/sys/class/drm` as one JSON object from relative path to file text', parseSysfsDrm),
  tool('ibstat', '`ibstat`', parseIbstat),
  tool('ibstatus', '`ibstatus`', parseIbstatus),
  tool('rdma-link', '`rdma link show`, text or `-j`', parseRdmaLink),
  tool('rdma-resource', '`rdma resource show …`, text or `-j`', (bytes) => parseRdmaObjects('rdma-resource', bytes)),
  tool('rdma-statistic', '`rdma statistic show`, text or `-j`', (bytes) => parseRdmaObjects('rdma-statistic', bytes)),
  tool('sysfs-infiniband', '`/sys/class/infiniband` as one JSON object from relative path to file text', parseSysfsInfiniband),
  tool('lspci', '`lspci`, best with `-nn -D`', parseLspci),
];

function tool(name: string, doc: string, parse: VendorTool['parse']): VendorTool {
  return { name, aliases: ALIASES[name] ?? [], doc, parse };
}
