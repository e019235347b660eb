import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkMachine, verdictOf } from '../../fixture/host/check-machine.ts';
import { linuxNode } from '../../fixture/host/linux.ts';
import { combine } from '../../fixture/host/machine.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'assay-nvme-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

type Files = Readonly<Record<string, string>>;

/** One healthy controller, nvme0. */
const NODE = linuxNode({ cpus: 8, sockets: 1, memoryGiB: 64 });
const FIRST = 'sys/class/nvme/nvme0';
const SECOND = 'sys/class/nvme/nvme1';
const sensor = (file: string, text: string): Files => ({ [`${FIRST}/hwmon1/temp1_${file}`]: `${text}\n` });

test.each<readonly [check: string, files: Files, verdict: string]>([
  ['nvme-state', {}, 'pass: 1 NVMe controllers are live'],
  ['nvme-state', { [`${SECOND}/state`]: 'dead\n' }, 'fail: nvme1 is dead'],
  ['nvme-state', { [`${SECOND}/state`]: 'resetting\n' }, 'fail: nvme1 is resetting'],
  ['nvme-state', { [`${SECOND}/model`]: 'no state\n' }, 'unknown: nvme1 is unreadable'],
  ['nvme-temperature', {}, 'pass: every NVMe controller is cool enough'],
  ['nvme-temperature', sensor('input', '81850'), 'warn: at its warning temperature: nvme0'],
  ['nvme-temperature', sensor('input', '81849'), 'pass: every NVMe controller is cool enough'],
  ['nvme-temperature', sensor('input', '84850'), 'fail: at its critical temperature: nvme0'],
  ['nvme-temperature', sensor('alarm', '1'), 'fail: warns of its temperature: nvme0'],
  [
    'nvme-temperature',
    { ...sensor('max', '0'), ...sensor('crit', '0'), ...sensor('input', '90000') },
    'pass: every NVMe controller is cool enough',
  ],
  ['nvme-temperature', { ...sensor('max', 'hot'), ...sensor('crit', 'hotter') }, 'pass: every NVMe controller is cool enough'],
  ['nvme-temperature', sensor('input', 'warm'), `unknown: /${FIRST}/hwmon1/temp1_input: not a whole number: nvme0`],
  ['nvme-temperature', { [`${SECOND}/state`]: 'live\n' }, 'pass: every NVMe controller is cool enough (1 of 2 not applicable)'],
  ['nvme-firmware', {}, 'pass: one firmware per model'],
  [
    'nvme-firmware',
    { [`${SECOND}/model`]: 'EXAMPLE DISK 3840G\n', [`${SECOND}/firmware_rev`]: 'OLD1\n' },
    'warn: another firmware than the first EXAMPLE DISK 3840G: nvme1',
  ],
  ['nvme-firmware', { [`${SECOND}/model`]: 'BOOT DISK\n', [`${SECOND}/firmware_rev`]: 'OLD1\n' }, 'pass: one firmware per model'],
  ['nvme-firmware', { [`${SECOND}/model`]: 'EXAMPLE DISK 3840G\n' }, 'pass: one firmware per model (1 of 2 not applicable)'],
])('%s with %j', async (check, files, verdict) => {
  expect(await verdictOf(combine(NODE, { files }), check, { directory })).toBe(verdict);
});

test('a node without NVMe has nothing to judge', async () => {
  const files = Object.fromEntries(Object.entries(NODE.files).filter(([path]) => !path.startsWith('sys/class/nvme')));
  const names = ['nvme-state', 'nvme-temperature', 'nvme-firmware'];
  const results = await checkMachine({ ...NODE, files }, { directory, names });
  expect(results.map(({ check, status, message }) => [check, status, message])).toEqual(
    names.map((name) => [name, 'skipped', 'no NVMe controller']),
  );
});

test('the numbers of a verdict stand beside it, a serial number does not', async () => {
  const files = { [`${FIRST}/serial`]: 'S6CKNN0W123456\n' };
  const [result] = await checkMachine(combine(NODE, { files }), { directory, names: ['nvme-temperature'] });
  expect(result?.extra?.['observed']).toEqual({ devices: { nvme0: { celsius: 39, warning: 82, critical: 85, alarm: false } } });
  expect(JSON.stringify(result)).not.toContain('S6CKNN0W');
});
