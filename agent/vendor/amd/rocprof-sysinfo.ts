import { parseCsv } from '../csv.ts';
import { Tally, toMeasurements, type Field, type Parsed } from '../parsed.ts';
import { invalidSource } from '../source-text.ts';
import { readValue, type Kind } from '../value.ts';
import { lookup } from '../lookup.ts';

const TOOL = 'rocprof-sysinfo';

/** Columns of the profiler's `sysinfo.csv`; the command line and the host name are dropped while parsing. */
const COLUMNS: Readonly<Record<string, Kind | 'withheld'>> = {
  workload_name: 'withheld',
  command: 'withheld',
  hostname: 'withheld',
  ip_blocks: 'text',
  timestamp: 'text',
  version: 'text',
  cpu_model: 'text',
  sbios: 'text',
  linux_distro: 'text',
  linux_kernel_version: 'text',
  amd_gpu_kernel_version: 'text',
  cpu_memory: 'number',
  gpu_memory: 'number',
  rocm_version: 'text',
  vbios: 'text',
  compute_partition: 'text',
  memory_partition: 'text',
  gpu_model: 'text',
  gpu_arch: 'text',
  gpu_series: 'text',
  gpu_chip_id: 'text',
  gpu_l1: 'number',
  gpu_l2: 'number',
  cu_per_gpu: 'count',
  simd_per_cu: 'count',
  se_per_gpu: 'count',
  wave_size: 'count',
  workgroup_max_size: 'count',
  max_waves_per_cu: 'count',
  max_sclk: 'MHz',
  max_mclk: 'MHz',
  cur_sclk: 'MHz',
  cur_mclk: 'MHz',
  total_l2_chan: 'count',
  lds_banks_per_cu: 'count',
  sqc_per_gpu: 'count',
  pipes_per_gpu: 'count',
  hbm_bw: 'GB/s',
  // Names of the profiler's first releases.
  host_name: 'withheld',
  host_cpu: 'text',
  host_distro: 'text',
  host_kernel: 'text',
  host_rocmver: 'text',
  date: 'text',
  name: 'text',
  gpu_soc: 'text',
  numSE: 'count',
  numCU: 'count',
  numSIMD: 'count',
  numSQC: 'count',
  numPipes: 'count',
  waveSize: 'count',
  maxWavesPerCU: 'count',
  maxWorkgroupSize: 'count',
  L1: 'number',
  L2: 'number',
  L2Banks: 'count',
  LDSBanks: 'count',
  sclk: 'MHz',
  mclk: 'MHz',
  hbmBW: 'GB/s',
  num_xcd: 'count',
  num_hbm_channels: 'count',
};

/**
 * Parses `sysinfo.csv` of the ROCm compute profiler.
 * @throws VENDOR_OUTPUT_INVALID with line; VENDOR_OUTPUT_LIMIT
 */
export function parseRocprofSysinfo(bytes: Uint8Array): Parsed<{ readonly rows: readonly (readonly Field[])[] }> {
  const table = parseCsv(TOOL, bytes, { separator: 'quoted' });
  const known = table.header.filter((column) => lookup(COLUMNS, column) !== undefined).length;
  if (known < 5) throw invalidSource(TOOL, 'the header has none of the profiler columns', { line: 1 });
  if (table.openLine === 1) throw invalidSource(TOOL, 'the header line has no line break: the output was cut there', { line: 1 });
  const tally = new Tally(TOOL);
  if (table.openLine !== undefined) tally.partial(`line ${table.openLine} has no line break: its last cell may be cut`);
  const rows = table.rows.map((row) =>
    table.header.flatMap((column, index): Field[] => {
      const kind = lookup(COLUMNS, column);
      const isCut = row.line === table.openLine && index === table.header.length - 1;
      if (kind === undefined || isCut) {
        tally.unread(`line ${row.line}: ${column}`);
        return [];
      }
      tally.typed();
      const text = row.cells[index] ?? '';
      if (kind === 'withheld')
        return [
          { key: column, path: `line ${row.line}`, reading: { state: 'absent', reason: 'not kept: it can name hosts, users and paths' } },
        ];
      return [{ key: column, path: `line ${row.line}`, ...readValue(kind, text === 'NA' ? 'N/A' : text) }];
    }),
  );
  return tally.finish(
    { rows },
    rows.flatMap((fields) => toMeasurements(fields, { subtype: 'amd', source: 'sysinfo.csv' })),
  );
}
