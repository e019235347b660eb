import { describe, expect, it } from 'vitest';
import { GPU_SHAPE } from '../../../agent/vendor/nvidia/smi-gpu.ts';
import { SMI_KINDS } from '../../../agent/vendor/nvidia/smi-fields.ts';
import { parseNvidiaSmiQuery } from '../../../agent/vendor/nvidia/smi-query.ts';
import { bytesOf, codeOf, messageOf, vendorOutput, vendorText } from '../../fixture/vendor-output.ts';

const whole = parseNvidiaSmiQuery(vendorOutput('nvidia-smi-q/h100-mig.txt'));
const damaged = parseNvidiaSmiQuery(vendorOutput('nvidia-smi-q/renamed-and-cut.txt'));
const [gpu] = whole.value.gpus;
const [broken] = damaged.value.gpus;

describe('nvidia-smi -q', () => {
  it('answers the facts of the XML form', () => {
    expect(whole.value.driverVersion.reading).toEqual({ state: 'read', value: '535.104.05' });
    expect(gpu?.pciBusId).toBe('0000:3b:00.0');
    expect(gpu?.memory.total).toEqual({
      key: 'memory.total',
      path: 'gpu[0]/FB Memory Usage/Total line 44',
      reading: { state: 'read', value: 81_559 },
      unit: 'MiB',
    });
    expect(gpu?.eventReasons.hwThermalSlowdown.reading).toEqual({ state: 'read', value: true });
    expect(gpu?.platform.moduleId.reading).toEqual({ state: 'read', value: 7 });
    expect(gpu?.remappedRows.pending.reading.state).toBe('absent');
    expect(whole.leaves).toEqual({ total: 38, typed: 38 });
  });

  it('lists MIG devices and processes', () => {
    expect(gpu?.migDevices.map(({ index, gpuInstanceId }) => ({ index, gpuInstanceId }))).toEqual([
      { index: 0, gpuInstanceId: 1 },
      { index: 1, gpuInstanceId: 2 },
    ]);
    expect(gpu?.processes).toHaveLength(1);
    expect(JSON.stringify(whole)).not.toContain('somebody');
  });

  it('a GPU that breaks off answers unreadable for all that is missing', () => {
    expect(damaged.partial).toEqual(['gpu[0] breaks off after "Clocks Event Reasons / Renamed Slowdown / HW Thermal Slowdown" (line 42)']);
    expect(broken?.memory.total.reading).toEqual({ state: 'unreadable', reason: 'the output breaks off inside this GPU' });
    expect(broken?.ecc.volatile.dramUncorrectable.reading.state).toBe('unreadable');
  });

  it('a renamed label does not pass for the fact', () => {
    expect(broken?.eventReasons.hwSlowdown.reading.state).toBe('unreadable');
    expect(damaged.unread).toEqual([
      'gpu[0]/Clocks Event Reasons/Renamed Slowdown line 41',
      'gpu[0]/Clocks Event Reasons/Renamed Slowdown/HW Thermal Slowdown line 42',
    ]);
  });

  it('a number cut in half is not a number', () => {
    const text = vendorText('nvidia-smi-q/h100-mig.txt');
    const cut = parseNvidiaSmiQuery(bytesOf(text.slice(0, text.indexOf('81559') + 2)));
    expect(cut.value.gpus[0]?.memory.total.reading.state).toBe('unreadable');
    expect(cut.partial).toContain('line 44 has no line break: the output was cut there');
  });

  it('needs its banner', () => {
    expect(messageOf(() => parseNvidiaSmiQuery(bytesOf('Attached GPUs : 1\n')))).toBe(
      'nvidia-smi-q: expected "==============NVSMI LOG==============", found "Attached GPUs : 1" (line 1)',
    );
  });

  it('an output with nothing below its banner is an error', () => {
    expect(codeOf(() => parseNvidiaSmiQuery(bytesOf('==============NVSMI LOG==============\n\n')))).toBe('VENDOR_OUTPUT_INVALID');
  });
});

describe('the GPU field table', () => {
  it('has every key that the typed GPU asks for', () => {
    const asked: string[] = [];
    const walk = (shape: object): void => {
      for (const part of Object.values(shape) as (readonly string[] | object)[]) {
        if (Array.isArray(part)) asked.push(...(part as string[]));
        else walk(part);
      }
    };
    walk(GPU_SHAPE);
    expect(asked.filter((key) => !SMI_KINDS.has(key))).toEqual([]);
  });

  it('has no kind that readers do not know', () => {
    const kinds = new Set(SMI_KINDS.values());
    expect([...kinds].toSorted()).toEqual([
      '%',
      'Cel',
      'MHz',
      'MiB',
      'W',
      'any',
      'count',
      'flag',
      'hex',
      'identity',
      'kB/s',
      'mV',
      'text',
      'us',
      '{bank}',
      '{lane}',
    ]);
  });
});
