import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { verdictOf } from '../../fixture/host/check-machine.ts';
import { linuxNode } from '../../fixture/host/linux.ts';
import { combine, type Machine } from '../../fixture/host/machine.ts';
import { pciFunctions } from '../../fixture/host/pci.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'assay-xid-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const GPU = { ids: '10de:2330', classCode: '030200', driver: 'nvidia', speed: '32.0 GT/s PCIe', width: 16 };
const NODE = combine(
  linuxNode({ cpus: 8, sockets: 1, memoryGiB: 64 }),
  pciFunctions(['0000:1b:00.0', '0000:43:00.0'].map((address) => ({ ...GPU, address }))),
);

interface Xid {
  readonly code: number;
  readonly bus?: string;
  readonly pid?: number;
  readonly atS?: number;
  readonly text?: string;
}

function logOf(xids: readonly Xid[]): Machine {
  const lines = xids.map(
    ({ code, bus = '1b', pid = 1, atS = 100, text = 'detail' }) =>
      `[${atS.toFixed(6)}] NVRM: Xid (PCI:0000:${bus}:00): ${code}, pid=${pid}, name=x, ${text}\n`,
  );
  return { files: { 'var/log/kern.log': lines.join('') } };
}

const DAY_S = 86_400;
const programs = (code: number, pids: readonly number[], more: Partial<Xid> = {}): readonly Xid[] =>
  pids.map((pid) => ({ code, pid, ...more }));

test.each<readonly [string, readonly Xid[], string]>([
  [
    'cleanup after a fault is told',
    [{ code: 31 }, { code: 45 }],
    'pass: Xid without consequence for the node: 31 0000:1b:00.0: restart the application; 45 0000:1b:00.0: look at the Xid before it',
  ],
  ['cleanup that nothing explains', [{ code: 45 }], 'warn: Xid 45 0000:1b:00.0: no Xid before it explains it'],
  [
    'several of them explain nothing either',
    [{ code: 45 }, { code: 45, pid: 2 }],
    'warn: Xid 45 (2 times) 0000:1b:00.0: no Xid before it explains it',
  ],
  ['what comes after it is no explanation', [{ code: 45 }, { code: 31 }], 'warn: Xid 45 0000:1b:00.0: no Xid before it explains it'],
  ['nor is a fault of another GPU', [{ code: 31, bus: '43' }, { code: 45 }], 'warn: Xid 45 0000:1b:00.0: no Xid before it explains it'],
  ['a fatal one beside it speaks first', [{ code: 45 }, { code: 79, bus: '43' }], 'fail: Xid 79 0000:43:00.0: restart the bare-metal node'],
  ['a contained error without remap', [{ code: 94 }], 'warn: Xid 94 0000:1b:00.0: a contained memory error, and no remap is told'],
  [
    'a contained error with its remap',
    [{ code: 63 }, { code: 94 }],
    'pass: Xid without consequence for the node: 63 0000:1b:00.0: none; 94 0000:1b:00.0: restart the application',
  ],
  ['one rate of corrected errors', [{ code: 92 }], 'pass: Xid without consequence for the node: 92 0000:1b:00.0: none'],
  ['two on one day', [{ code: 92 }, { code: 92, atS: 200 }], 'warn: Xid 92 (2 times) 0000:1b:00.0: 2 times within a day'],
  [
    'two with a day between them',
    [{ code: 92 }, { code: 92, atS: 200 + DAY_S }],
    'pass: Xid without consequence for the node: 92 (2 times) 0000:1b:00.0: none',
  ],
  [
    'two on two GPUs',
    [{ code: 121 }, { code: 121, bus: '43' }],
    'pass: Xid without consequence for the node: 121 (2 times) 0000:1b:00.0, 0000:43:00.0: none',
  ],
  ['one to ask the vendor about', [{ code: 157 }], 'warn: Xid 157 0000:1b:00.0: contact the vendor'],
  [
    'the same fault in two programs',
    programs(13, [1, 2, 2, 1]),
    'pass: Xid without consequence for the node: 13 (4 times) 0000:1b:00.0: restart the application',
  ],
  [
    'the same fault in three programs',
    programs(13, [1, 2, 3]),
    'warn: Xid 13 (3 times) 0000:1b:00.0: in 3 programs on one GPU: suspect the GPU',
  ],
  [
    'three programs, two of them on another GPU',
    [...programs(31, [1]), ...programs(31, [2, 3], { bus: '43' })],
    'pass: Xid without consequence for the node: 31 (3 times) 0000:1b:00.0, 0000:43:00.0: restart the application',
  ],
  [
    'three programs on three days',
    [1, 2, 3].map((day) => ({ code: 31, pid: day, atS: day * (DAY_S + 1) })),
    'pass: Xid without consequence for the node: 31 (3 times) 0000:1b:00.0: restart the application',
  ],
  [
    'three programs with other faults',
    [
      { code: 13, pid: 1 },
      { code: 31, pid: 2 },
      { code: 13, pid: 3 },
    ],
    'pass: Xid without consequence for the node: 13 (2 times) 0000:1b:00.0: restart the application; 31 0000:1b:00.0: restart the application',
  ],
])('%s', async (_, xids, verdict) => {
  expect(await verdictOf(combine(NODE, logOf(xids)), 'xid', { directory })).toBe(verdict);
});

test('what an earlier Xid caused explains nothing and is not counted', async () => {
  const log = logOf([{ code: 45, text: 'Ch 00000010, caused by previous Xid 119' }]);
  expect(await verdictOf(combine(NODE, log), 'xid', { directory })).toBe('pass: no Xid since boot');
});
