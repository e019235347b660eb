import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { verdictOf } from '../../fixture/host/check-machine.ts';
import { linuxNode } from '../../fixture/host/linux.ts';
import { combine, type Machine } from '../../fixture/host/machine.ts';
import { hgxH100, mi300xBadPage } from '../../fixture/host/machines.ts';
import { mi300xNode } from '../../fixture/host/amd.ts';
import { pciFunctions } from '../../fixture/host/pci.ts';
import { infinibandCards } from '../../fixture/host/rdma.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'assay-node-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

type Files = Readonly<Record<string, string>>;

const NODE = linuxNode({ cpus: 8, sockets: 1, memoryGiB: 64 });
const GPU = pciFunctions([
  { address: '0000:1b:00.0', ids: '10de:2330', classCode: '030200', driver: 'nvidia', speed: '32.0 GT/s PCIe', width: 16 },
]);

function node(files: Files, ...parts: readonly Machine[]): Machine {
  return combine(NODE, ...parts, { files });
}

/** The same machine without some of its files. */
function without(machine: Machine, ...paths: readonly string[]): Machine {
  return {
    ...machine,
    files: Object.fromEntries(Object.entries(machine.files).filter(([path]) => !paths.some((prefix) => path.startsWith(prefix)))),
  };
}

test.each<readonly [check: string, files: Files, verdict: string]>([
  ['kernel-release', { 'proc/sys/kernel/osrelease': '\n' }, 'skip: /proc/sys/kernel/osrelease: empty'],
  ['kernel-release', { 'proc/sys/kernel/osrelease': 'beta\n' }, 'unknown: /proc/sys/kernel/osrelease: "beta" is no kernel release'],
  ['memory-headroom', { 'proc/meminfo': 'MemTotal: 1000000 kB\nMemAvailable: 90000 kB\n' }, 'fail: 87 MiB of memory are available'],
  [
    'memory-headroom',
    { 'proc/meminfo': 'MemTotal: 10000000 kB\nMemAvailable: 900000 kB\n' },
    'warn: less than 10 % of memory is available',
  ],
  ['memory-headroom', { 'proc/meminfo': 'MemTotal: 10000000 kB\n' }, 'skip: not in the captured tree: /proc/meminfo: no MemAvailable'],
  ['cpu-online', { 'sys/devices/system/cpu/online': '0-5,7\n' }, 'fail: 7 of 8 processors online'],
  ['cpu-online', { 'sys/devices/system/cpu/online': '7-0\n' }, 'unknown: the lists of processors cannot be read'],
  ['cpu-governor', { 'sys/devices/system/cpu/cpufreq/policy1/scaling_governor': 'powersave\n' }, 'warn: governor powersave'],
  ['kernel-taint', { 'proc/sys/kernel/tainted': '16528\n' }, 'fail: the kernel has seen: machine check, kernel oops, soft lockup'],
  ['kernel-taint', { 'proc/sys/kernel/tainted': '4096\n' }, 'pass: taint mask 4096'],
  ['kernel-taint', { 'proc/sys/kernel/tainted': '-\n' }, 'unknown: /proc/sys/kernel/tainted: not a whole number'],
  [
    'memory-errors',
    { 'sys/devices/system/edac/mc/mc1/ue_count': '2\n', 'sys/devices/system/edac/mc/mc1/ce_count': '0\n' },
    'fail: 2 uncorrectable memory errors since boot',
  ],
  ['memory-errors', { 'sys/devices/system/edac/mc/mc0/ce_count': '1001\n' }, 'warn: 1001 correctable memory errors since boot'],
  ['memory-errors', { 'sys/devices/system/edac/mc/mc1/ce_count': '0\n' }, 'unknown: error counters of memory controllers cannot be read'],
  ['nvme-state', { 'sys/class/nvme/nvme1/state': 'dead\n' }, 'fail: nvme1 is dead'],
  ['huge-pages', { 'proc/cmdline': 'ro hugepages=2048\n' }, 'fail: 1024 of 2048 huge pages reserved'],
  [
    'process-limits',
    { 'proc/4/limits': 'Max open files            1024        1024    files\nMax locked memory         unlimited   unlimited   bytes\n' },
    'warn: the container runtime may open 1024 files',
  ],
  [
    'process-limits',
    { 'proc/4/limits': 'Max open files            1048576        1024    files\nMax locked memory         65536   65536   bytes\n' },
    'warn: the container runtime may lock 65536 bytes of memory',
  ],
  ['process-limits', { 'proc/4/limits': 'nothing\n' }, 'unknown: the limits of the container runtime cannot be read'],
  [
    'hardware-errors',
    { 'var/log/kern.log': '[    1.0] mce: [Hardware Error]: Machine check events logged\n' },
    'fail: hardware error machine-check ',
  ],
  [
    'hardware-errors',
    { 'var/log/kern.log': '[    1.0] mce: [Hardware Error]: old\n[    0.0] Linux version 6.8.0\n[    0.1] fine\n' },
    'pass: no hardware error since boot',
  ],
  [
    'hardware-errors',
    { 'var/log/kern.log': 'not a log\n' },
    'skip: /var/log/kern.log: dmesg-xid: no line of 1 is a kernel message (line 1)',
  ],
])('%s with %j', async (check, files, verdict) => {
  expect(await verdictOf(node(files), check, { directory })).toBe(verdict);
});

test.each<readonly [check: string, files: Files, verdict: string]>([
  [
    'xid',
    { 'var/log/kern.log': '[ 9.0] NVRM: Xid (PCI:0000:1b:00): 79, pid=1, name=x, GPU has fallen off the bus.\n' },
    'fail: Xid 79 0000:1b:00.0: restart the bare-metal node',
  ],
  [
    'xid',
    { 'var/log/kern.log': '[ 9.0] NVRM: Xid (PCI:0000:1b:00): 13, pid=1, name=x, Graphics Exception\n' },
    'pass: Xid without consequence for the node: 13 0000:1b:00.0: restart the application',
  ],
  [
    'xid',
    {
      'var/log/kern.log':
        '[ 9.0] NVRM: Xid (PCI:0000:1b:00): 119, pid=1, name=x, Timeout\n[ 10.0] NVRM: loading NVIDIA UNIX Open Kernel Module\n',
    },
    'pass: no Xid since boot',
  ],
  [
    'xid',
    {
      'var/log/kern.log':
        '[ 9.0] NVRM: Xid (PCI:0000:1b:00): 79, pid=1, name=x, off\n[ 10.0] NVRM: loading NVIDIA UNIX Open Kernel Module\n',
    },
    'fail: Xid 79 0000:1b:00.0: restart the bare-metal node',
  ],
  [
    'xid',
    {
      'var/log/kern.log':
        '[ 9.0] NVRM: Xid (PCI:0000:1b:00): 154, GPU recovery action changed from 0x0 (None) to 0x2 (Node Reboot Required)\n',
    },
    'fail: Xid 154 0000:1b:00.0: Node Reboot Required',
  ],
  ['xid', { 'var/log/kern.log': '[ 9.0] NVRM: Xid (garbled): seventy-nine\n' }, 'unknown: line 1 is an Xid message that cannot be read'],
  [
    'xid',
    { 'var/log/kern.log': '[ 9.0] NVRM: Xid (PCI:0000:1b:00): 999, pid=1, name=x, new\n' },
    'warn: Xid 999 0000:1b:00.0: newer than this table: look it up',
  ],
  [
    'sxid',
    { 'var/log/kern.log': '[ 9.0] nvidia-nvswitch3: SXid (PCI:0000:0a:00.0): 20034, Fatal, Link 62 LTSSM Fault Up\n' },
    'fail: SXid 20034 0000:0a:00.0: reset the whole fabric',
  ],
  [
    'driver-log',
    { 'var/log/kern.log': '[ 9.0] NVRM: GPU 0000:1b:00.0: rm_init_adapter failed, device minor number 0\n' },
    'fail: driver message nvidia-init-failed 0000:1b:00.0',
  ],
  [
    'iommu',
    { 'sys/kernel/iommu_groups/1/type': 'DMA-FQ\n' },
    'warn: the IOMMU translates: direct transfers between GPU and network card may be slow',
  ],
  ['iommu', { 'sys/kernel/iommu_groups/1/type': 'identity\n' }, 'pass: the IOMMU passes through'],
  ['kubelet-topology', { 'var/lib/kubelet/config.yaml': 'kind: KubeletConfiguration\n' }, 'warn: the kubelet places work on any NUMA node'],
  ['container-toolkit', { 'etc/containerd/config.toml': '# empty\n' }, 'fail: the container runtime knows nothing of GPUs'],
  [
    'container-toolkit',
    { 'etc/containerd/config.toml': '', 'etc/cdi/nvidia.yaml': 'kind: nvidia.com/gpu\n' },
    'pass: device specifications are there',
  ],
  [
    'device-specifications',
    {
      'etc/cdi/nvidia.yaml': 'kind: nvidia.com/gpu\nhostPath: /usr/lib/libcuda.so.570.1.1\n',
      'proc/driver/nvidia/version': 'NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.105.08  Mon\nGCC\n',
    },
    'fail: device specifications name libraries of 570.1.1, the driver is 580.105.08',
  ],
  ['device-specifications', { 'etc/cdi/other.yaml': 'kind: vendor.com/net\n' }, 'skip: no device specification on this host'],
  ['device-files', { 'dev/nvidiactl': '' }, 'fail: missing: /dev/nvidia-uvm, /dev/nvidia0'],
])('%s on a node with a GPU, with %j', async (check, files, verdict) => {
  expect(await verdictOf(node(files, GPU), check, { directory })).toBe(verdict);
});

test('a node whose log cannot be read is skipped for that grant, never passed', async () => {
  expect(await verdictOf(without(node({}, GPU), 'var/log'), 'xid', { directory })).toBe(
    'skip: none of /dev/kmsg, /var/log/kern.log, /var/log/messages, /var/log/dmesg',
  );
});

test.each<readonly [check: string, changes: Files, verdict: string]>([
  [
    'rdma-port-state',
    { 'ports/1/state': '1: DOWN', 'ports/1/phys_state': '3: Disabled' },
    'fail: port is 1: DOWN, link is 3: Disabled: mlx5_0/1',
  ],
  ['rdma-port-state', { 'ports/1/state': '2: INIT' }, 'fail: port is 2: INIT: mlx5_0/1'],
  [
    'rdma-port-state',
    { 'ports/1/state': '1: DOWN', 'ports/1/rate': '10 Gb/sec (4X SDR)', hca_type: 'MT4119' },
    'warn: port is 1: DOWN: mlx5_0/1',
  ],
  ['rdma-port-rate', { 'ports/1/rate': '200 Gb/sec (2X NDR)' }, 'fail: 2 of 4 lanes: mlx5_0/1'],
  ['rdma-port-rate', { 'ports/1/rate': 'fast' }, 'unknown: /sys/class/infiniband/mlx5_0/ports/1/rate: "fast": mlx5_0/1'],
  ['infiniband-lid', { 'ports/1/lid': '0x0' }, 'fail: no address from a subnet manager: mlx5_0/1'],
  ['infiniband-lid', { 'ports/1/lid': '0x0', 'ports/1/link_layer': 'Ethernet' }, 'skip: no InfiniBand port'],
  ['roce-config', { 'ports/1/link_layer': 'Ethernet' }, 'fail: no RoCE version 2 address: mlx5_0/1'],
  [
    'roce-config',
    { 'ports/1/link_layer': 'Ethernet', 'ports/1/gid_attrs/types/3': 'RoCE v2' },
    'pass: every Ethernet port has a RoCE version 2 address',
  ],
  ['rdma-port-flaps', { 'ports/1/counters/link_downed': '255' }, 'skip: counter link_downed stands at its ceiling'],
  ['rdma-port-flaps', { 'ports/1/counters/link_downed': '4' }, 'skip: no earlier reading to compare with'],
  ['rdma-port-errors', { 'ports/1/counters/symbol_error': '0' }, 'pass: no new port errors'],
])('%s with %j', async (check, changes, verdict) => {
  expect(await verdictOf(infinibandCards(1, '400 Gb/sec (4X NDR)', changes), check, { directory })).toBe(verdict);
});

test('link losses and port errors are judged by their growth', async () => {
  const cards = infinibandCards(1, '400 Gb/sec (4X NDR)', {
    'ports/1/counters/link_downed': '6',
    'ports/1/counters/link_error_recovery': '3',
  });
  expect(await verdictOf(cards, 'rdma-port-flaps', { directory, earlier: { 'rdma/mlx5_0/1/link_downed': 4 } })).toBe(
    'warn: 2 more link losses: mlx5_0/1',
  );
  expect(await verdictOf(cards, 'rdma-port-errors', { directory, earlier: { 'rdma/mlx5_0/1/link_error_recovery': 2 } })).toBe(
    'warn: 1 more link_error_recovery: mlx5_0/1',
  );
});

test('cards of one type with different firmware are told', async () => {
  const cards = infinibandCards(2, '400 Gb/sec (4X NDR)');
  const changed = { ...cards, files: { ...cards.files, 'sys/class/infiniband/mlx5_1/fw_ver': '28.39.0001\n' } };
  expect(await verdictOf(changed, 'nic-firmware', { directory })).toBe(
    'warn: firmware 28.42.1000 is not that of every MT4129: mlx5_0; firmware 28.39.0001 is not that of every MT4129: mlx5_1',
  );
});

test('EFA functions without RDMA device are told', async () => {
  const machine = pciFunctions([{ address: '0000:10:00.0', ids: '1d0f:efa2', classCode: '020000', driver: 'efa' }]);
  expect(await verdictOf(machine, 'efa-count', { directory })).toBe('warn: 0 of 1 EFA devices have come up; some take minutes after boot');
});

test.each<readonly [check: string, changes: Files, verdict: string]>([
  ['amd-bad-pages', { 'ras/gpu_vram_bad_pages': '0x1 : 0x1000 : R\n' }, 'warn: 1 pages retired: 0000:46:00.0'],
  ['amd-bad-pages', { 'ras/gpu_vram_bad_pages': '0x1 : 0x1000 : F\n' }, 'fail: 1 pages could not be retired: 0000:46:00.0'],
  ['amd-bad-pages', { 'ras/gpu_vram_bad_pages': 'a new format\n' }, 'unknown: 1 lines of the list cannot be read: 0000:46:00.0'],
  ['amd-uncorrectable', { 'ras/umc_err_count': 'ue: 1\nce: 0\n' }, 'fail: 1 uncorrectable memory errors: 0000:46:00.0'],
  ['amd-uncorrectable', { 'ras/gfx_err_count': 'ue: 2\nce: 0\n' }, 'warn: 2 uncorrectable errors in gfx: 0000:46:00.0'],
  ['amd-uncorrectable', { 'ras/gfx_err_count': 'broken\n' }, 'unknown: counter of block gfx unreadable: 0000:46:00.0'],
  ['amd-correctable', { 'ras/umc_err_count': 'ue: 0\nce: 10001\n' }, 'warn: 10001 correctable errors in umc: 0000:46:00.0'],
  ['amd-memory', { mem_info_vram_total: '137438953472\n' }, 'fail: 131072 of 196592 MiB: 0000:46:00.0'],
  ['amd-firmware', { vbios_version: '113-OLD\n' }, 'warn: another firmware than the first GPU: 0000:46:00.0'],
  ['pcie-width', { current_link_width: '8\n' }, 'fail: 8 of 16 lanes: 0000:46:00.0'],
])('%s with %j', async (check, changes, verdict) => {
  expect(await verdictOf(mi300xNode({ changes: { 2: changes } }), check, { directory })).toBe(verdict);
});

test('partitions that differ fail on every GPU, because nobody says which is meant', async () => {
  const verdict = await verdictOf(mi300xNode({ changes: { 2: { current_compute_partition: 'CPX\n' } } }), 'amd-compute-partition', {
    directory,
  });
  expect(verdict).toMatch(
    /^fail: compute partition SPX differs from others: 0000:05:00\.0, .*; compute partition CPX differs from others: 0000:46:00\.0$/,
  );
});

test('a GPU that the compute driver does not show fails', async () => {
  expect(await verdictOf(without(mi300xNode(), 'sys/class/kfd/kfd/topology/nodes/8'), 'amd-kfd', { directory })).toBe(
    'fail: the compute driver shows 7 of 8 GPUs',
  );
  expect(await verdictOf(without(mi300xNode(), 'sys/class/kfd'), 'amd-kfd', { directory })).toBe(
    'fail: GPUs are on the bus, but the compute driver shows none: /sys/class/kfd/kfd/topology/nodes: not there',
  );
});

test('a missing xGMI peer fails for both its ends', async () => {
  const path = 'sys/class/kfd/kfd/topology/nodes/1/io_links/0';
  expect(await verdictOf(without(mi300xNode(), path), 'amd-xgmi-topology', { directory })).toBe('fail: 6 of 7 xGMI peers: node1');
});

test.each<readonly [check: string, line: string, verdict: string]>([
  [
    'amd-driver-log',
    'amdgpu 0000:65:00.0: amdgpu: uncorrectable hardware errors detected in UMC block',
    'fail: driver message amdgpu-uncorrectable 0000:65:00.0',
  ],
  ['amd-driver-log', 'amdgpu 0000:65:00.0: amdgpu: GPU reset begin!', 'fail: driver message amdgpu-reset 0000:65:00.0'],
  ['amd-driver-log', 'amdgpu 0000:65:00.0: amdgpu: ready', 'pass: no driver message since boot'],
])('%s after "%s"', async (check, line, verdict) => {
  const machine = combine(mi300xBadPage(), { files: { 'var/log/kern.log': `[ 1.0] ${line}\n` } });
  expect(await verdictOf(machine, check, { directory })).toBe(verdict);
});

test('fabric manager: it runs, it does not, or nobody can see', async () => {
  const healthy = hgxH100();
  expect(await verdictOf(healthy, 'fabric-manager', { directory })).toBe('pass: the fabric manager runs');
  const processes = Object.keys(healthy.files).filter((path) => /^proc\/\d+\/comm$/.test(path));
  const named = (name: string): string => processes.find((path) => healthy.files[path] === `${name}\n`) ?? '';
  expect(await verdictOf(without(healthy, named('nv-fabricmanager')), 'fabric-manager', { directory })).toBe(
    'fail: the fabric manager does not run',
  );
  expect(await verdictOf(without(healthy, named('nv-fabricmanager'), named('kthreadd')), 'fabric-manager', { directory })).toBe(
    "skip: the host's processes are not visible",
  );
  expect(await verdictOf(without(healthy, 'sys/devices/pci0000:00/0000:00:01.0/0000:0'), 'nvswitch-count', { directory })).toBe(
    'skip: no NVSwitch is visible: guest, or part of a node',
  );
});

test('an RDMA card without device is told, an InfiniBand card fails', async () => {
  const card = (classCode: string): Machine =>
    pciFunctions([{ address: '0000:18:00.0', ids: '15b3:1021', classCode, driver: 'mlx5_core' }]);
  expect(await verdictOf(card('020700'), 'rdma-count', { directory })).toBe('fail: no RDMA device for 0000:18:00.0');
  expect(await verdictOf(card('020000'), 'rdma-count', { directory })).toBe('warn: no RDMA device for 0000:18:00.0');
  expect(await verdictOf(infinibandCards(2, '400 Gb/sec (4X NDR)'), 'rdma-count', { directory })).toBe('pass: 2 RDMA cards');
});

test('a GPU that does not know its NUMA node is told on a machine with several', async () => {
  const lost = pciFunctions([{ address: '0000:1b:00.0', ids: '10de:2330', classCode: '030200', numaNode: -1 }]);
  const nodes = { 'sys/devices/system/node/node0/cpulist': '0-3\n', 'sys/devices/system/node/node1/cpulist': '4-7\n' };
  expect(await verdictOf(node(nodes, lost), 'gpu-numa', { directory })).toBe('warn: does not know its NUMA node: 0000:1b:00.0');
  expect(await verdictOf(node({}, lost), 'gpu-numa', { directory })).toBe('skip: one NUMA node');
});

/** Configuration space of a bridge with access control bits, behind another capability. */
function bridgeConfig(control: number): Uint8Array {
  const config = Buffer.alloc(4096);
  config.writeUInt32LE((0x140 << 20) | 0x10001, 0x100);
  config.writeUInt32LE(0x1000d, 0x140);
  config.writeUInt16LE(control, 0x146);
  return config;
}

test.each<readonly [name: string, config: Uint8Array, verdict: string]>([
  ['off', bridgeConfig(0), 'pass: no access control above the GPUs'],
  ['on', bridgeConfig(0x1d), 'warn: access control is on above the GPUs'],
  ['hidden', Buffer.alloc(64), 'skip: the configuration space of bridges needs root'],
  ['a list that never ends', Buffer.alloc(4096, 0x10), 'pass: no access control above the GPUs'],
])('access control above a GPU: %s', async (_, config, verdict) => {
  const path = 'sys/devices/pci0000:00/0000:00:01.0';
  const bridge = {
    files: { [`${path}/config`]: config },
    links: { 'sys/bus/pci/devices/0000:00:01.0': '../../../devices/pci0000:00/0000:00:01.0' },
  };
  const files = { [`${path}/vendor`]: '0x8086\n', [`${path}/device`]: '0x352a\n', [`${path}/class`]: '0x060400\n' };
  expect(await verdictOf(node(files, GPU, bridge), 'access-control', { directory })).toBe(verdict);
});
