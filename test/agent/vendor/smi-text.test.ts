import { describe, expect, it } from 'vitest';
import { parseNvidiaSmiFailure } from '../../../agent/vendor/nvidia/smi-failure.ts';
import { parseNvidiaSmiList } from '../../../agent/vendor/nvidia/smi-list.ts';
import { parseNvidiaNvlink } from '../../../agent/vendor/nvidia/smi-nvlink.ts';
import { parseNvidiaSmiTable } from '../../../agent/vendor/nvidia/smi-table.ts';
import { parseNvidiaTopology } from '../../../agent/vendor/nvidia/smi-topology.ts';
import { parseNvidiaSmiVersion } from '../../../agent/vendor/nvidia/smi-version.ts';
import { bytesOf, codeOf, messageOf, vendorOutput, vendorText } from '../../fixture/vendor-output.ts';

describe('nvidia-smi -L', () => {
  it('lists GPUs and, below them, MIG devices with profile and UUID', () => {
    const { gpus } = parseNvidiaSmiList(vendorOutput('nvidia-smi-L/mig.txt')).value;
    expect(gpus.map((gpu) => [gpu.index, gpu.migDevices.map((mig) => [mig.profile, mig.index, mig.uuid.reading])])).toEqual([
      [
        0,
        [
          ['3g.20gb', 0, { state: 'read', value: 'MIG-88888888-aaaa-bbbb-cccc-dddddddddddd' }],
          ['3g.20gb', 1, { state: 'read', value: 'MIG-99999999-aaaa-bbbb-cccc-dddddddddddd' }],
        ],
      ],
      [1, []],
    ]);
  });

  it('a GPU without handle is named in partial', () => {
    const text = `${vendorText('nvidia-smi-L/mig.txt')}Unable to determine the device handle for GPU1: 0000:34:00.0: Unknown Error\n`;
    expect(parseNvidiaSmiList(bytesOf(text)).partial).toEqual([
      'line 5: Unable to determine the device handle for GPU1: 0000:34:00.0: Unknown Error',
    ]);
  });

  it('a scrubbed UUID is no identity', () => {
    const { gpus } = parseNvidiaSmiList(bytesOf('GPU 0: NVIDIA H200 (UUID: GPU-00000000-0000-0000-0000-000000000000)\n')).value;
    expect(gpus[0]?.uuid.reading.state).toBe('absent');
  });

  it.each(['GPU 0: NVIDIA H200 (UUID: GPU-3333', 'No devices were found\n', '  MIG 1g.10gb Device 0: (UUID: MIG-1)\n'])(
    'refuses "%s"',
    (text) => {
      expect(codeOf(() => parseNvidiaSmiList(bytesOf(text)))).toBe('VENDOR_OUTPUT_INVALID');
    },
  );
});

describe('nvidia-smi topo -m', () => {
  const topology = parseNvidiaTopology(vendorOutput('nvidia-smi-topo/two-gpus-one-nic.txt'));

  it('gives every pair, the affinities and the names of the NICs', () => {
    expect(topology.value.devices).toEqual(['GPU0', 'GPU1', 'NIC0']);
    expect(topology.value.pairs.filter((pair) => pair.from === 'GPU0')).toEqual([
      { from: 'GPU0', to: 'GPU0', connection: 'X' },
      { from: 'GPU0', to: 'GPU1', connection: 'NV18', links: 18 },
      { from: 'GPU0', to: 'NIC0', connection: 'PXB' },
    ]);
    expect(topology.value.affinities.map(({ device, fields }) => [device, fields.map((field) => field.reading)])).toEqual([
      [
        'GPU0',
        [
          { state: 'read', value: '0-31' },
          { state: 'read', value: '0' },
          { state: 'absent', reason: 'the tool printed "N/A"' },
        ],
      ],
      [
        'GPU1',
        [
          { state: 'read', value: '32-63' },
          { state: 'read', value: '1' },
          { state: 'absent', reason: 'the tool printed "N/A"' },
        ],
      ],
    ]);
    expect(topology.value.nics).toEqual({ NIC0: 'mlx5_0' });
  });

  it('reads the matrix pasted with blanks', () => {
    const text = vendorText('nvidia-smi-topo/two-gpus-one-nic.txt').replaceAll('\t\t', '\t').replaceAll('\t', '    ');
    expect(parseNvidiaTopology(bytesOf(text)).value.pairs.map((pair) => pair.connection)).toEqual([
      'X',
      'NV18',
      'PXB',
      'NV18',
      'X',
      'SYS',
      'PXB',
      'SYS',
      'X',
    ]);
  });

  it('a missing row and an unknown connection are told', () => {
    const text = vendorText('nvidia-smi-topo/two-gpus-one-nic.txt')
      .replace(/NIC0\tPXB.*\n/, '')
      .replace('NV18\t X', 'WARP\t X');
    const damaged = parseNvidiaTopology(bytesOf(text));
    expect(damaged.partial).toEqual(['no row for NIC0']);
    expect(damaged.unread).toEqual(['line 3: GPU1 to GPU0 is "WARP"']);
  });

  it.each(['Legend:\n', '\tGPU0\tGPU1\n', 'GPU0 X\n'])('refuses "%s"', (text) => {
    expect(codeOf(() => parseNvidiaTopology(bytesOf(text)))).toBe('VENDOR_OUTPUT_INVALID');
  });
});

describe('nvidia-smi nvlink', () => {
  it('tells active, inactive and boards without NVLink apart', () => {
    const { gpus } = parseNvidiaNvlink(vendorOutput('nvidia-smi-nvlink/status.txt')).value;
    expect(gpus.map(({ index, links, without }) => ({ index, links, without }))).toEqual([
      {
        index: 0,
        links: [
          { link: 0, fields: [], state: 'active', speed: 26.562 },
          { link: 1, fields: [], state: 'inactive' },
        ],
        without: undefined,
      },
      { index: 1, links: [], without: { reason: 'none', message: 'Device does not have or support Nvlink' } },
    ]);
  });

  it('reads error counters per link', () => {
    const { gpus } = parseNvidiaNvlink(vendorOutput('nvidia-smi-nvlink/errors.txt')).value;
    expect(gpus[0]?.links[0]?.fields.map(({ key, reading }) => [key, reading])).toEqual([
      ['nvlink.replay_errors', { state: 'read', value: 0 }],
      ['nvlink.recovery_errors', { state: 'read', value: 2 }],
      ['nvlink.crc_errors', { state: 'read', value: 17 }],
    ]);
  });

  it.each([
    ['NvLink is not supported in MIG mode', 'mig'],
    ['NVML: Unable to retrieve NVLink information as all links are inActive', 'inactive'],
    ['something else', 'other'],
  ])('"%s" is the reason %s', (message, reason) => {
    const text = `GPU 0: NVIDIA H100 (UUID: GPU-33333333-aaaa-bbbb-cccc-dddddddddddd)\n${message}\n`;
    expect(parseNvidiaNvlink(bytesOf(text)).value.gpus[0]?.without).toEqual({ reason, message });
  });

  it('a speed cut in half is not read', () => {
    const cut = parseNvidiaNvlink(bytesOf(vendorText('nvidia-smi-nvlink/status.txt').slice(0, 96)));
    expect(cut.value.gpus[0]?.links).toEqual([]);
    expect(cut.partial).toEqual(['line 2 has no line break: the output was cut there']);
  });

  it('a link before any GPU is an error', () => {
    expect(messageOf(() => parseNvidiaNvlink(bytesOf('\t Link 0: 26.562 GB/s\n')))).toBe(
      'nvidia-smi-nvlink: no GPU line: "Link 0: 26.562 GB/s" (line 1)',
    );
  });
});

describe('nvidia-smi summary, version and failures', () => {
  it('reads the summary table; ERR! is unreadable', () => {
    const table = parseNvidiaSmiTable(vendorOutput('nvidia-smi-table/one-gpu.txt'));
    expect(table.value.driverVersion).toBe('535.104.05');
    expect(table.value.gpus[0]?.fields.map(({ key, reading }) => [key, reading.state === 'read' ? reading.value : reading.state])).toEqual([
      ['name', 'NVIDIA H100 80G...'],
      ['persistence_mode', true],
      ['pci.bus_id', '00000000:3B:00.0'],
      ['display_active', false],
      ['ecc.errors.uncorrected.volatile.total', 0],
      ['fan.speed', 'unreadable'],
      ['temperature.gpu', 41],
      ['pstate', 'P0'],
      ['power.draw', 68],
      ['enforced.power.limit', 700],
      ['memory.used', 3],
      ['memory.total', 81_559],
      ['utilization.gpu', 0],
      ['compute_mode', 'Default'],
      ['mig.mode.current', false],
    ]);
  });

  it('reads MIG devices of the summary table; a hidden count is unsupported', () => {
    const [gpu] = parseNvidiaSmiTable(vendorOutput('nvidia-smi-table/mig.txt')).value.gpus;
    expect(gpu?.fields.find((field) => field.key === 'ecc.errors.uncorrected.volatile.total')?.reading.state).toBe('unsupported');
    expect(gpu?.migDevices[0]?.map(({ key, reading }) => [key.slice(4), reading.state === 'read' ? reading.value : reading.state])).toEqual(
      [
        ['index', 0],
        ['gpu_instance_id', 2],
        ['compute_instance_id', 0],
        ['fb_memory_usage.used', 22],
        ['fb_memory_usage.total', 71_424],
        ['device_attributes.shared.multiprocessor_count', 16],
        ['ecc_error_count.volatile_count.sram_uncorrectable', 0],
        ['device_attributes.shared.copy_engine_count', 3],
        ['device_attributes.shared.encoder_count', 0],
        ['device_attributes.shared.decoder_count', 3],
        ['device_attributes.shared.ofa_count', 0],
        ['device_attributes.shared.jpg_count', 3],
        ['bar1_memory_usage.used', 0],
        ['bar1_memory_usage.total', 59_237],
      ],
    );
  });

  it('a table without its last border says so', () => {
    const text = vendorText('nvidia-smi-table/one-gpu.txt');
    expect(parseNvidiaSmiTable(bytesOf(text.slice(0, text.lastIndexOf('\n+') + 1))).partial).toEqual([
      'the table does not end with its border',
    ]);
  });

  it('keeps the four versions apart', () => {
    expect(parseNvidiaSmiVersion(vendorOutput('nvidia-smi-version/four-lines.txt')).value).toEqual({
      smi: '580.82.07',
      nvml: '580.82',
      driver: '580.82.07',
      cuda: '13.0',
    });
  });

  it.each([
    [
      'nvidia-smi-failure/mismatch.txt',
      {
        class: 'version-mismatch',
        line: 1,
        message: 'Failed to initialize NVML: Driver/library version mismatch',
        libraryVersion: '570.133',
      },
    ],
    [
      'nvidia-smi-failure/lost.txt',
      {
        class: 'gpu-lost',
        line: 1,
        message: 'Unable to determine the device handle for GPU0000:A1:00.0: GPU is lost.  Reboot the system to recover this GPU',
        pciBusId: '0000:a1:00.0',
      },
    ],
  ])('%s', (path, expected) => {
    expect(parseNvidiaSmiFailure(vendorOutput(path)).value.failures).toEqual([expected]);
  });

  it.each([
    ['Failed to initialize NVML: Unknown Error', 'nvml-error'],
    ['Failed to initialize NVML: Insufficient Permissions', 'permission'],
    ['No devices were found', 'no-devices'],
    ['Unable to determine the device handle for GPU 0000:0B:00.0: Unknown Error', 'gpu-handle'],
    ['WARNING: infoROM is corrupted at gpu 0000:3B:00.0', 'inforom-corrupt'],
    ["NVIDIA-SMI couldn't find libnvidia-ml.so library in your system.", 'library-not-found'],
  ])('"%s" is %s', (text, expected) => {
    expect(parseNvidiaSmiFailure(bytesOf(`${text}\n`)).value.failures[0]?.class).toBe(expected);
  });

  it('a text that is no failure is an error', () => {
    expect(codeOf(() => parseNvidiaSmiFailure(bytesOf('All is well\n')))).toBe('VENDOR_OUTPUT_INVALID');
  });
});
