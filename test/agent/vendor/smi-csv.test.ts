import { describe, expect, it } from 'vitest';
import { parseNvidiaSmiCsv } from '../../../agent/vendor/nvidia/smi-csv.ts';
import { bytesOf, codeOf, vendorOutput, vendorText } from '../../fixture/vendor-output.ts';

const parsed = parseNvidiaSmiCsv(vendorOutput('nvidia-smi-csv/gpus.csv'));
const [first, second] = parsed.value.gpus;

describe('nvidia-smi --format=csv', () => {
  it('reads cells by header name with the unit of the column', () => {
    expect(first?.pciBusId).toBe('0000:3b:00.0');
    expect(first?.memory.total).toEqual({
      key: 'memory.total',
      path: 'line 2: memory.total',
      reading: { state: 'read', value: 81_559 },
      unit: 'MiB',
    });
    expect(first?.power.draw).toEqual({
      key: 'power.draw',
      path: 'line 2: power.draw',
      reading: { state: 'read', value: 68.2 },
      unit: 'W',
    });
    expect(first?.temperature.gpu).toEqual({
      key: 'temperature.gpu',
      path: 'line 2: temperature.gpu',
      reading: { state: 'read', value: 41 },
      unit: 'Cel',
    });
  });

  it('knows columns under their older names', () => {
    expect(first?.eventReasons.hwSlowdown.reading).toEqual({ state: 'read', value: false });
  });

  it('keeps the four states apart', () => {
    expect(second?.temperature.gpu.reading.state).toBe('unreadable');
    expect(second?.power.draw.reading.state).toBe('absent');
    expect(second?.eventReasons.hwSlowdown.reading.state).toBe('unsupported');
    expect(first?.ecc.volatile.dramUncorrectable.reading).toEqual({ state: 'read', value: 0 });
    expect(second?.ecc.volatile.dramUncorrectable.reading.state).toBe('absent');
  });

  it('does not believe the platform columns, which this form makes up', () => {
    expect(first?.platform.slotNumber.reading.state).toBe('unsupported');
  });

  it('lists columns it does not know', () => {
    expect(parsed.unread).toEqual(['line 2: brand_new.column', 'line 3: brand_new.column']);
  });

  it('reads cells without units', () => {
    expect(parseNvidiaSmiCsv(vendorOutput('nvidia-smi-csv/nounits.csv')).value.gpus[0]?.memory.total).toEqual({
      key: 'memory.total',
      path: 'line 2: memory.total',
      reading: { state: 'read', value: 81_559 },
      unit: 'MiB',
    });
  });

  it('drops process names', () => {
    const apps = parseNvidiaSmiCsv(vendorOutput('nvidia-smi-csv/compute-apps.csv'));
    expect(apps.value.gpus).toEqual([]);
    expect(apps.measurements.map(({ item, key, reading }) => [item, key, reading.state])).toEqual([
      ['0000:3b:00.0/pid4242', 'pci.bus_id', 'read'],
      ['0000:3b:00.0/pid4242', 'uuid', 'read'],
      ['0000:3b:00.0/pid4242', 'pid', 'read'],
      ['0000:3b:00.0/pid4242', 'process_name', 'absent'],
      ['0000:3b:00.0/pid4242', 'used_gpu_memory', 'read'],
    ]);
    expect(JSON.stringify(apps)).not.toContain('somebody');
  });

  it('a cell in another unit than its column is unreadable', () => {
    const text = vendorText('nvidia-smi-csv/nounits.csv').replace('81559', '81559 MHz');
    expect(parseNvidiaSmiCsv(bytesOf(text)).value.gpus[0]?.memory.total.reading.state).toBe('unreadable');
  });

  it('the last cell of a cut file is not read', () => {
    const cut = parseNvidiaSmiCsv(bytesOf(vendorText('nvidia-smi-csv/nounits.csv').trimEnd()));
    expect(cut.unread).toEqual(['line 2: utilization.gpu']);
    expect(cut.partial).toEqual(['line 2 has no line break: its last cell may be cut']);
  });

  it.each([
    ['no known column', 'alpha, beta\n1, 2\n'],
    ['a short row', 'pci.bus_id, memory.total [MiB]\n00000000:3B:00.0\n'],
    ['a cut header', 'pci.bus_id, memory.tot'],
    ['a failed query', 'Field "nonsense" is not a valid field to query.\n'],
  ])('refuses %s', (_, text) => {
    expect(codeOf(() => parseNvidiaSmiCsv(bytesOf(text)))).toBe('VENDOR_OUTPUT_INVALID');
  });
});
