import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { linuxHost } from '../../../agent/host/linux-host.ts';
import type { Host } from '../../../agent/host/host.ts';

let root: string;
let host: Host;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'assay-root-'));
  put('etc/os-release', 'ID=inside\n');
  put('big', 'x'.repeat(5000));
  put('latin', Buffer.from([0x67, 0x72, 0xfc, 0x6e]));
  put('sys/devices/pci0000:00/0000:00:1f.0/vendor', '0x10de\n');
  link('sys/bus/pci/devices/0000:00:1f.0', '../../../devices/pci0000:00/0000:00:1f.0');
  link('absolute', '/etc/os-release');
  link('climber', '../../../../../../etc/os-release');
  link('outside-directory', '/');
  link('loop-a', 'loop-b');
  link('loop-b', 'loop-a');
  link('dangling', '/nowhere/at/all');
  execFileSync('mkfifo', [join(root, 'pipe')]);
  host = await linuxHost({ root, toolPath: [] });
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

function put(path: string, content: string | Buffer): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

function link(path: string, target: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  symlinkSync(target, join(root, path));
}

test.each(['/absolute', '/climber', '/outside-directory/etc/os-release', '/etc/../../../etc/os-release', '//etc/./os-release'])(
  'links and dots stay inside the root: %s',
  async (path) => {
    expect(await host.readText(path)).toEqual({ state: 'read', value: 'ID=inside\n' });
  },
);

test('sysfs links resolve to the device path without the root prefix', async () => {
  expect(await host.readLink('/sys/bus/pci/devices/0000:00:1f.0')).toEqual({
    state: 'read',
    value: '/sys/devices/pci0000:00/0000:00:1f.0',
  });
  expect(await host.readText('/sys/bus/pci/devices/0000:00:1f.0/vendor')).toEqual({ state: 'read', value: '0x10de\n' });
});

test.each([
  ['/nothing', { state: 'absent', reason: '/nothing: not there' }],
  ['/dangling', { state: 'absent', reason: '/dangling: not there' }],
  ['/etc/os-release/below', { state: 'absent', reason: '/etc/os-release/below: not there' }],
  ['/loop-a', { state: 'unreadable', reason: '/loop-a: ELOOP' }],
  ['/etc', { state: 'unreadable', reason: '/etc: not a regular file' }],
  ['/pipe', { state: 'unreadable', reason: '/pipe: not a regular file' }],
  ['/a\0b', { state: 'unreadable', reason: expect.stringMatching(/^\/a\0b: ERR_INVALID_ARG_VALUE$/) }],
])('%s is a state with a reason, never an exception or a wait', async (path, expected) => {
  expect(await host.readText(path)).toEqual(expected);
});

test('a file over the limit is unreadable, never cut', async () => {
  expect(await host.readText('/big', { maxBytes: 4999 })).toEqual({ state: 'unreadable', reason: '/big: larger than 4999 bytes' });
  expect(await host.readText('/big', { maxBytes: 5000 })).toMatchObject({ state: 'read' });
});

test('the end of a log is read when asked for', async () => {
  expect(await host.readText('/etc/os-release', { maxBytes: 7, from: 'end' })).toEqual({ state: 'read', value: 'inside\n' });
});

test('text in another encoding is unreadable, its bytes are not', async () => {
  expect(await host.readText('/latin')).toMatchObject({ state: 'unreadable', reason: expect.stringContaining('/latin: not UTF-8 text') });
  expect(await host.readBytes('/latin')).toMatchObject({ state: 'read' });
});

test('names are sorted; a directory that is not there is absent', async () => {
  expect(await host.list('/sys/bus/pci/devices')).toEqual({ state: 'read', value: ['0000:00:1f.0'] });
  expect(await host.list('/sys/bus/usb')).toEqual({ state: 'absent', reason: '/sys/bus/usb: not there' });
});

test('a captured tree is not live and runs no tool of this machine', async () => {
  const captured = await linuxHost({ root, searchPath: ['/usr/bin', '/bin'] });
  expect(captured.live).toBe(false);
  expect(await captured.runTool('nvidia-smi', ['-L'], { timeoutMs: 1000 })).toMatchObject({ outcome: 'not-found' });
});

test('a device is refused unless it was asked for', async () => {
  const live = await linuxHost({ root: '/', toolPath: [] });
  expect(live.live).toBe(true);
  expect(await live.readBytes('/dev/zero')).toEqual({ state: 'unreadable', reason: '/dev/zero: not a regular file' });
  expect(await live.readBytes('/dev/zero', { device: true, maxBytes: 20_000 })).toMatchObject({ state: 'read' });
});

test('a file of /proc, which claims no size, is read whole', async () => {
  const live = await linuxHost({ root: '/', toolPath: [] });
  const read = await live.readText('/proc/self/stat');
  expect(read.state === 'read' && read.value.startsWith(`${process.pid} (`)).toBe(true);
});
