import { describe, expect, it } from 'vitest';
import { parseKernelLog } from '../../../agent/vendor/kernel/kernel-log.ts';
import { xidRule } from '../../../agent/vendor/kernel/xid-table.ts';
import { bytesOf, codeOf, vendorOutput } from '../../fixture/vendor-output.ts';

const { value, measurements } = parseKernelLog(vendorOutput('dmesg-xid/kmsg.txt'));
const of = (text: string) => parseKernelLog(bytesOf(text)).value.events;

describe('Xid and SXid lines', () => {
  it('are typed with device, time, process id and their own details', () => {
    expect(value.events).toEqual([
      { kind: 'xid', code: 79, line: 4, at: { bootUs: 61_000_270 }, pciBusId: '0000:3b:00.0', detail: 'GPU has fallen off the bus.' },
      {
        kind: 'xid',
        code: 154,
        line: 7,
        at: { bootUs: 61_000_280 },
        pciBusId: '0000:3b:00.0',
        detail: 'GPU recovery action changed from 0x0 (None) to 0x2 (Node Reboot Required)',
        recoveryAction: 'Node Reboot Required',
      },
      {
        kind: 'xid',
        code: 94,
        line: 8,
        at: { bootUs: 61_000_290 },
        pciBusId: '0000:5d:00.0',
        detail: 'Contained: SM (0x1). RST: No, D-RST: No',
        pid: 4242,
        gpuInstance: 3,
        computeInstance: 0,
      },
      {
        kind: 'xid',
        code: 149,
        line: 9,
        at: { bootUs: 61_000_300 },
        pciBusId: '0008:01:00.0',
        detail: 'NETIR_LINK_EVT Fatal XC0 i0 Link 07 (0x00000001 0x00a00000 0x00000000 0x00000000 0x00000000 0x00000000)',
        nvlink: { unit: 'NETIR_LINK_EVT', severity: 'fatal', link: 7, subcode: 10 },
      },
      {
        kind: 'sxid',
        code: 20_034,
        severity: 'fatal',
        link: 30,
        line: 10,
        at: { bootUs: 61_000_310 },
        pciBusId: '0000:c1:00.0',
        detail: 'LTSSM Fault Up',
      },
      {
        kind: 'xid',
        code: 45,
        line: 11,
        at: { bootUs: 61_000_320 },
        pciBusId: '0000:5d:00.0',
        detail: 'Ch 00000008, errorString CTX SWITCH TIMEOUT, caused by previous Xid 31',
        pid: 4242,
        processName: 'nvidia-smi',
        causedBy: 31,
      },
    ]);
  });

  it('tie addresses to UUIDs and keep no serial number', () => {
    expect(value.gpus).toEqual([{ pciBusId: '0000:3b:00.0', uuid: 'GPU-33333333-aaaa-bbbb-cccc-dddddddddddd' }]);
    expect(JSON.stringify(value)).not.toContain('1650000000000');
  });

  it('are counted per device as measurements', () => {
    expect(measurements.map(({ item, key, reading }) => [item, key, reading])).toContainEqual([
      '0000:5d:00.0',
      'xid.94',
      { state: 'read', value: 1 },
    ]);
  });

  it('that do not follow the grammar are told, never skipped in silence', () => {
    const human = parseKernelLog(vendorOutput('dmesg-xid/human.txt'));
    expect(human.partial).toEqual(['line 3 is an Xid message that cannot be read']);
    expect(human.unread).toEqual(['line 3: Xid']);
    expect(human.value.events.map((event) => (event.kind === 'pattern' ? event.pattern : event.code))).toEqual([
      'nvidia-peermem-invalid-context',
      'pcie-aer-fatal',
    ]);
  });

  it('a process name of a user is dropped, a blank in it does not break the line', () => {
    const [event] = parseKernelLog(vendorOutput('dmesg-xid/decoded.txt')).value.events;
    expect(event).toEqual({
      kind: 'xid',
      code: 13,
      line: 1,
      at: { wall: '2025-01-06T08:00:00.123456+00:00' },
      pciBusId: '0000:3b:00.0',
      detail: 'Graphics SM Warp Exception on (GPC 1, TPC 2, SM 0): Out Of Range Address',
      pid: 4242,
    });
  });

  it('older wordings and log forms are read', () => {
    expect(
      parseKernelLog(vendorOutput('dmesg-xid/syslog.txt')).value.events.map(({ at, pciBusId, kind, detail }) => ({
        at,
        pciBusId,
        kind,
        detail,
      })),
    ).toEqual([
      { at: { wall: 'Jan  6 08:00:00' }, pciBusId: '0000:03:00.0', kind: 'xid', detail: 'Channel 0001' },
      {
        at: { wall: 'Jan  6 08:00:01' },
        pciBusId: undefined,
        kind: 'pattern',
        detail: 'mce: [Hardware Error]: Machine check events logged',
      },
      {
        at: { bootUs: 201_650_000 },
        pciBusId: '0000:9b:00.0',
        kind: 'pattern',
        detail: 'NVRM: GPU 0000:9b:00.0: GPU has fallen off the bus.',
      },
    ]);
  });

  it('a code cut in half is no code', () => {
    const cut = parseKernelLog(bytesOf('[    1.000000] NVRM: loading\n[   61.000270] NVRM: Xid (PCI:0000:3b:00): 7'));
    expect(cut.value.events).toEqual([]);
    expect(cut.partial).toEqual(['line 2 is an Xid message that cannot be read', 'line 2 has no line break: its end may be cut']);
  });

  it('a word Xid elsewhere in a message is no event', () => {
    expect(of('[    1.0] audit: comm="Xid 79 watcher"\n')).toEqual([]);
  });

  it('foreign bytes in one line do not hide the others', () => {
    const bytes = Buffer.concat([
      Buffer.from('[    1.0] usb: '),
      Buffer.from([0xff, 0xfe, 0x00]),
      Buffer.from('\n[    2.0] NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus.\n'),
    ]);
    expect(parseKernelLog(bytes).value.events.map((event) => event.kind)).toEqual(['xid']);
  });

  it('the number of kept events is bounded and the rest is counted', () => {
    const log = parseKernelLog(bytesOf('[    1.0] NVRM: Xid (PCI:0000:3b:00): 31, Ch 1\n'.repeat(10_002)));
    expect([log.value.events.length, log.partial]).toEqual([10_000, ['2 events after the first 10000 are left out']]);
  });

  it.each(['hello world\n', '{"a": 1}\n', '<log/>\n'])('refuses "%s"', (text) => {
    expect(codeOf(() => parseKernelLog(bytesOf(text)))).toBe('VENDOR_OUTPUT_INVALID');
  });
});

describe('AMD messages', () => {
  it.each([
    ['amdgpu 0000:05:00.0: amdgpu: 1 uncorrectable hardware errors detected in umc block', 'amdgpu-uncorrectable'],
    ['amdgpu 0000:05:00.0: amdgpu: GPU reset begin!', 'amdgpu-reset'],
    ['amdgpu 0000:05:00.0: amdgpu: ring gfx timeout, signaled seq=1', 'amdgpu-fatal'],
    ['amdgpu 0000:05:00.0: amdgpu: RAS EEPROM record exceeds threshold', 'amdgpu-ras-threshold'],
  ])('%s', (text, pattern) => {
    expect(of(`[    1.0] ${text}\n`)).toEqual([
      { kind: 'pattern', pattern, line: 1, at: { bootUs: 1_000_000 }, pciBusId: '0000:05:00.0', detail: text },
    ]);
  });

  it('a successful reset is no event', () => {
    expect(of('[    1.0] amdgpu 0000:05:00.0: amdgpu: GPU reset(2) succeeded!\n')).toEqual([]);
  });
});

describe('the Xid table', () => {
  it.each([
    [79, 'reboot', 'fail'],
    [48, 'double-bit', 'fail'],
    [64, 'reset', 'fail'],
    [74, 'nvlink', 'fail'],
    [147, 'nvlink5', 'fail'],
    [54, 'power-cable', 'fail'],
    [13, 'restart-application', 'info'],
    [94, 'restart-application', 'info'],
    [63, 'ignore', 'info'],
    [45, 'cleanup', 'info'],
    [154, 'recovery-action', 'info'],
    [175, 'degraded', 'fail'],
    [1, 'contact-vendor', 'warn'],
    [9999, 'unknown', 'warn'],
  ])('Xid %i is %s', (code, name, result) => {
    const rule = xidRule(code);
    expect([rule.class, rule.result]).toEqual([name, result]);
  });
});
