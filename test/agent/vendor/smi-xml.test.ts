import { describe, expect, it } from 'vitest';
import { parseNvidiaSmiXml } from '../../../agent/vendor/nvidia/smi-xml.ts';
import { bytesOf, codeOf, messageOf, vendorOutput, vendorText } from '../../fixture/vendor-output.ts';

const lost = parseNvidiaSmiXml(vendorOutput('nvidia-smi-xml/gb200-lost-gpu.xml'));
const legacy = parseNvidiaSmiXml(vendorOutput('nvidia-smi-xml/v100-no-doctype.xml'));
const mig = parseNvidiaSmiXml(vendorOutput('nvidia-smi-xml/a100-mig.xml'));
const [healthy, dead] = lost.value.gpus;
const [old] = legacy.value.gpus;
const [parted] = mig.value.gpus;

describe('a healthy GPU of the newest layout', () => {
  it('is joined by its PCI address', () => {
    expect(lost.value.gpus.map(({ index, pciBusId, condition }) => ({ index, pciBusId, condition }))).toEqual([
      { index: 0, pciBusId: '0008:01:00.0', condition: 'reachable' },
      { index: 1, pciBusId: '0009:01:00.0', condition: 'lost' },
    ]);
  });

  it('has typed values with unit and source element', () => {
    expect(healthy?.memory.total).toEqual({
      key: 'memory.total',
      path: 'gpu[0]/fb_memory_usage/total',
      reading: { state: 'read', value: 189_471 },
      unit: 'MiB',
    });
    expect(healthy?.temperature.tlimit).toEqual({
      key: 'temperature.gpu.tlimit',
      path: 'gpu[0]/temperature/gpu_temp_tlimit',
      reading: { state: 'read', value: 40 },
      unit: 'Cel',
    });
    expect(healthy?.eventCounters.swPowerCap.reading).toEqual({ state: 'read', value: 7_015_662_857 });
    expect(healthy?.pcie.widthCurrent).toEqual({
      key: 'pcie.link.width.current',
      path: 'gpu[0]/pci/pci_gpu_link_info/link_widths/current_link_width',
      reading: { state: 'read', value: 16 },
      unit: '{lane}',
    });
  });

  it('keeps zero, absent, unsupported and unreadable apart', () => {
    expect(healthy?.memory.used.reading).toEqual({ state: 'read', value: 0 });
    expect(healthy?.pcie.generationHostMax.reading).toEqual({ state: 'absent', reason: 'the tool printed "N/A"' });
    expect(healthy?.platform.chassisSerialNumber.reading).toEqual({ state: 'absent', reason: 'the tool printed nothing' });
    expect(healthy?.clocks.sm.reading).toEqual({ state: 'absent', reason: 'not in this output' });
    expect(lost.measurements.find((each) => each.key === 'display_mode')?.reading.state).toBe('unsupported');
    expect(legacy.value.cudaVersion.reading).toEqual({ state: 'unreadable', reason: 'the tool printed "Not Found"' });
  });

  it('reads flags, also where "None" is a real answer', () => {
    expect(healthy?.remappedRows.pending.reading).toEqual({ state: 'read', value: true });
    expect(healthy?.remappedRows.failure.reading).toEqual({ state: 'read', value: false });
    expect(healthy?.recoveryAction.reading).toEqual({ state: 'read', value: 'None' });
    expect(healthy?.fabric.health.incorrectConfiguration.reading).toEqual({ state: 'read', value: 'None' });
  });

  it('takes the instant power draw when the average is not there', () => {
    expect(healthy?.power.draw).toEqual({
      key: 'power.draw.instant',
      path: 'gpu[0]/gpu_power_readings/instant_power_draw',
      reading: { state: 'read', value: 165.4 },
      unit: 'W',
    });
  });

  it('keeps the clock table compact and drops process names', () => {
    expect(healthy?.supportedClocks).toEqual([{ memoryMhz: 3996, graphicsMhz: [2062, 2055] }]);
    expect(healthy?.processes[0]?.fields.find((field) => field.key === 'process.name')?.reading.state).toBe('absent');
    expect(JSON.stringify(lost)).not.toContain('somebody');
  });

  it('lists elements that no rule knows', () => {
    expect(lost.unread).toEqual(['gpu[0]/brand_new_element', 'gpu[1]/brand_new_element']);
    expect(lost.leaves.total - lost.leaves.typed).toBe(2);
  });

  it('a section answered by one word answers all facts below it', () => {
    expect(lost.measurements.filter((each) => each.item === '0008:01:00.0' && each.key === 'power_smoothing')).toEqual([
      {
        type: 'Hardware',
        subtype: 'nvidia',
        item: '0008:01:00.0',
        key: 'power_smoothing',
        reading: { state: 'unreadable', reason: 'the section says "Insufficient Permissions"' },
        source: 'nvidia-smi -q -x: gpu[0]/power_smoothing',
      },
    ]);
  });
});

describe('a lost GPU', () => {
  it('keeps its identity and reads nothing else', () => {
    expect(dead?.serial.reading).toEqual({ state: 'read', value: '16600000009' });
    expect(dead?.memory.total.reading).toEqual({ state: 'unreadable', reason: 'the tool printed "GPU is lost"' });
    expect(dead?.remappedRows.failure.reading).toEqual({ state: 'unreadable', reason: 'the section says "GPU is lost"' });
    expect(dead?.fabric.health.summary.reading.state).toBe('unreadable');
    expect(dead?.ecc.volatile.dramUncorrectable.reading.state).toBe('unreadable');
  });
});

describe('older layouts', () => {
  it('need no DOCTYPE and answer the same facts', () => {
    expect(old?.eventReasons.gpuIdle.reading).toEqual({ state: 'read', value: true });
    expect(old?.power.draw.reading).toEqual({ state: 'read', value: 43.27 });
    expect(old?.power.limit.reading).toEqual({ state: 'read', value: 280 });
    expect(old?.ecc.volatile.dramUncorrectable.reading).toEqual({ state: 'read', value: 1 });
    expect(old?.ecc.volatile.sramUncorrectable.reading).toEqual({ state: 'read', value: 2 });
    expect(old?.retiredPages.pending.reading).toEqual({ state: 'read', value: true });
    expect(old?.remappedRows.failure.reading.state).toBe('absent');
  });

  it('say when fewer GPUs are listed than were counted', () => {
    expect(legacy.partial).toEqual(['the tool counted 2 GPUs, 1 are listed']);
  });

  it('answer the module id and the reset state under their old names', () => {
    expect(parted?.platform.moduleId.reading).toEqual({ state: 'read', value: 3 });
    expect(parted?.resetRequired.reading).toEqual({ state: 'read', value: true });
  });
});

describe('lists and open sections', () => {
  it('every address of a retired page is kept, every leaf of power smoothing typed', () => {
    const text = `<nvidia_smi_log><driver_version>1</driver_version><gpu id="00000000:01:00.0">
      <power_smoothing><profile><ramp_up_rate>5 W</ramp_up_rate></profile></power_smoothing>
      <retired_pages><double_bit_retirement><retired_pagelist><retired_page_address>0x12</retired_page_address><retired_page_address>0x34</retired_page_address></retired_pagelist></double_bit_retirement></retired_pages>
    </gpu></nvidia_smi_log>`;
    const parsed = parseNvidiaSmiXml(bytesOf(text));
    expect(parsed.measurements.slice(1).map(({ key, reading, unit }) => [key, reading, unit])).toEqual([
      ['power_smoothing.profile.ramp_up_rate', { state: 'read', value: 5 }, 'W'],
      ['retired_pages.double_bit.pages.retired_page_address', { state: 'read', value: '0x12' }, undefined],
      ['retired_pages.double_bit.pages.retired_page_address#2', { state: 'read', value: '0x34' }, undefined],
    ]);
    expect(parsed.unread).toEqual([]);
  });
});

describe('MIG', () => {
  it('lists devices apart from the parent', () => {
    expect(parted?.migDevices.map(({ index, gpuInstanceId, computeInstanceId }) => ({ index, gpuInstanceId, computeInstanceId }))).toEqual([
      { index: 0, gpuInstanceId: 2, computeInstanceId: 0 },
    ]);
    expect(parted?.memory.total.reading).toEqual({ state: 'read', value: 40_960 });
  });

  it('hides row remapping, which is not the same as none', () => {
    expect(parted?.remappedRows.pending.reading).toEqual({ state: 'absent', reason: 'the section says "N/A"' });
  });

  it('an unknown error of one leaf stays with that leaf', () => {
    expect(parted?.temperature.gpu.reading).toEqual({ state: 'unreadable', reason: 'the tool printed "Unknown Error"' });
    expect(parted?.condition).toBe('reachable');
  });
});

describe('outputs that are none', () => {
  it.each([
    ['another tool', '<rocm><gpu/></rocm>'],
    ['an empty log', '<nvidia_smi_log></nvidia_smi_log>'],
    ['a failure text', 'Failed to initialize NVML: Driver/library version mismatch\n'],
  ])('%s', (_, text) => {
    expect(codeOf(() => parseNvidiaSmiXml(bytesOf(text)))).toBe('VENDOR_OUTPUT_INVALID');
  });

  it('a document cut anywhere is an error that names the place', () => {
    const text = vendorText('nvidia-smi-xml/a100-mig.xml');
    for (let length = 1; length < text.trimEnd().length; length += 13)
      expect(codeOf(() => parseNvidiaSmiXml(bytesOf(text.slice(0, length))))).toBe('VENDOR_OUTPUT_INVALID');
    expect(messageOf(() => parseNvidiaSmiXml(bytesOf(text.slice(0, text.indexOf('40960')))))).toMatch(
      /^nvidia-smi-xml: the document ends before it is complete \(line 22, column \d+, at \/nvidia_smi_log\/gpu\/fb_memory_usage\/total\)$/,
    );
  });

  it('a value that does not fit its kind is unreadable, never a number', () => {
    const text = vendorText('nvidia-smi-xml/a100-mig.xml').replace('<total>40960 MiB</total>', '<total>4O96O MiB</total>');
    expect(parseNvidiaSmiXml(bytesOf(text)).value.gpus[0]?.memory.total.reading).toEqual({
      state: 'unreadable',
      reason: 'expected a number in MiB, found "4O96O MiB"',
    });
  });

  it('a broken clock table stays visible as unread', () => {
    const text = vendorText('nvidia-smi-xml/gb200-lost-gpu.xml').replace('<value>3996 MHz</value>', '<!-- gone --><value>fast</value>');
    expect(parseNvidiaSmiXml(bytesOf(text)).unread.some((path) => path.startsWith('gpu[0]/supported_clocks'))).toBe(true);
  });

  it('CRLF line ends and blanks around values do not matter', () => {
    const text = vendorText('nvidia-smi-xml/a100-mig.xml').replaceAll('\n', '\r\n').replace('>40960 MiB<', '> 40960 MiB\r\n <');
    expect(parseNvidiaSmiXml(bytesOf(text)).value.gpus[0]?.memory.total.reading).toEqual({ state: 'read', value: 40_960 });
  });
});
