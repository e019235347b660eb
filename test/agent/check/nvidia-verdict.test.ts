import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { verdictOf } from '../../fixture/host/check-machine.ts';
import { combine, recordedTool, type Machine } from '../../fixture/host/machine.ts';
import { nvlinkText, smiXml, topologyText, type GpuText } from '../../fixture/host/nvidia-smi.ts';
import { pciFunctions, type PciFixture } from '../../fixture/host/pci.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'assay-verdict-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

type Changes = Readonly<Record<string, string>>;

const BASE: Omit<GpuText, 'address' | 'minor'> = {
  product: 'NVIDIA H100 80GB HBM3',
  architecture: 'Hopper',
  deviceId: '233010DE',
  memoryMiB: 81559,
  powerW: 700,
  banks: 2560,
  pcieGeneration: 5,
  vbios: '96.00.99.00.01',
  fabric: { state: 'Completed', clique: '0', domain: '00000000-0000-0000-0000-000000000000', summary: 'N/A', bandwidth: 'N/A' },
};

interface Pair {
  /** Texts of the second GPU that differ, by XML element. */
  readonly changes?: Changes;
  /** What both GPUs are. */
  readonly base?: Partial<typeof BASE>;
  readonly pci?: Partial<PciFixture>;
  readonly files?: Readonly<Record<string, string>>;
  readonly answers?: Readonly<Record<string, string>>;
  readonly otherwise?: string;
}

/** Two GPUs of one kind; the second one, 0000:43:00.0, differs. */
function pair({ changes, base, pci, files = {}, answers = {}, otherwise }: Pair = {}): Machine {
  const gpus = ['0000:1b:00.0', '0000:43:00.0'].map((address, minor): GpuText => ({
    ...BASE,
    ...base,
    address,
    minor,
    ...(minor === 1 && changes !== undefined ? { changes } : {}),
  }));
  const ids = `10de:${gpus[0]?.deviceId.slice(0, 4).toLowerCase() ?? ''}`;
  const functions = gpus.map(({ address }, index) => ({
    address,
    ids,
    classCode: '030200',
    speed: '32.0 GT/s PCIe',
    width: 16,
    ...(index === 1 ? pci : {}),
  }));
  const tool = { '-q -x': smiXml(gpus), 'nvlink -s': nvlinkText(gpus, 18, '26.562'), 'topo -m': topologyText(2, 'NV18'), ...answers };
  const module = {
    'proc/driver/nvidia/version': 'NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.105.08  Mon Nov 3 2025\nGCC version:  gcc\n',
    'sys/module/nvidia/version': '580.105.08\n',
    'proc/uptime': '90000.00 1.00\n',
  };
  return combine(pciFunctions(functions), { files: { ...module, ...files }, tools: { 'nvidia-smi': recordedTool(tool, otherwise) } });
}

const SECOND = '0000:43:00.0';

test.each<readonly [check: string, changes: Changes, verdict: string]>([
  ['gpu-lost', { persistence_mode: 'GPU is lost' }, `fail: lost: ${SECOND}`],
  ['gpu-lost', { persistence_mode: 'GPU requires reset' }, `fail: requires a reset: ${SECOND}`],
  ['recovery-action', { gpu_recovery_action: 'Node Reboot' }, `fail: the driver asks for: Node Reboot: ${SECOND}`],
  ['recovery-action', { gpu_recovery_action: 'N/A' }, 'pass: the driver asks for no recovery (1 of 2 not applicable)'],
  [
    'recovery-action',
    { gpu_recovery_action: '[Unknown Error]' },
    `unknown: gpu_recovery_action unreadable (the tool printed "Unknown Error"): ${SECOND}`,
  ],
  ['ecc-mode', { current_ecc: 'Disabled' }, `fail: error correction is off: ${SECOND}`],
  ['ecc-mode', { pending_ecc: 'Disabled' }, `warn: a change of error correction waits for a reset: ${SECOND}`],
  ['ecc-mode', { ecc_mode: 'N/A' }, 'pass: error correction is on (1 of 2 not applicable)'],
  ['ecc-uncorrected', { sram_uncorrectable_secded: '2' }, `fail: 2 uncorrectable SRAM errors: ${SECOND}`],
  [
    'ecc-uncorrected',
    { dram_uncorrectable: 'GPU is lost' },
    `unknown: ecc.errors.uncorrected.volatile.dram unreadable (the tool printed "GPU is lost"): ${SECOND}`,
  ],
  [
    'ecc-uncorrected',
    { dram_uncorrectable: 'three' },
    `unknown: ecc.errors.uncorrected.volatile.dram unreadable (expected a whole number, found "three"): ${SECOND}`,
  ],
  ['ecc-growth', { dram_uncorrectable: '5' }, 'pass: no new uncorrectable error'],
  ['ecc-corrected', { sram_correctable: '10001' }, `warn: more than 10000 corrected SRAM errors: ${SECOND}`],
  ['ecc-corrected', { dram_correctable: '20000000' }, 'pass: few corrected errors'],
  ['sram-threshold', { sram_threshold_exceeded: 'Yes' }, `fail: SRAM error threshold exceeded: ${SECOND}`],
  ['memory-repair', { channel_repair_pending: 'Yes' }, `warn: a channel repair takes effect at the next reset: ${SECOND}`],
  ['row-remap-failure', { remapped_row_failure: 'Yes' }, `fail: a row remap failed: ${SECOND}`],
  [
    'row-remap-failure',
    { remapped_rows: 'N/A', current_mig: 'Enabled', pending_mig: 'Enabled' },
    'pass: no row remap failed (1 of 2 not applicable)',
  ],
  ['row-remap-pending', { remapped_row_pending: 'Yes' }, `fail: a row remap waits for a reset: ${SECOND}`],
  ['row-remap-spare', { row_remapper_histogram_none: '1 bank(s)' }, `warn: 1 banks have no spare row: ${SECOND}`],
  ['row-remap-spare', { remapped_row_unc: '512' }, `warn: 512 rows remapped: ${SECOND}`],
  ['persistence', { persistence_mode: 'Disabled' }, `warn: persistence mode is off: ${SECOND}`],
  ['mig-mode', { pending_mig: 'Enabled' }, `warn: a change of MIG mode waits for a reset: ${SECOND}`],
  ['compute-mode', { compute_mode: 'Prohibited' }, `warn: compute mode is Prohibited: ${SECOND}`],
  ['gsp-firmware', { gsp_firmware_version: '570.124.06' }, `fail: GSP firmware 570.124.06 under driver 580.105.08: ${SECOND}`],
  ['gsp-firmware', { gsp_firmware_version: 'N/A' }, 'pass: GSP firmware is that of the driver (1 of 2 not applicable)'],
  ['gpu-uniform', { vbios_version: '96.00.11.00.01' }, `warn: another VBIOS than the first GPU: ${SECOND}`],
  ['gpu-uniform', { product_name: 'NVIDIA H100 PCIe' }, `fail: another product than the first GPU: ${SECOND}`],
  ['gpu-uniform', { total: '40000 MiB' }, `fail: memory of 40000 MiB, a H100 SXM5 80 GB has 81559 MiB: ${SECOND}`],
  ['fabric-state', { state: 'In Progress' }, `fail: registration: In Progress: ${SECOND}`],
  ['fabric-state', { status: 'Insufficient Resources' }, `fail: registered with status Insufficient Resources: ${SECOND}`],
  ['fabric-state', { state: 'N/A' }, `fail: not registered with any fabric: ${SECOND}`],
  ['fabric-state', { summary: 'Unhealthy' }, `fail: fabric health: Unhealthy: ${SECOND}`],
  ['fabric-state', { route_unhealthy: 'True' }, `fail: a route is unhealthy: ${SECOND}`],
  ['fabric-state', { incorrect_configuration: 'Insufficient Nvlinks' }, `fail: wrong configuration: Insufficient Nvlinks: ${SECOND}`],
  ['fabric-clique', { cliqueId: '3' }, 'fail: GPUs of one node are in different cliques: 0, 3'],
  ['fabric-clique', { clusterUuid: '11111111-2222-4333-8444-555555555555' }, 'fail: 1 GPUs are in no NVLink domain'],
  ['temperature', { gpu_temp_tlimit: '0 C' }, `fail: at the temperature where it slows down: ${SECOND}`],
  ['temperature', { gpu_temp_tlimit: '5 C' }, `warn: 5 degrees before it slows down: ${SECOND}`],
  ['temperature', { memory_temp: '95 C' }, `warn: memory at 95 degrees: ${SECOND}`],
  ['clock-events', { clocks_event_reason_hw_thermal_slowdown: 'Active' }, `fail: slowed down by heat: ${SECOND}`],
  ['clock-events', { clocks_event_reason_hw_power_brake_slowdown: 'Active' }, `fail: slowed down by the external power brake: ${SECOND}`],
  ['clock-events', { clocks_event_reason_sw_power_cap: 'Active' }, `warn: held by its power limit at 75 of 700 W: ${SECOND}`],
  ['clock-events', { clocks_event_reason_sw_power_cap: 'Active', instant_power_draw: '690.00 W' }, 'pass: nothing slows the clocks down'],
  ['power-limit', { current_power_limit: '500.00 W' }, `warn: capped at 500 of 700 W: ${SECOND}`],
  ['power-limit', { instant_power_draw: 'N/A' }, `warn: tells no power draw: ${SECOND}`],
])('%s with %j', async (check, changes, verdict) => {
  expect(await verdictOf(pair({ changes }), check, { directory })).toBe(verdict);
});

test.each<readonly [check: string, pci: Partial<PciFixture>, verdict: string]>([
  ['pcie-width', { currentWidth: 8 }, `fail: 8 of 16 lanes: ${SECOND}`],
  ['pcie-width', { width: 8 }, `fail: at most 8 of 16 lanes: ${SECOND}`],
  ['pcie-width', { width: 63 }, 'pass: every GPU uses all its lanes (1 of 2 not applicable)'],
  ['pcie-generation', { speed: '16.0 GT/s PCIe' }, `fail: at most generation 4, the board has 5: ${SECOND}`],
  ['pcie-generation', { currentSpeed: '2.5 GT/s PCIe' }, 'pass: every GPU can run at the generation of its board'],
  [
    'pcie-generation',
    { currentSpeed: 'Unknown' },
    `unknown: /sys/bus/pci/devices/${SECOND}/current_link_speed: "Unknown" is no link speed: ${SECOND}`,
  ],
  ['pci-inventory', { files: { config: Buffer.alloc(64, 0xff) } }, `fail: fallen off the bus: ${SECOND}`],
  [
    'pci-inventory',
    { files: { vendor: 'garbage\n' } },
    `unknown: 1 functions cannot be read, first: /sys/bus/pci/devices/${SECOND}/vendor: not a number of 4 hexadecimal digits`,
  ],
  ['gpu-product', { ids: '10de:2335' }, 'fail: GPUs of different kinds: h100, h200'],
])('%s with PCI %j', async (check, pci, verdict) => {
  expect(await verdictOf(pair({ pci }), check, { directory })).toBe(verdict);
});

test('a slow link of a busy GPU is told, that of an idle one is not', async () => {
  const pci = { currentSpeed: '2.5 GT/s PCIe' };
  expect(await verdictOf(pair({ pci, changes: { gpu_util: '90 %' } }), 'pcie-generation', { directory })).toBe(
    `warn: generation 1 under load, 5 is possible: ${SECOND}`,
  );
});

test('a board in a slot may run with fewer lanes: a warning, no failure', async () => {
  const base = {
    product: 'NVIDIA L40S',
    architecture: 'Ada',
    deviceId: '26B910DE',
    memoryMiB: 46068,
    powerW: 350,
    banks: 192,
    pcieGeneration: 4,
  };
  expect(await verdictOf(pair({ base, pci: { currentWidth: 8 } }), 'pcie-width', { directory })).toBe(`warn: 8 of 16 lanes: ${SECOND}`);
  expect(await verdictOf(pair({ base }), 'nvlink-state', { directory })).toBe('skip: these boards are not wired by NVLink');
  expect(await verdictOf(pair({ base, changes: { state: 'N/A' } }), 'fabric-state', { directory })).toBe(
    'skip: this board joins no fabric',
  );
  expect(await verdictOf(pair({ base, changes: { current_ecc: 'Disabled', pending_ecc: 'Disabled' } }), 'ecc-mode', { directory })).toBe(
    `warn: error correction is off: ${SECOND}`,
  );
});

test('unverified numbers of a board only warn', async () => {
  const base = { product: 'NVIDIA H100 NVL', deviceId: '232110DE', memoryMiB: 95830 };
  expect(await verdictOf(pair({ base, changes: { total: '40000 MiB' } }), 'gpu-uniform', { directory })).toBe(
    `warn: memory of 40000 MiB, a H100 NVL has 95830 MiB: ${SECOND}`,
  );
});

test('silicon in no table is unprofiled and passes on its own merits', async () => {
  const base = { product: 'NVIDIA Z900', deviceId: 'FFF010DE' };
  expect(await verdictOf(pair({ base }), 'gpu-product', { directory })).toBe('pass: 10de:fff0: unprofiled, checked without board values');
  expect(await verdictOf(pair({ base, changes: { remapped_row_failure: 'Yes' } }), 'row-remap-failure', { directory })).toBe(
    `fail: a row remap failed: ${SECOND}`,
  );
});

test('boards that need the open kernel modules fail with the others', async () => {
  const base = { product: 'NVIDIA B200', architecture: 'Blackwell', deviceId: '290110DE' };
  expect(await verdictOf(pair({ base }), 'driver-flavour', { directory })).toBe('fail: these boards need the open kernel modules');
  expect(await verdictOf(pair({ base, changes: { gsp_firmware_version: 'N/A' } }), 'gsp-firmware', { directory })).toBe(
    `fail: no GSP firmware runs: ${SECOND}`,
  );
});

test.each<readonly [check: string, pairOptions: Pair, verdict: string]>([
  ['driver-denylist', { files: { 'sys/module/nouveau/refcnt': '1\n' } }, 'fail: the nouveau driver is loaded'],
  ['driver-modules', {}, 'fail: not loaded: nvidia_uvm'],
  ['driver-version', { files: { 'sys/module/nvidia/version': '570.1.1\n' } }, 'fail: driver versions differ: 580.105.08, 570.1.1'],
  [
    'driver-version',
    { answers: { '-q -x': 'Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 580.159' } },
    "fail: the driver's library is of version 580.159, the kernel module of 580.105.08: reload the driver or restart",
  ],
  ['gpu-response', { answers: { '-q -x': 'No devices were found' } }, 'fail: nvidia-smi: No devices were found'],
  ['gpu-count', { files: { 'proc/driver/nvidia/gpus/0000:1b:00.0/information': '' } }, `fail: kernel module does not see ${SECOND}`],
  [
    'gpu-count',
    { answers: { '-q -x': smiXml([{ ...BASE, address: '0000:1b:00.0', minor: 0 }], { attached: 2 }) } },
    `fail: nvidia-smi does not see ${SECOND}; nvidia-smi counts 2 GPUs and lists 1`,
  ],
  [
    'ecc-uncorrected',
    { answers: { '-q -x': smiXml([{ ...BASE, address: '0000:1b:00.0', minor: 0 }]) } },
    `unknown: nvidia-smi does not list: ${SECOND}`,
  ],
  [
    'nvlink-state',
    { answers: { 'nvlink -s': nvlinkText([{ ...BASE, address: '0000:1b:00.0', minor: 0 }], 18, '26.562') } },
    `unknown: nvidia-smi nvlink does not list: ${SECOND}`,
  ],
  [
    'nvlink-state',
    { answers: { 'nvlink -s': 'GPU 0: x (UUID: GPU-1)\n\t Link 0: 26.562 GB/s\nGPU 1: x (UUID: GPU-2)\n\t Link 0: <inactive>\n' } },
    `fail: 1 of 18 links: 0000:1b:00.0; links down: 0: ${SECOND}`,
  ],
  ['nvlink-state', { answers: {}, otherwise: 'exit 3' }, 'pass: every NVLink is up'],
  ['gpu-topology', { answers: { 'topo -m': topologyText(2, 'PIX') } }, 'fail: GPUs are connected by PIX, not by NVLink'],
  [
    'nvlink-errors',
    { otherwise: 'echo "NVML: operation not available"; exit 3' },
    'skip: nvidia-smi nvlink -e (status 3): NVML: operation not available',
  ],
  [
    'nvlink-errors',
    { otherwise: 'exit 255' },
    'unknown: nvidia-smi nvlink -e (status 255): nvidia-smi-nvlink: the output is empty (line 1, column 1)',
  ],
])('%s with %j', async (check, options, verdict) => {
  expect(await verdictOf(pair(options), check, { directory })).toBe(verdict);
});

test('an old driver prints flags in place of a recovery action', async () => {
  const changes = {
    gpu_recovery_action: 'N/A',
    processes: '</processes><gpu_reset_status><reset_required>Yes</reset_required></gpu_reset_status><processes>',
  };
  expect(await verdictOf(pair({ changes }), 'recovery-action', { directory })).toBe(`fail: a reset is required: ${SECOND}`);
});

test.each<readonly [check: string, changes: Changes, earlier: Record<string, number>, verdict: string]>([
  [
    'ecc-growth',
    { dram_uncorrectable: '5' },
    { [`nvidia/${SECOND}/ecc-uncorrectable-dram`]: 3 },
    `fail: 2 more uncorrectable dram errors: ${SECOND}`,
  ],
  ['ecc-growth', { dram_uncorrectable: '5' }, { [`nvidia/${SECOND}/ecc-uncorrectable-dram`]: 5 }, 'pass: no new uncorrectable error'],
  [
    'pcie-replay',
    { replay_counter: '500' },
    { 'pci/0000:1b:00.0/replay': 120, [`pci/${SECOND}/replay`]: 120 },
    `fail: 380 more replays: ${SECOND}`,
  ],
  [
    'pcie-replay',
    { replay_counter: '400' },
    { 'pci/0000:1b:00.0/replay': 120, [`pci/${SECOND}/replay`]: 120 },
    'pass: few packets are repeated',
  ],
  [
    'pcie-replay',
    { replay_counter: '10' },
    { 'pci/0000:1b:00.0/replay': 120, [`pci/${SECOND}/replay`]: 120 },
    'pass: few packets are repeated (1 of 2 not applicable)',
  ],
])('%s judges growth: %j after %j', async (check, changes, earlier, verdict) => {
  expect(await verdictOf(pair({ changes }), check, { directory, earlier })).toBe(verdict);
});

test('without an earlier reading a lifetime counter is not judged', async () => {
  expect(await verdictOf(pair(), 'pcie-replay', { directory })).toBe('skip: no earlier reading to compare with');
});
