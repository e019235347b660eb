import { describe, expect, it } from 'vitest';
import { noValue, isPlaceholder, readValue, unitOf } from '../../../agent/vendor/value.ts';
import { pciAddress } from '../../../agent/vendor/pci-address.ts';

describe('texts that stand for no value', () => {
  it.each([
    ['N/A', 'absent'],
    ['[N/A]', 'absent'],
    ['', 'absent'],
    ['[REDACTED]', 'absent'],
    ['[Not Supported]', 'unsupported'],
    ['Requested functionality has been deprecated', 'unsupported'],
    ['[Requested functionality has been deprecated]', 'unsupported'],
    ['Not Found', 'unreadable'],
    ['Insufficient Permissions', 'unreadable'],
    ['[Unknown Error]', 'unreadable'],
    ['Unknown Error', 'unreadable'],
    ['ERR!', 'unreadable'],
    ['GPU is lost', 'unreadable'],
    ['GPU is lost.  Reboot the system to recover this GPU', 'unreadable'],
    ['[GPU requires reset]', 'unreadable'],
  ])('"%s" is %s', (text, state) => {
    expect(readValue('W', text).reading.state).toBe(state);
    expect(readValue('text', text).reading.state).toBe(state);
    expect(readValue('flag', text).reading.state).toBe(state);
  });

  it.each(['None', '0', 'No', 'Disabled', 'Not Active', '0 MiB'])('"%s" is a value', (text) => {
    expect(noValue(text)).toBeUndefined();
  });
});

describe('typed values', () => {
  it.each([
    ['count', '0', { reading: { state: 'read', value: 0 }, unit: '1' }],
    ['MiB', '0 MiB', { reading: { state: 'read', value: 0 }, unit: 'MiB' }],
    ['MiB', '81559', { reading: { state: 'read', value: 81559 }, unit: 'MiB' }],
    ['W', '68.20 W', { reading: { state: 'read', value: 68.2 }, unit: 'W' }],
    ['Cel', '-2 C', { reading: { state: 'read', value: -2 }, unit: 'Cel' }],
    ['Cel', '45.0°C', { reading: { state: 'read', value: 45 }, unit: 'Cel' }],
    ['%', '100.00%', { reading: { state: 'read', value: 100 }, unit: '%' }],
    ['{lane}', '16x', { reading: { state: 'read', value: 16 }, unit: '{lane}' }],
    ['us', '7015662857 us', { reading: { state: 'read', value: 7015662857 }, unit: 'us' }],
    ['kB/s', '632 KB/s', { reading: { state: 'read', value: 632 }, unit: 'kB/s' }],
    ['flag', 'Not Active', { reading: { state: 'read', value: false } }],
    ['flag', '1', { reading: { state: 'read', value: true } }],
    ['number', '18446744073709551615', { reading: { state: 'read', value: '18446744073709551615' } }],
    ['any', 'ENABLED', { reading: { state: 'read', value: true } }],
    ['any', '750 W', { reading: { state: 'read', value: 750 }, unit: 'W' }],
    ['any', 'gfx942', { reading: { state: 'read', value: 'gfx942' } }],
    ['text', ' None ', { reading: { state: 'read', value: 'None' } }],
  ] as const)('%s reads "%s"', (kind, text, expected) => {
    expect(readValue(kind, text)).toEqual(expected);
  });

  it.each([
    ['count', '-1'],
    ['count', '1.5'],
    ['count', '12 W'],
    ['W', '12 MHz'],
    ['W', 'twelve'],
    ['W', '12 W 13'],
    ['MiB', '1e9 MiB'],
    ['hex', '0xZZ'],
    ['flag', 'maybe'],
    ['number', 'NaN'],
    ['number', '0x10'],
  ] as const)('%s refuses "%s" instead of guessing', (kind, text) => {
    expect(readValue(kind, text).reading.state).toBe('unreadable');
  });

  it.each(['GPU-00000000-0000-0000-0000-000000000000', '0000000000000', '0xXXXXXXXXXXXXXXXX', '0xffffffffffffffff', '0x0'])(
    '%s identifies nothing',
    (text) => {
      expect(isPlaceholder(text)).toBe(true);
      expect(readValue('identity', text)).toEqual({ reading: { state: 'absent', reason: `placeholder ${text}` } });
    },
  );

  it.each(['1650000000000', '0x1122334455667788', 'GPU-33333333-aaaa-bbbb-cccc-dddddddddddd'])('%s is an identity', (text) => {
    expect(readValue('identity', text)).toEqual({ reading: { state: 'read', value: text } });
  });

  it('knows units in the spellings of the tools only', () => {
    expect([unitOf('Mhz'), unitOf('bank(s)'), unitOf('°C'), unitOf('parsec')]).toEqual(['MHz', '{bank}', 'Cel', undefined]);
  });
});

describe('PCI addresses', () => {
  it.each([
    ['00000000:3B:00.0', '0000:3b:00.0'],
    ['0008:01:00', '0008:01:00.0'],
    ['00015800:00:00.0', '15800:00:00.0'],
    ['PCI:0000:9b:00', '0000:9b:00.0'],
  ])('%s is %s', (text, address) => {
    expect(pciAddress(text)).toBe(address);
  });

  it.each(['', '3b:00.0', '0000:3b:00.8', '0000:zz:00.0', '0000:3b:00.0 '.repeat(2)])('"%s" is none', (text) => {
    expect(pciAddress(text)).toBeUndefined();
  });
});
