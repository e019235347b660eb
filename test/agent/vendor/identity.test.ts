import { describe, expect, it } from 'vitest';
import { SILICON_ROWS } from '../../../agent/vendor/identity-table.ts';
import { identifyAccelerator, pciIds, productAccelerator } from '../../../agent/vendor/identity.ts';

describe('product texts', () => {
  it.each([
    ['NVIDIA H100 80GB HBM3', 'h100'],
    ['NVIDIA-H100-80GB-HBM3-MIG-1g.10gb', 'h100'],
    ['NVIDIA-H100-80GB-HBM3-SHARED', 'h100'],
    ['NVIDIA H200', 'h200'],
    ['NVIDIA GH200 480GB', 'gh200'],
    ['NVIDIA B200', 'b200'],
    ['NVIDIA GB200', 'gb200'],
    ['NVIDIA GB300', 'gb300'],
    ['NVIDIA H20-3e', 'h20'],
    ['NVIDIA A100-SXM4-80GB', 'a100'],
    ['NVIDIA L40S', 'l40s'],
    ['NVIDIA L40', 'l40'],
    ['NVIDIA RTX PRO 6000 Blackwell Server Edition', 'rtx-pro-6000'],
    ['AMD Instinct MI300X OAM: 750W SKU', 'mi300x'],
    ['AMD_Instinct_MI300X_OAM', 'mi300x'],
    ['Aqua Vanjaram [Instinct MI300A]', 'mi300a'],
    ['AMD Instinct MI325X', 'mi325x'],
  ])('%s is %s', (product, accelerator) => {
    expect(productAccelerator(product)).toBe(accelerator);
  });

  it.each([
    'NVIDIA A1000',
    'NVIDIA H100L',
    'NVIDIA RTX PRO 6000D',
    'NVIDIA RTX 6000 Ada Generation',
    'NVIDIA RTX PRO 600',
    'Graphics Device',
    '',
  ])('"%s" names none', (product) => {
    expect(productAccelerator(product)).toBeUndefined();
  });
});

describe('identification', () => {
  it('agrees when product text and PCI id do', () => {
    expect(identifyAccelerator({ product: 'NVIDIA H100 80GB HBM3', vendorId: '10DE', deviceId: '2330' })).toEqual({
      accelerator: 'h100',
      vendor: 'nvidia',
      variant: 'sxm5-80',
      basis: 'agree',
      isProfiled: true,
      table: '2026-11',
    });
  });

  it('reports a disagreement and follows the silicon', () => {
    expect(identifyAccelerator({ product: 'NVIDIA H200', vendorId: '10de', deviceId: '2330' })).toEqual({
      accelerator: 'h100',
      vendor: 'nvidia',
      variant: 'sxm5-80',
      basis: 'disagree',
      isProfiled: true,
      table: '2026-11',
      note: '"NVIDIA H200" names h200, PCI id 10de:2330 is h100',
    });
  });

  it('tells MI300A from MI300X by the device id only', () => {
    const accelerators = ['74a0', '74a1'].map(
      (deviceId) => identifyAccelerator({ product: 'Aqua Vanjaram', vendorId: '1002', deviceId }).accelerator,
    );
    expect(accelerators).toEqual(['mi300a', 'mi300x']);
  });

  it.each([
    ['a tool older than the board', { product: 'Graphics Device', vendorId: '10de', deviceId: '2941' }, 'gb200', 'pci-only'],
    ['a board without known id', { product: 'NVIDIA GB200', vendorId: '10de', deviceId: '2341' }, 'gb200', 'product-only'],
    ['an id of another maker', { product: '', vendorId: '8086', deviceId: '2330' }, undefined, 'unknown'],
    ['unknown silicon', { product: 'NVIDIA X900', vendorId: '10de', deviceId: 'ffff' }, undefined, 'unknown'],
    ['nothing at all', {}, undefined, 'unknown'],
  ])('%s', (_, evidence, accelerator, basis) => {
    const identity = identifyAccelerator(evidence);
    expect([identity.accelerator, identity.basis]).toEqual([accelerator, basis]);
  });

  it('known silicon without numbers is unprofiled, not an error', () => {
    expect(identifyAccelerator({ product: 'Tesla T4', vendorId: '10de', deviceId: '1eb8' })).toEqual({
      accelerator: 't4',
      vendor: 'nvidia',
      basis: 'agree',
      isProfiled: false,
      table: '2026-11',
    });
  });

  it.each([{ product: 'GRID A100-40C' }, { product: 'NVIDIA H100XM-16C' }, { product: 'NVIDIA A100', virtualizationMode: 'VGPU' }])(
    'a slice is not its board: %o',
    (evidence) => {
      const { accelerator, basis, isProfiled } = identifyAccelerator({ ...evidence, vendorId: '10de', deviceId: '20b2' });
      expect({ accelerator, basis, isProfiled }).toEqual({ accelerator: undefined, basis: 'slice', isProfiled: false });
    },
  );

  it.each([
    ['0x233010DE', { vendorId: '10de', deviceId: '2330' }],
    ['233010DE', { vendorId: '10de', deviceId: '2330' }],
    ['000000DE', undefined],
    ['', undefined],
    ['10DE', undefined],
  ])('PCI ids of "%s"', (text, ids) => {
    expect(pciIds(text)).toEqual(ids);
  });

  it('no device id stands in two rows', () => {
    const ids = SILICON_ROWS.flatMap((row) => row.devices.map((device) => `${row.vendor}:${device}`));
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
    expect(ids.filter((id) => !/^(?:nvidia|amd):[0-9a-f]{4}$/.test(id))).toEqual([]);
  });
});
