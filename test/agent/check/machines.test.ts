import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CheckResult } from '#core/wire/record.ts';
import { CHECKS } from '../../../agent/check/catalog.ts';
import { checkMachine } from '../../fixture/host/check-machine.ts';
import { failingH100, gb200DegradedClique, hgxH100, mi300xBadPage, noGpu } from '../../fixture/host/machines.ts';
import type { Machine } from '../../fixture/host/machine.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'assay-machine-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const checked = (machine: Machine, accelerator: string): Promise<readonly CheckResult[]> =>
  checkMachine(machine, { directory, accelerator });

/** Name and message of everything that is neither passed nor skipped, and of warnings. */
function findings(results: readonly CheckResult[]): Record<string, string> {
  const loud = results.filter(({ status, extra }) => status === 'failed' || status === 'other' || extra?.['outcome'] === 'warn');
  return Object.fromEntries(loud.map(({ check, status, message }) => [check, `${status}: ${message ?? ''}`]));
}

test('a healthy HGX H100 has no finding, and every check gives a result', async () => {
  const results = await checked(hgxH100(), 'h100');
  expect(findings(results)).toEqual({});
  expect(results.map(({ check }) => check).sort()).toEqual(CHECKS.map(({ name }) => name).sort());
  expect(results.filter(({ status }) => status === 'passed').length).toBeGreaterThan(60);
});

test('an HGX H100 with a failing GPU fails for that GPU, and for nothing else', async () => {
  expect(findings(await checked(failingH100(), 'h100'))).toEqual({
    'recovery-action': 'failed: the driver asks for: GPU Reset: 0000:9d:00.0',
    'ecc-uncorrected': 'failed: 3 uncorrectable DRAM errors: 0000:9d:00.0',
    'row-remap-failure': 'failed: a row remap failed: 0000:9d:00.0',
    xid: 'failed: Xid 64 0000:9d:00.0: reset the GPU',
    'gpu-topology': 'failed: not connected by NV18: GPU4',
  });
});

test('a GB200 tray with a degraded clique fails for its fabric and its IMEX domain', async () => {
  expect(findings(await checked(gb200DegradedClique(), 'gb200'))).toEqual({
    'fabric-state': 'failed: fabric health: Limited Capacity, fabric bandwidth: Degraded: 0018:01:00.0',
    'imex-domain': 'failed: the IMEX domain is degraded: 1 UNAVAILABLE, 0-1 DISCONNECTED, 1-0 DISCONNECTED, 1-1 DISCONNECTED',
  });
});

test('an MI300X node with a pending bad page fails for that page', async () => {
  expect(findings(await checked(mi300xBadPage(), 'mi300x'))).toEqual({
    'amd-bad-pages': 'failed: 1 pages wait to be retired at the next reset: 0000:65:00.0',
  });
});

test('a node without GPU has no finding, and no GPU check passes', async () => {
  const results = await checked(noGpu(), 'any');
  expect(findings(results)).toEqual({});
  expect(results.filter(({ status }) => status === 'passed').map(({ check }) => check)).toEqual([
    'kernel-release',
    'memory-headroom',
    'pci-inventory',
    'cpu-online',
    'kernel-taint',
    'memory-errors',
    'hardware-errors',
    'nvme-state',
    'nvme-temperature',
    'nvme-firmware',
    'process-limits',
    'cpu-governor',
  ]);
});

test('a node without the GPU that its recipe asks for fails', async () => {
  expect(findings(await checked(noGpu(), 'h100'))).toEqual({
    'gpu-count': 'failed: the recipe asks for h100, the PCI bus shows no GPU',
    'gpu-product': 'failed: the recipe asks for h100, the PCI bus shows no GPU',
  });
});

test('another GPU than the recipe asks for fails', async () => {
  expect(findings(await checked(mi300xBadPage(), 'h100'))['gpu-product']).toBe('failed: the recipe asks for h100, the node has mi300x');
  expect(findings(await checked(mi300xBadPage(), 'mi300'))['gpu-product']).toBeUndefined();
});

test('no identity of a device stands in any result', async () => {
  for (const machine of [hgxH100(), failingH100(), gb200DegradedClique(), mi300xBadPage()]) {
    const text = JSON.stringify(await checked(machine, 'any')).toLowerCase();
    for (const identity of ['gpu-0a0b', '165000000', '5e5e5e5e', 'a1b2c3d4e5f6', '10.0.0.', '9803:9b03', 'python3', 'fixture kernel'])
      expect(text).not.toContain(identity);
  }
});

test('every verdict names what it read and carries its numbers; every skip its reason', async () => {
  for (const { extra, status } of await checked(failingH100(), 'h100')) {
    expect(extra?.['origin']).toBe('node');
    if (status === 'skipped') expect(extra?.['reason']).toEqual(expect.any(String));
    else expect(extra).toMatchObject({ reads: expect.any(Array), observed: expect.any(Object) });
    if (extra?.['thresholds'] !== undefined) expect(extra['thresholdsDigest']).toMatch(/^sha256:[0-9a-f]{64}$/);
  }
});
