import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { verdictOf } from '../../fixture/host/check-machine.ts';
import { mi300xNode } from '../../fixture/host/amd.ts';
import { combine } from '../../fixture/host/machine.ts';
import { hgxH100, noGpu } from '../../fixture/host/machines.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'assay-idle-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const process = (type: string): string =>
  `<process_info><pid>4242</pid><type>${type}</type><process_name>/home/somebody/train.py</process_name><used_memory>70000 MiB</used_memory></process_info>`;
const BUS = '0000:43:00.0';

test.each<readonly [string, Readonly<Record<string, string>>, string]>([
  ['no process', {}, 'pass: nothing computes on the GPUs'],
  ['one process', { processes: process('C') }, `warn: busy: 1 compute process: ${BUS}`],
  ['two, one of them drawing too', { processes: process('C') + process('C+G') }, `warn: busy: 2 compute processes: ${BUS}`],
  ['a process that only draws', { processes: process('G') }, 'pass: nothing computes on the GPUs'],
  [
    'memory of a process that is not seen',
    { used: '101 MiB' },
    `warn: busy: memory is in use, by a process that cannot be seen from here: ${BUS}`,
  ],
  ['memory of the driver', { used: '100 MiB' }, 'pass: nothing computes on the GPUs'],
  ['memory that cannot be read', { used: 'GPU is lost' }, `unknown: memory.used unreadable (the tool printed "GPU is lost"): ${BUS}`],
  ['memory that is not told', { used: 'N/A' }, 'pass: nothing computes on the GPUs (1 of 2 not applicable)'],
])('%s', async (_, changes, verdict) => {
  expect(await verdictOf(hgxH100({ count: 2, changes: { 1: changes } }), 'gpu-idle', { directory })).toBe(verdict);
});

test.each<readonly [string, readonly string[] | undefined, string]>([
  ['no process', [], 'pass: nothing computes on the GPUs'],
  ['a process', ['4242'], 'warn: busy: 1 compute process'],
  ['two processes', ['4242', '4243'], 'warn: busy: 2 compute processes'],
  ['a kernel that shows none', undefined, 'skip: /sys/class/kfd/kfd/proc: not there'],
])('AMD: %s', async (_, pids, verdict) => {
  const files = Object.fromEntries((pids ?? []).map((pid) => [`sys/class/kfd/kfd/proc/${pid}/pasid`, '32770\n']));
  const none = pids === undefined ? {} : { 'sys/class/kfd/kfd/proc/README': '' };
  expect(await verdictOf(combine(mi300xNode(), { files: { ...files, ...none } }), 'gpu-idle', { directory })).toBe(verdict);
});

test('without a GPU or its tool nothing passes', async () => {
  expect(await verdictOf(noGpu(), 'gpu-idle', { directory })).toBe('skip: no NVIDIA GPU on the PCI bus');
  expect(await verdictOf({ ...hgxH100({ count: 1 }), tools: {} }, 'gpu-idle', { directory })).toMatch(/^skip: nvidia-smi/);
});
