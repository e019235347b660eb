import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { verdictOf, type MachineChecks } from '../../fixture/host/check-machine.ts';
import { accessText, mi300xNode } from '../../fixture/host/amd.ts';
import { linuxNode } from '../../fixture/host/linux.ts';
import { combine, recordedTool, type Machine } from '../../fixture/host/machine.ts';
import { gb200DegradedClique, h100Gpus, hgxH100, noGpu } from '../../fixture/host/machines.ts';
import { smiXml } from '../../fixture/host/nvidia-smi.ts';
import { infinibandCards } from '../../fixture/host/rdma.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'assay-further-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

type Files = Readonly<Record<string, string>>;

const judged = (machine: Machine, check: string, options: Omit<MachineChecks, 'directory' | 'names'> = {}): Promise<string> =>
  verdictOf(machine, check, { directory, ...options });
const withFiles = (machine: Machine, files: Files): Machine => combine(machine, { files });
const H100 = hgxH100({ count: 2 });
const SECOND = '0000:43:00.0';

/** Two H100 whose second one differs, with more answers of nvidia-smi. */
function smi(changes: Files, answers: Files = {}): Machine {
  const xml = smiXml(h100Gpus({ 1: changes }).slice(0, 2));
  return { ...H100, tools: { 'nvidia-smi': recordedTool({ '-q -x': xml, ...answers }) } };
}

const FM_LOG = 'var/log/fabricmanager.log';
const fmLine = (version: string): string =>
  `[Nov 21 2026 08:00:00] [INFO] [tid 100] Fabric Manager version ${version} is running with the following configuration options\n`;

test.each<readonly [string, Files, string]>([
  ['equal versions', { [FM_LOG]: fmLine('580.105.08') }, 'pass: fabric manager 580.105.08'],
  ['another version', { [FM_LOG]: fmLine('580.95.05') }, 'fail: fabric manager 580.95.05 under driver 580.105.08: they must be equal'],
  [
    'a version without its last number',
    { [FM_LOG]: fmLine('580.105') },
    'fail: fabric manager 580.105 under driver 580.105.08: they must be equal',
  ],
  ['an older start, then this one', { [FM_LOG]: fmLine('570.1.1') + fmLine('580.105.08') }, 'pass: fabric manager 580.105.08'],
  [
    'a log without version',
    { [FM_LOG]: '[Nov 21 2026 08:00:00] [INFO] [tid 100] started\n' },
    'skip: /var/log/fabricmanager.log does not say the version',
  ],
  [
    'another log',
    { [FM_LOG]: 'hello\n' },
    'unknown: /var/log/fabricmanager.log: fabricmanager-log: no line has the form "[time] [level] [tid n] message" (line 1)',
  ],
  ['no log', {}, 'skip: the log of the fabric manager is not visible: /var/log/fabricmanager.log: not there'],
])('fabric-manager-version: %s', async (_, files, verdict) => {
  expect(await judged(withFiles(H100, files), 'fabric-manager-version')).toBe(verdict);
});

test('a tray of a rack has no fabric manager of its own', async () => {
  expect(await judged(gb200DegradedClique(), 'fabric-manager-version')).toBe('skip: these boards need no fabric manager');
});

const CHECKSUM = '--query-gpu=pci.bus_id,inforom.checksum_validation --format=csv';
const checksums = (second: string): Files => ({
  [CHECKSUM]: `pci.bus_id, inforom.checksum_validation\n00000000:1B:00.0, valid\n00000000:43:00.0, ${second}\n`,
});

test.each<readonly [string, Files, string]>([
  ['valid', checksums('valid'), 'pass: no corrupt inforom is reported'],
  ['invalid', checksums('invalid'), `fail: the checksum of the inforom is wrong: ${SECOND}`],
  ['not told', checksums('[N/A]'), 'pass: no corrupt inforom is reported'],
  ['a driver that does not know the field', {}, 'pass: no corrupt inforom is reported'],
  ['garbage', { [CHECKSUM]: 'no table\n' }, 'pass: no corrupt inforom is reported'],
])('inforom: %s', async (_, answers, verdict) => {
  expect(await judged(smi({}, answers), 'inforom')).toBe(verdict);
});

const DEVICES: Files = { 'dev/nvidiactl': '', 'dev/nvidia-uvm': '', 'dev/nvidia0': '', 'dev/nvidia1': '' };

test('with MIG on, the devices of its instances are there', async () => {
  const mig = withFiles(smi({ current_mig: 'Enabled', pending_mig: 'Enabled' }), DEVICES);
  expect(await judged(mig, 'device-files')).toBe('fail: missing: /dev/nvidia-caps');
  expect(await judged(withFiles(mig, { 'dev/nvidia-caps/nvidia-cap1': '' }), 'device-files')).toBe('pass: 5 device files are there');
  expect(await judged(withFiles(H100, DEVICES), 'device-files')).toBe('pass: 4 device files are there');
});

test.each<readonly [string, string, number | undefined, string]>([
  ['few', '15', 10, 'pass: few pages are retired, none is pending'],
  ['many, and no more since', '16', 16, 'pass: few pages are retired, none is pending'],
  ['many, and another one', '16', 15, `fail: 1 more pages retired for double-bit errors: ${SECOND}`],
  ['many, never read before', '16', undefined, 'pass: few pages are retired, none is pending'],
])('retired-pages: %s', async (_, count, before, verdict) => {
  const pages = `<multiple_single_bit_retirement><retired_count>0</retired_count></multiple_single_bit_retirement><double_bit_retirement><retired_count>${count}</retired_count></double_bit_retirement><pending_retirement>No</pending_retirement>`;
  const earlier = before === undefined ? {} : { earlier: { [`nvidia/${SECOND}/retired-double-bit`]: before } };
  expect(await judged(smi({ retired_pages: pages }), 'retired-pages', earlier)).toMatch(new RegExp(`^${verdict.replace('(', '\\(')}`));
});

test.each<readonly [string, string, string, string]>([
  ['CRC errors of noise', 'CRC Errors: 59000', 'crc_errors', 'pass: no new NVLink errors'],
  ['more CRC errors than noise explains', 'CRC Errors: 61000', 'crc_errors', `fail: 61000 more nvlink.crc_errors: ${SECOND}`],
  ['one replay', 'Replay Errors: 1', 'replay_errors', `fail: 1 more nvlink.replay_errors: ${SECOND}`],
])('nvlink-errors: %s', async (_, row, key, verdict) => {
  const rows = ['Replay Errors: 0', row];
  const text = h100Gpus()
    .slice(0, 2)
    .map(
      ({ product }, index) =>
        `GPU ${index}: ${product} (UUID: GPU-0a0b0c0d-000${index}-4000-8000-00000000f1f1)\n\t Link 0: ${rows[index]}\n`,
    );
  const earlier = { [`nvidia/${SECOND}/nvlink.${key}`]: 0 };
  expect(await judged(smi({}, { 'nvlink -e': text.join('') }), 'nvlink-errors', { earlier })).toBe(verdict);
});

test.each<readonly [string, Files, string]>([
  [
    'held at the limit',
    { clocks_event_reason_sw_power_cap: 'Active', instant_power_draw: '690.00 W' },
    'pass: nothing slows the clocks down',
  ],
  [
    'held far below it',
    { clocks_event_reason_sw_power_cap: 'Active', instant_power_draw: '400.00 W' },
    `warn: held by its power limit at 400 of 700 W: ${SECOND}`,
  ],
  ['not held', { instant_power_draw: '400.00 W' }, 'pass: nothing slows the clocks down'],
])('clock-events: %s', async (_, changes, verdict) => {
  expect(await judged(smi(changes), 'clock-events')).toBe(verdict);
});

test('power draw is judged where limits are known', async () => {
  expect(await judged(gb200DegradedClique(), 'power-draw')).toBe('pass: power draw is plausible');
  expect(await judged(H100, 'power-draw')).toBe('skip: no limits of power draw are known for this board');
});

/** Where the functions of made-up machines are plugged in. */
const PORT = '0000:00:01.0';

test.each<readonly [string, string, number, string]>([
  ['nothing new at the port above', '3', 3, 'pass: no new PCI Express errors'],
  ['fatal errors at the port above', '4', 3, `fail: 1 more fatal errors at the port above: 0000:1b:00.0, ${SECOND}`],
])('pcie-errors: %s', async (_, now, before, verdict) => {
  const machine = withFiles(H100, { [`sys/bus/pci/devices/${PORT}/aer_dev_fatal`]: `Undefined 0\nTOTAL_ERR_FATAL ${now}\n` });
  expect(await judged(machine, 'pcie-errors', { earlier: { [`pci/${PORT}/aer-fatal`]: before } })).toBe(verdict);
});

const MI300X = combine(linuxNode({ cpus: 192, sockets: 2, memoryGiB: 2304 }), mi300xNode());
const AMD_ADDRESSES = ['05', '26', '46', '65', '85', 'a6', 'c6', 'e5'].map((bus) => `0000:${bus}:00.0`);
const amdTool = (answers: Files): Machine => ({ ...MI300X, tools: { 'amd-smi': recordedTool(answers) } });

test.each<readonly [string, string, string]>([
  ['all', accessText(AMD_ADDRESSES), 'pass: every GPU can reach every other'],
  [
    'one pair does not',
    accessText(AMD_ADDRESSES).replace('ENABLED      ENABLED', 'ENABLED      DISABLED'),
    'fail: cannot reach 0000:26:00.0: 0000:05:00.0',
  ],
  ['words of older tools', accessText(AMD_ADDRESSES).replaceAll('ENABLED', 'True   '), 'pass: every GPU can reach every other'],
  ['no answer for a pair', accessText(AMD_ADDRESSES).replace('ENABLED', 'N/A    '), 'fail: cannot reach 0000:05:00.0: 0000:05:00.0'],
  [
    'another table',
    'XGMI LINK STATUS:\n       bdf          0000:05:00.0\nGPU0   0000:05:00.0 X\n',
    'unknown: amd-smi topology -a prints no table of access',
  ],
])('amd-peer-access: %s', async (_, text, verdict) => {
  expect(await judged(amdTool({ 'topology -a': text }), 'amd-peer-access')).toBe(verdict);
});

test('amd-peer-access: a tool that does not know the question', async () => {
  expect(await judged(amdTool({}), 'amd-peer-access')).toMatch(/^unknown: amd-smi topology -a/);
});

const STATIC = (state: string): string =>
  JSON.stringify({ gpu_data: AMD_ADDRESSES.map((bdf, gpu) => ({ gpu, bus: { bdf }, ras: { ecc_block_state: { UMC: state } } })) });

test.each<readonly [string, string, Files, string]>([
  ['on', 'ENABLED', {}, 'pass: error correction of the memory is on'],
  ['off', 'DISABLED', {}, 'warn: error correction of the memory is off'],
  ['off in a guest', 'DISABLED', { 'proc/cpuinfo': 'processor\t: 0\nflags\t\t: fpu hypervisor\n' }, 'skip: a guest is not told'],
  ['not told', 'N/A', {}, 'skip: '],
])('amd-error-correction: %s', async (_, state, files, verdict) => {
  expect(await judged(withFiles(amdTool({ 'static --json': STATIC(state) }), files), 'amd-error-correction')).toMatch(
    new RegExp(`^${verdict}`),
  );
});

test.each<readonly [string, string, number | undefined, string]>([
  ['an older kernel', 'ue: 0\nce: 0\n', undefined, 'skip: '],
  ['none', 'ue: 0\nce: 0\nde: 0\n', undefined, 'pass: no new deferred error'],
  ['no more than before', 'ue: 0\nce: 0\nde: 2\n', 2, 'pass: no new deferred error'],
  ['one more', 'ue: 0\nce: 0\nde: 3\n', 2, 'warn: 1 more deferred errors in umc: 0000:05:00.0'],
  ['never read before', 'ue: 0\nce: 0\nde: 3\n', undefined, 'skip: '],
])('amd-deferred: %s', async (_, text, before, verdict) => {
  const machine = combine(linuxNode({ cpus: 8, sockets: 1, memoryGiB: 64 }), mi300xNode({ changes: { 0: { 'ras/umc_err_count': text } } }));
  const earlier = before === undefined ? {} : { earlier: { 'amd/0000:05:00.0/ras-de-umc': before } };
  expect(await judged(machine, 'amd-deferred', earlier)).toMatch(new RegExp(`^${verdict}`));
});

test('kernel settings of the tuning guide', async () => {
  expect(await judged(MI300X, 'amd-kernel-settings')).toBe('pass: as the tuning guide asks');
  expect(await judged(withFiles(MI300X, { 'proc/cmdline': 'ro iommu=pt\n' }), 'amd-kernel-settings')).toBe(
    'warn: pci=realloc=off is not set',
  );
});

const AMAZON: Files = { 'sys/class/dmi/id/sys_vendor': 'Amazon EC2\n' };
const GOOGLE: Files = { 'sys/class/dmi/id/sys_vendor': 'Google\n' };
const PARAMS = 'proc/driver/nvidia/params';

test.each<readonly [string, Files, string]>([
  ['set', { ...AMAZON, [PARAMS]: 'ResmanDebugLevel: 1\nGrdmaPciTopoCheckOverride: 1\n' }, 'pass: GrdmaPciTopoCheckOverride is set'],
  [
    'not set',
    { ...AMAZON, [PARAMS]: 'GrdmaPciTopoCheckOverride: 0\n' },
    "fail: GrdmaPciTopoCheckOverride is 0: GPU memory is out of the network's reach",
  ],
  [
    'not there',
    { ...AMAZON, [PARAMS]: 'ResmanDebugLevel: 1\n' },
    "fail: GrdmaPciTopoCheckOverride is not there: GPU memory is out of the network's reach",
  ],
  ['parameters hidden', AMAZON, 'unknown: /proc/driver/nvidia/params: not there'],
  ['another cloud', GOOGLE, 'skip: only for gb200 on eks'],
  ['no cloud', {}, 'skip: only for gb200 on eks'],
])('topology-override: %s', async (_, files, verdict) => {
  expect(await judged(withFiles(gb200DegradedClique(), files), 'topology-override')).toBe(verdict);
});

const DRIVER_DIRECTORY = 'home/kubernetes/bin/nvidia';

test.each<readonly [string, Files, string]>([
  ['installed', { ...GOOGLE, [`${DRIVER_DIRECTORY}/lib64/nccl-env-profile.sh`]: '' }, 'pass: the NCCL profile is installed'],
  [
    'missing',
    { ...GOOGLE, [`${DRIVER_DIRECTORY}/bin/nvidia-smi`]: '' },
    'fail: /home/kubernetes/bin/nvidia/lib64/nccl-env-profile.sh is missing: NCCL falls back to sockets',
  ],
  ['directory not mounted', GOOGLE, 'skip: /home/kubernetes/bin/nvidia is not visible'],
  ['another cloud', AMAZON, 'skip: only for h100 on gke'],
])('transport-profile: %s', async (_, files, verdict) => {
  expect(await judged(withFiles(H100, files), 'transport-profile')).toBe(verdict);
});

test('neither is asked of other boards', async () => {
  expect(await judged(withFiles(H100, AMAZON), 'topology-override')).toBe('skip: only for gb200 on eks');
  expect(await judged(noGpu(), 'transport-profile')).toBe('skip: no NVIDIA GPU on the PCI bus');
});

/** One RDMA device with an Ethernet port, and the size of its interface's messages. */
function ethernet(files: Files): Machine {
  const cards = infinibandCards(1, '400 Gb/sec (4X NDR)');
  const layers = Object.keys(cards.files).filter((path) => path.endsWith('/link_layer'));
  return combine(
    linuxNode({ cpus: 8, sockets: 1, memoryGiB: 64 }),
    cards,
    { files: Object.fromEntries(layers.map((path) => [path, 'Ethernet\n'])) },
    { files },
  );
}

const INTERFACE = 'sys/devices/pci0000:00/0000:00:01.0/0000:18:00.0/net/eth1';

test.each<readonly [string, Files, string]>([
  ['large messages', { [`${INTERFACE}/mtu`]: '9000\n' }, 'pass: interfaces of RDMA cards carry large messages'],
  ['small messages', { [`${INTERFACE}/mtu`]: '1500\n' }, 'warn: messages of 1500 bytes at most: mlx5_0'],
  ['a size that is none', { [`${INTERFACE}/mtu`]: 'large\n' }, 'skip: its interface is not visible here'],
  ['interface in another namespace', {}, 'skip: its interface is not visible here'],
])('roce-mtu: %s', async (_, files, verdict) => {
  expect(await judged(ethernet(files), 'roce-mtu')).toBe(verdict);
});

test('roce-mtu asks nothing of InfiniBand', async () => {
  expect(await judged(H100, 'roce-mtu')).toBe('skip: no Ethernet port of an RDMA device');
});
