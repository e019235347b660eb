import { describe, expect, it } from 'vitest';
import { readKfdTopology, parseKfdMemoryBank, parseKfdTopology } from '../../../agent/vendor/amd/kfd-topology.ts';
import { parseRocmSmi } from '../../../agent/vendor/amd/rocm-smi.ts';
import { parseRocminfo } from '../../../agent/vendor/amd/rocminfo.ts';
import { parseRocprofSysinfo } from '../../../agent/vendor/amd/rocprof-sysinfo.ts';
import { parseAmdSmiText } from '../../../agent/vendor/amd/smi-view.ts';
import { parseAmdSmi } from '../../../agent/vendor/amd/smi.ts';
import { parseSysfsDrm } from '../../../agent/vendor/amd/sysfs-drm.ts';
import { bytesOf, codeOf, vendorOutput, vendorText } from '../../fixture/vendor-output.ts';

const amd = (path: string) => parseAmdSmi(path.split('/', 1).join(''), vendorOutput(path));

describe('amd-smi static and metric', () => {
  it('read text blocks with units', () => {
    const parsed = amd('amd-smi-static/two-gpus.txt');
    const [first, second] = parsed.value.gpus;
    expect(first?.pciBusId).toBe('0000:05:00.0');
    expect(first?.power.capMax).toEqual({
      key: 'limit.max_power',
      path: 'line 16: LIMIT/MAX_POWER',
      reading: { state: 'read', value: 750 },
      unit: 'W',
    });
    expect(first?.temperature.slowdownHotspot).toEqual({
      key: 'limit.slowdown_hotspot_temperature',
      path: 'line 17: LIMIT/SLOWDOWN_HOTSPOT_TEMPERATURE',
      reading: { state: 'read', value: 100 },
      unit: 'Cel',
    });
    expect(first?.firmwareVersion.reading).toEqual({ state: 'read', value: '022.040.003.043.000001' });
    expect(first?.ras.umc.reading).toEqual({ state: 'read', value: true });
    expect(second?.serial.reading).toEqual({ state: 'absent', reason: 'placeholder 0x0000000000000000' });
    expect(parsed.unread).toEqual(['line 40: BRAND_NEW_SECTION/SOMETHING']);
  });

  it('the kernel banner of an in-tree driver is no version', () => {
    expect(amd('amd-smi-static/two-gpus.txt').value.gpus[0]?.driver.version.reading.state).toBe('absent');
  });

  it('read JSON of ROCm 7 below gpu_data, with a warning before it', () => {
    const parsed = amd('amd-smi-static/gpu-data.json');
    expect(parsed.value.gpus[0]?.vram.size).toEqual({
      key: 'vram.size',
      path: '/gpu_data[0]/vram/size',
      reading: { state: 'read', value: 262_128 },
      unit: 'MB',
    });
    expect(parsed.value.gpus[0]?.firmwareVersion.reading).toEqual({ state: 'read', value: '00137000' });
    expect(parsed.value.gpus[0]?.ras.badPageThresholdExceeded.reading).toEqual({ state: 'read', value: true });
    expect(parsed.partial).toEqual(['before the document: WARNING: User is missing the following required groups: render']);
  });

  it('read JSON as a bare array; zero and N/A differ', () => {
    const [first, second] = amd('amd-smi-metric/two-gpus.json').value.gpus;
    expect(first?.ecc.uncorrectable.reading).toEqual({ state: 'read', value: 0 });
    expect(second?.ecc.uncorrectable.reading).toEqual({ state: 'read', value: 3 });
    expect(second?.ecc.correctable.reading.state).toBe('absent');
    expect(first?.temperature.edge.reading.state).toBe('absent');
    expect(first?.temperature.hotspot).toEqual({
      key: 'temperature.hotspot',
      path: '[0]/temperature/hotspot',
      reading: { state: 'read', value: 41 },
      unit: 'Cel',
    });
  });

  it('keep counters beyond 2^53 as they were printed', () => {
    const energy = amd('amd-smi-metric/two-gpus.json').measurements.find((each) => each.key === 'energy.total_energy_consumption');
    expect(energy?.reading).toEqual({ state: 'read', value: '18446744073709551615' });
  });

  it('join lists that are wrapped over lines', () => {
    const parsed = amd('amd-smi-metric/throttle.txt');
    expect(
      parsed.measurements.filter((each) => each.key.startsWith('usage.jpeg_activity')).map(({ key, reading }) => [key, reading.state]),
    ).toEqual([
      ['usage.jpeg_activity[0]', 'read'],
      ['usage.jpeg_activity[1]', 'read'],
      ['usage.jpeg_activity[2]', 'absent'],
      ['usage.jpeg_activity[3]', 'absent'],
      ['usage.jpeg_activity[4]', 'absent'],
    ]);
    expect(parsed.value.gpus[0]?.throttle.prochotStatus.reading).toEqual({ state: 'read', value: false });
    expect(parsed.value.gpus[0]?.throttle.pptActivity).toMatchObject({ reading: { state: 'read', value: 12 }, unit: '%' });
  });

  it('a value cut in half is not read', () => {
    const text = vendorText('amd-smi-static/two-gpus.txt');
    const cut = parseAmdSmi('amd-smi-static', bytesOf(text.slice(0, text.indexOf('750 W') + 2)));
    expect(cut.value.gpus[0]?.power.capMax.reading.state).toBe('absent');
    expect(cut.partial).toEqual(['line 16 has no line break: the output was cut there']);
  });

  it.each(['Can not find a device: GPU "123"\n', '[{"name": "x"}]\n', '{"gpu_data": "none"}\n', '[{"gpu": 0, "asic": {'])(
    'refuse %s',
    (text) => {
      expect(codeOf(() => parseAmdSmi('amd-smi-static', bytesOf(text)))).toBe('VENDOR_OUTPUT_INVALID');
    },
  );
});

describe('amd-smi tables', () => {
  it('without root a partition table is absent cells and a note', () => {
    const parsed = amd('amd-smi-partition/no-root.txt');
    expect(parsed.partial).toEqual(['line 8: MEMORY_PARTITION requires sudo/root permissions to run.']);
    expect(parsed.value.tables[0]?.rows[1]?.cells).toEqual([
      { column: 'GPU_ID', reading: { state: 'read', value: 1 } },
      { column: 'MEMORY', reading: { state: 'absent', reason: 'the tool printed "N/A"' } },
      { column: 'ACCELERATOR_TYPE', reading: { state: 'absent', reason: 'the tool printed "N/A"' } },
      { column: 'PARTITION_ID', reading: { state: 'read', value: 0 } },
    ]);
  });

  it('XGMI rows belong to the device above them', () => {
    const parsed = amd('amd-smi-xgmi/metric.txt');
    expect(parsed.measurements.filter((each) => each.item === 'gpu0 write').map(({ key, reading, unit }) => [key, reading, unit])).toEqual([
      ['link_metric_table.0000:05:00.0', { state: 'absent', reason: 'the tool printed "N/A"' }, undefined],
      ['link_metric_table.0000:26:00.0', { state: 'read', value: 1.5 }, 'MB'],
    ]);
  });

  it('link states are one letter per link', () => {
    const [row] = amd('amd-smi-xgmi/link-status.txt').value.tables[0]?.rows ?? [];
    expect(row?.cells.map(({ column, reading }) => [column, reading])).toEqual([
      ['bdf', { state: 'read', value: '0000:05:00.0' }],
      ['link_status[0]', { state: 'read', value: 'U' }],
      ['link_status[1]', { state: 'read', value: 'D' }],
      ['link_status[2]', { state: 'read', value: 'X' }],
    ]);
  });

  it('rows that leave out what stands above are read by column position', () => {
    const parsed = amd('amd-smi-partition/profiles.txt');
    expect(
      parsed.value.tables[1]?.rows.map((row) =>
        row.cells.map(({ column, reading }) => `${column}=${reading.state === 'read' ? String(reading.value) : ''}`),
      ),
    ).toEqual([
      ['GPU_ID=0', 'PROFILE_INDEX=0', 'ACCELERATOR_TYPE=SPX*', 'NUM_RESOURCES=2', 'RESOURCE_INDEX=0', 'RESOURCE_TYPE=XCC'],
      ['RESOURCE_INDEX=1', 'RESOURCE_TYPE=DMA'],
      ['PROFILE_INDEX=1', 'ACCELERATOR_TYPE=DPX', 'NUM_RESOURCES=2', 'RESOURCE_INDEX=2', 'RESOURCE_TYPE=XCC'],
    ]);
  });

  it('device blocks between tables stay blocks', () => {
    const parsed = amd('amd-smi-partition/profiles.txt');
    expect(parsed.measurements.filter((each) => each.item === 'gpu0').map(({ key, reading }) => [key, reading])).toEqual([
      ['memory_partition.caps', { state: 'read', value: 'NPS1,NPS4' }],
      ['memory_partition.current', { state: 'read', value: 'NPS1' }],
    ]);
  });

  it('process names are dropped', () => {
    const parsed = parseAmdSmiText(vendorOutput('amd-smi-text/processes.txt'));
    expect(JSON.stringify(parsed)).not.toContain('trainer');
    expect(parsed.measurements.find((each) => each.key === 'process_info.PID')?.reading).toEqual({ state: 'read', value: 4242 });
  });

  it('a disabled link of the access table is false', () => {
    const [row] = amd('amd-smi-topology/access.txt').value.tables[0]?.rows ?? [];
    expect([row?.label, row?.cells.map((cell) => cell.reading)]).toEqual([
      '0000:05:00.0',
      [
        { state: 'read', value: true },
        { state: 'read', value: false },
      ],
    ]);
  });

  it('a row that does not fit its header stays unread', () => {
    const parsed = parseAmdSmi(
      'amd-smi-topology',
      bytesOf(vendorText('amd-smi-topology/access.txt').replace('ENABLED      DISABLED', 'ENABLED')),
    );
    expect(parsed.unread).toEqual(['line 3: 0000:05:00.0']);
  });

  it.each(['amd-smi-text/monitor.txt', 'amd-smi-text/box.txt', 'rocm-smi/concise.txt'])('%s is read as text of AMD tools', (path) => {
    const parsed = parseAmdSmiText(vendorOutput(path));
    expect([parsed.leaves.total - parsed.leaves.typed, parsed.partial]).toEqual([0, []]);
  });

  it('the summary box gives used and total memory', () => {
    const memory = parseAmdSmiText(vendorOutput('amd-smi-text/box.txt')).measurements.filter((each) => each.key.startsWith('mem_usage'));
    expect(memory.map(({ item, key, reading, unit }) => [item, key, reading, unit])).toEqual([
      ['0000:05:00.0', 'mem_usage.used_vram', { state: 'read', value: 283 }, 'MB'],
      ['0000:05:00.0', 'mem_usage.total_vram', { state: 'read', value: 196_592 }, 'MB'],
    ]);
  });
});

describe('rocm-smi', () => {
  it('reads JSON with the units of its labels', () => {
    const [card] = parseRocmSmi(vendorOutput('rocm-smi/one-card.json')).value.cards;
    expect([card?.pciBusId, card?.uniqueId.reading, card?.serial.reading.state]).toEqual([
      '0000:83:00.0',
      { state: 'read', value: '0x1122334455667788' },
      'absent',
    ]);
    expect(card?.temperatureEdge).toEqual({
      key: 'temperature_sensor_edge_c',
      path: '/card0/Temperature (Sensor edge) (C)',
      reading: { state: 'read', value: 38 },
      unit: 'Cel',
    });
    expect(card?.vramTotal).toMatchObject({ reading: { state: 'read', value: 68_702_699_520 }, unit: 'By' });
  });

  it('reads the concise view; unsupported is no number', () => {
    const { cards } = parseRocmSmi(vendorOutput('rocm-smi/concise.txt')).value;
    expect(
      cards.map(({ deviceId, power, temperatureConcise }) => [deviceId.reading, power.reading.state, temperatureConcise.reading.state]),
    ).toEqual([
      [{ state: 'read', value: '0x74a1' }, 'read', 'read'],
      [{ state: 'read', value: '0x74a1' }, 'unsupported', 'absent'],
    ]);
  });

  it('reads labelled lines', () => {
    const { cards } = parseRocmSmi(vendorOutput('rocm-smi/labelled.txt')).value;
    expect(cards.map((card) => [card.temperatureJunction.reading, card.pcieReplayCount.reading.state])).toEqual([
      [{ state: 'read', value: 44 }, 'read'],
      [{ state: 'absent', reason: 'the tool printed "N/A"' }, 'absent'],
    ]);
  });

  it('reads the matrices of a topology', () => {
    const text =
      '=== Weight between two GPUs ===\n       GPU0         GPU1\nGPU0   0            15\nGPU1   15           0\n=== End of ROCm SMI Log ===\n';
    const parsed = parseRocmSmi(bytesOf(text));
    expect(parsed.measurements.map(({ item, key, reading }) => [item, key, reading])).toEqual([
      ['card0', 'weight_between_two_gpus.gpu0', { state: 'read', value: 0 }],
      ['card0', 'weight_between_two_gpus.gpu1', { state: 'read', value: 15 }],
      ['card1', 'weight_between_two_gpus.gpu0', { state: 'read', value: 15 }],
      ['card1', 'weight_between_two_gpus.gpu1', { state: 'read', value: 0 }],
    ]);
  });

  it('a view without its last line says so', () => {
    const text = vendorText('rocm-smi/concise.txt');
    expect(parseRocmSmi(bytesOf(text.slice(0, text.lastIndexOf('====')).split('\n').slice(0, 6).join('\n') + '\n')).partial).toEqual([
      'no "End of ROCm SMI Log" line: the output ends before it',
    ]);
  });

  it.each(['{}\n', '{"card0": 1}\n', 'rocm-smi: command not found\n'])('refuses %s', (text) => {
    expect(codeOf(() => parseRocmSmi(bytesOf(text)))).toBe('VENDOR_OUTPUT_INVALID');
  });
});

describe('rocminfo and the profiler', () => {
  it('lists agents with numbers out of both notations', () => {
    const { agents, system } = parseRocminfo(vendorOutput('rocminfo/cpu-and-gpu.txt')).value;
    expect(agents.map((agent) => [agent.deviceType.reading, agent.chipId.reading, agent.uuid.reading.state])).toEqual([
      [{ state: 'read', value: 'CPU' }, { state: 'absent', reason: 'not in this output' }, 'absent'],
      [{ state: 'read', value: 'GPU' }, { state: 'read', value: 29_857 }, 'read'],
    ]);
    expect(agents[1]?.fields.find((field) => field.key === 'pool_info.pool_1.size')).toMatchObject({
      reading: { state: 'read', value: 201_310_208 },
      unit: 'kB',
    });
    expect(system.map((field) => field.reading)).toEqual([
      { state: 'read', value: '1.14' },
      { state: 'read', value: '18446744073709551615' },
    ]);
  });

  it('an output cut before its end says so', () => {
    expect(parseRocminfo(bytesOf(vendorText('rocminfo/cpu-and-gpu.txt').replace('*** Done ***\n', ''))).partial).toEqual([
      'no "*** Done ***" line: the output ends before it',
    ]);
  });

  it('the profiler row loses its command line and host', () => {
    const parsed = parseRocprofSysinfo(vendorOutput('rocprof-sysinfo/one-row.csv'));
    expect(JSON.stringify(parsed)).not.toMatch(/somebody|tray-b/);
    expect(parsed.value.rows[0]?.find((field) => field.key === 'cu_per_gpu')?.reading).toEqual({ state: 'read', value: 304 });
    expect(parsed.value.rows[0]?.find((field) => field.key === 'memory_partition')?.reading.state).toBe('absent');
    expect(parsed.unread).toEqual(['line 2: brand_new']);
  });

  it.each([
    ['rocminfo', () => parseRocminfo(bytesOf('ROCk module is NOT loaded\n'))],
    ['rocprof', () => parseRocprofSysinfo(bytesOf('a,b,c\n1,2,3\n'))],
  ])('%s refuses other texts', (_, call) => {
    expect(codeOf(call)).toBe('VENDOR_OUTPUT_INVALID');
  });
});

describe('KFD topology and sysfs', () => {
  it('counts packages by unique id and decodes addresses, targets and links', () => {
    expect(parseKfdTopology(vendorOutput('kfd-topology/cpu-and-two-partitions.json')).value).toEqual({
      packages: 1,
      nodes: [
        { node: 0, isGpu: false, memoryBytes: [], links: [] },
        {
          node: 1,
          isGpu: true,
          computeUnits: 38,
          vendorId: '1002',
          deviceId: '74a1',
          pciBusId: '0000:05:00.0',
          graphicsTarget: 'gfx942',
          uniqueId: '16404946649897475633',
          hiveId: '15188982192727901047',
          memoryBytes: [25_767_706_624],
          links: [
            { to: 0, kind: 'pcie', weight: 20 },
            { to: 2, kind: 'xgmi', weight: 13 },
          ],
        },
        {
          node: 2,
          isGpu: true,
          computeUnits: 38,
          vendorId: '1002',
          deviceId: '74a1',
          pciBusId: '0000:05:00.1',
          graphicsTarget: 'gfx90a',
          uniqueId: '16404946649897475633',
          memoryBytes: [],
          links: [],
        },
      ],
    });
  });

  it('a unique id of zero identifies no package', () => {
    const files = new Map([['nodes/1/properties', 'simd_count 4\nsimd_per_cu 4\nunique_id 0\n']]);
    expect(readKfdTopology(files).value).toEqual({ nodes: [{ node: 1, isGpu: true, computeUnits: 1, memoryBytes: [], links: [] }] });
  });

  it('properties that are no pairs are told', () => {
    const parsed = readKfdTopology(new Map([['nodes/1/properties', 'simd_count 4\ngarbage\n']]));
    expect([parsed.unread, parsed.partial]).toEqual([
      ['nodes/1/properties'],
      ['nodes/1/properties has lines that are no "name value" pairs'],
    ]);
  });

  it('a memory bank has its size in bytes', () => {
    expect(parseKfdMemoryBank(vendorOutput('kfd-membank/one-bank.txt')).value.sizeBytes).toBe(25_767_706_624);
    expect(parseKfdMemoryBank(bytesOf('heap_type 1\nsize_in_bytes 2576')).value.sizeBytes).toBeUndefined();
  });

  it('amdgpu files give RAS counters; zero is a reading', () => {
    const [card] = parseSysfsDrm(vendorOutput('sysfs-drm/one-card.json')).value.cards;
    expect(card?.ras).toEqual({ umc: { uncorrectable: 1, correctable: 0, deferred: 0 } });
    expect(card?.fields.find((field) => field.key === 'pcie_replay_count')?.reading).toEqual({ state: 'read', value: 0 });
  });

  it('refuse trees of something else', () => {
    expect(codeOf(() => parseKfdTopology(bytesOf('{"etc/hosts": "x"}')))).toBe('VENDOR_OUTPUT_INVALID');
    expect(codeOf(() => parseSysfsDrm(bytesOf('{"etc/hosts": "x"}')))).toBe('VENDOR_OUTPUT_INVALID');
    expect(codeOf(() => parseKfdMemoryBank(bytesOf('hello world\n')))).toBe('VENDOR_OUTPUT_INVALID');
  });
});
