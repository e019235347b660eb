import { describe, expect, it } from 'vitest';
import { parseIbstat } from '../../../agent/vendor/fabric/ibstat.ts';
import { parseIbstatus } from '../../../agent/vendor/fabric/ibstatus.ts';
import { parseLspci } from '../../../agent/vendor/fabric/lspci.ts';
import { parseRdmaLink } from '../../../agent/vendor/fabric/rdma-link.ts';
import { parseRdmaObjects } from '../../../agent/vendor/fabric/rdma-resource.ts';
import { isSaturated, parseSysfsInfiniband } from '../../../agent/vendor/fabric/sysfs-infiniband.ts';
import type { Field } from '../../../agent/vendor/parsed.ts';
import { bytesOf, codeOf, vendorOutput, vendorText } from '../../fixture/vendor-output.ts';

const values = (fields: readonly Field[]): Record<string, unknown> =>
  Object.fromEntries(fields.map(({ key, reading }) => [key, reading.state === 'read' ? reading.value : reading.state]));

describe('ibstat and ibstatus', () => {
  const parsed = parseIbstat(vendorOutput('ibstat/one-down.txt'));

  it('keep the blocks before a panic line and say that the output is partial', () => {
    expect(parsed.value.adapters.map((adapter) => [adapter.name, adapter.ports.length])).toEqual([
      ['mlx5_0', 1],
      ['mlx5_1', 1],
    ]);
    expect(parsed.partial).toEqual(["line 35: ibpanic: [4242] main: stat of IB device 'mlx5_2' failed: No such file or directory"]);
  });

  it('type states, rate and layer', () => {
    expect(values(parsed.value.adapters[1]?.ports[0]?.fields ?? [])).toEqual({
      state: 'Down',
      physical_state: 'Polling',
      rate: 10,
      base_lid: 0,
      lmc: 0,
      sm_lid: 0,
      capability_mask: '0x00010000',
      port_guid: '0x1122334455667791',
      link_layer: 'Ethernet',
    });
    expect(values(parsed.value.adapters[0]?.fields ?? [])['system_image_guid']).toBe('absent');
  });

  it('list what a cut block misses', () => {
    const text = vendorText('ibstat/one-down.txt');
    expect(parseIbstat(bytesOf(text.slice(0, text.indexOf('Rate: 400') + 7))).partial).toEqual([
      'line 11 has no line break: the output was cut there',
      'mlx5_0 port 1 has no rate',
      'mlx5_0 port 1 has no link_layer',
    ]);
  });

  it('a label that is a JavaScript name is just unknown', () => {
    expect(parseIbstat(bytesOf(vendorText('ibstat/one-down.txt').replace('LMC: 0', 'constructor: 0'))).unread).toEqual([
      'line 13: constructor',
    ]);
  });

  it('ibstatus keeps the names and the number of the rate', () => {
    expect(values(parseIbstatus(vendorOutput('ibstatus/one-port.txt')).value.ports[0]?.fields ?? [])).toEqual({
      default_gid: 'unreadable',
      base_lid: '0xc',
      sm_lid: '0x1',
      state: 'ACTIVE',
      physical_state: 'LinkUp',
      rate: 400,
      link_layer: 'InfiniBand',
    });
  });

  it.each([
    ['ibstat', () => parseIbstat(bytesOf('ibpanic: [1] main: no devices\n'))],
    ['ibstat', () => parseIbstat(bytesOf('Port 1:\n\tState: Active\n'))],
    ['ibstatus', () => parseIbstatus(bytesOf('Fatal error: device not found\n'))],
  ])('%s refuses an output without devices', (_, call) => {
    expect(codeOf(call)).toBe('VENDOR_OUTPUT_INVALID');
  });
});

describe('rdma', () => {
  it('reads links as text; a missing netdev is absent', () => {
    const { links } = parseRdmaLink(vendorOutput('rdma-link/two-links.txt')).value;
    expect(links.map((link) => [link.device, link.port, link.state.reading, values(link.fields)['netdev']])).toEqual([
      ['mlx5_0', 1, { state: 'read', value: 'ACTIVE' }, 'ibp1s0'],
      ['mlx5_1', 1, { state: 'read', value: 'DOWN' }, undefined],
    ]);
  });

  it('reads links as JSON', () => {
    const { links } = parseRdmaLink(vendorOutput('rdma-link/one-link.json')).value;
    expect(links.map((link) => values(link.fields))).toEqual([
      {
        ifindex: 0,
        ifname: 'mlx5_0',
        port: 1,
        subnet_prefix: 'fe80:0000:0000:0000',
        lid: 12,
        sm_lid: 1,
        lmc: 0,
        state: 'ACTIVE',
        physical_state: 'LINK_UP',
        netdev: 'ibp1s0',
        netdev_index: 5,
      },
    ]);
  });

  it('reads resources and counters and drops process names', () => {
    const resources = parseRdmaObjects('rdma-resource', vendorOutput('rdma-resource/queue-pairs.txt'));
    expect(resources.value.objects.map(({ device, fields }) => [device, values(fields)['pid'], values(fields)['comm']])).toEqual([
      ['mlx5_0/1', 4242, 'absent'],
      ['mlx5_0', 4242, 'absent'],
    ]);
    expect(JSON.stringify(resources)).not.toContain('trainer');
    expect(values(parseRdmaObjects('rdma-statistic', vendorOutput('rdma-statistic/one-link.txt')).value.objects[0]?.fields ?? [])).toEqual({
      rx_write_requests: 41_988_882,
      out_of_sequence: 0,
      local_ack_timeout_err: 3,
    });
  });

  it.each([
    ['rdma link', () => parseRdmaLink(bytesOf('Error: no such device\n'))],
    ['rdma link cut', () => parseRdmaLink(bytesOf('link mlx5_0/1 state ACTI'))],
    ['rdma resource', () => parseRdmaObjects('rdma-resource', bytesOf('#!/bin/sh\necho hello\n'))],
  ])('%s refuses other texts', (_, call) => {
    expect(codeOf(call)).toBe('VENDOR_OUTPUT_INVALID');
  });
});

describe('sysfs of InfiniBand', () => {
  const [device] = parseSysfsInfiniband(vendorOutput('sysfs-infiniband/one-device.json')).value.devices;

  it('gives ports and counters', () => {
    expect(values(device?.ports[0]?.fields ?? [])).toEqual({
      state: 'ACTIVE',
      phys_state: 'LinkUp',
      rate: 400,
      link_layer: 'InfiniBand',
      lid: '0xc',
    });
    expect(values(device?.ports[0]?.counters ?? [])).toEqual({
      'counters.link_downed': 255,
      'counters.symbol_error': 0,
      'hw_counters.out_of_sequence': '18446744073709551615',
    });
  });

  it.each([
    ['link_downed', 255, true],
    ['link_downed', 254, false],
    ['local_link_integrity_errors', 15, true],
    ['symbol_error', 255, false],
    ['constructor', 255, false],
  ])('%s at %i saturated: %s', (counter, value, expected) => {
    expect(isSaturated(counter, value)).toBe(expected);
  });

  it('refuses a tree without devices', () => {
    expect(codeOf(() => parseSysfsInfiniband(bytesOf('{"version": "1"}')))).toBe('VENDOR_OUTPUT_INVALID');
  });
});

describe('lspci', () => {
  it('gives ids, links without their remarks, and the driver', () => {
    expect(parseLspci(vendorOutput('lspci/numeric.txt')).value.functions).toEqual([
      {
        pciBusId: '0000:3b:00.0',
        className: '3D controller',
        classId: '0302',
        vendorId: '10de',
        deviceId: '2330',
        name: 'NVIDIA Corporation GH100 [H100 SXM5 80GB]',
        revision: 'a1',
        linkMax: { gigatransfers: 32, lanes: 16 },
        linkNow: { gigatransfers: 16, lanes: 16 },
        driver: 'nvidia',
      },
      {
        pciBusId: '0000:05:00.0',
        className: 'Processing accelerators',
        classId: '1200',
        vendorId: '1002',
        deviceId: '74a1',
        name: 'Advanced Micro Devices, Inc. [AMD/ATI] Device',
      },
    ]);
  });

  it('reads ids without names and names without ids', () => {
    expect(
      parseLspci(bytesOf('3b:00.0 0302: 10de:2330 (rev a1)\n5d:00.0 Bridge: NVIDIA Corporation Device 22a3\n')).value.functions,
    ).toEqual([
      { pciBusId: '0000:3b:00.0', className: '', classId: '0302', vendorId: '10de', deviceId: '2330', name: '', revision: 'a1' },
      { pciBusId: '0000:5d:00.0', className: 'Bridge', name: 'NVIDIA Corporation Device 22a3' },
    ]);
  });

  it.each(['pcilib: Cannot open /proc/bus/pci\n', '\tLnkSta: Speed 16GT/s, Width x16\n'])('refuses "%s"', (text) => {
    expect(codeOf(() => parseLspci(bytesOf(text)))).toBe('VENDOR_OUTPUT_INVALID');
  });
});
