import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseSnapshot, snapshotData } from '#core/snapshot/document.ts';
import type { Measurement } from '#core/snapshot/measurement.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'assay-probe-'));
  const device = 'sys/devices/pci0000:00/0000:00:01.0/0000:1b:00.0';
  put('etc/os-release', 'NAME="Ubuntu"\nID=ubuntu\nVERSION_ID="24.04"\nEMPTY=\n# comment\n');
  put('proc/cmdline', 'BOOT_IMAGE=/vmlinuz root=UUID=1234 ro hugepages=128 hugepages=256\n');
  put('proc/modules', 'nvidia 104173568 5 nvidia_uvm,nvidia_modeset, Live 0x0\nxfs 1 0 - Live 0x0\n');
  put('proc/sys/kernel/osrelease', '6.8.0-1029-gke\n');
  put('proc/sys/kernel/random/uuid', 'changes\n');
  put('proc/sys/kernel/hostname', 'secret-name\n');
  put('proc/sys/vm/swappiness', '10\n');
  put('proc/sys/vm/two', 'a 1\nb 2 3\n');
  put(`${device}/vendor`, '0x10de\n');
  put(`${device}/device`, '0x2330\n');
  put(`${device}/class`, '0x030200\n');
  put(`${device}/subsystem_device`, '0x16c1\n');
  put(`${device}/max_link_speed`, '32.0 GT/s PCIe\n');
  put(`${device}/max_link_width`, '16\n');
  put('sys/module/nvidia/version', '580.105.08\n');
  put('sys/class/dmi/id/sys_vendor', 'Google\n');
  put('sys/class/dmi/id/product_serial', 'SERIAL\n');
  mkdirSync(join(root, 'sys/bus/pci/devices'), { recursive: true });
  symlinkSync('../../../devices/pci0000:00/0000:00:01.0/0000:1b:00.0', join(root, 'sys/bus/pci/devices/0000:1b:00.0'));
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

function put(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function assay(...args: readonly string[]): string {
  return execFileSync(process.execPath, ['cli/main.ts', ...args], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
}

function probe(): readonly Measurement[] {
  return (JSON.parse(assay('probe', '--host-root', root, '--format', 'json')) as { measurements: Measurement[] }).measurements;
}

test('a captured tree gives facts with their sources, and states with their reasons', () => {
  const measurements = probe();
  const one = (subtype: string, key: string) => measurements.find((each) => each.subtype === subtype && each.key === key);
  expect(one('kernel', 'release')).toEqual({
    type: 'Hardware',
    subtype: 'kernel',
    key: 'release',
    reading: { state: 'read', value: '6.8.0-1029-gke' },
    source: '/proc/sys/kernel/osrelease',
  });
  expect(one('kernel', 'lockdown')?.reading).toEqual({ state: 'absent', reason: '/sys/kernel/security/lockdown: not there' });
  expect(one('pci', 'max-link-generation')).toMatchObject({ item: '0000:1b:00.0', reading: { state: 'read', value: 5 } });
  expect(one('platform', 'cloud')?.reading).toEqual({ state: 'read', value: 'gke' });
});

test('nothing that names this very machine is measured', () => {
  const text = JSON.stringify(probe());
  for (const secret of ['secret-name', 'SERIAL', 'UUID=1234', 'changes']) expect(text).not.toContain(secret);
});

test('the snapshot has the facts at the places where upstream looks for them', () => {
  const file = join(root, 'snapshot.yaml');
  assay('snapshot', '--host-root', root, '-o', file);
  const snapshot = parseSnapshot(readFileSync(file), file);
  expect(snapshotData(snapshot, 'GPU', 'hardware')).toEqual({
    'gpu-present': true,
    'gpu-count': 1,
    'driver-loaded': true,
    'detection-source': 'pci-sysfs',
    model: 'h100',
  });
  expect(snapshotData(snapshot, 'OS', 'release')).toEqual({ NAME: 'Ubuntu', ID: 'ubuntu', VERSION_ID: '24.04' });
  expect(snapshotData(snapshot, 'OS', 'grub')).toEqual({ BOOT_IMAGE: '/vmlinuz', ro: '', hugepages: '256' });
  expect(snapshotData(snapshot, 'OS', 'kmod')).toEqual({ nvidia: true, xfs: true });
  expect(snapshotData(snapshot, 'OS', 'sysctl')).toEqual({
    '/proc/sys/kernel/osrelease': '6.8.0-1029-gke',
    '/proc/sys/vm/swappiness': '10',
    '/proc/sys/vm/two/a': '1',
    '/proc/sys/vm/two/b': '2 3',
  });
});

test('probing this computer twice gives the same measurements', () => {
  const [first, second] = [assay('probe', '--format', 'json'), assay('probe', '--format', 'json')].map(
    (text) => JSON.parse(text) as { measurements: unknown },
  );
  expect(second?.measurements).toEqual(first?.measurements);
});
