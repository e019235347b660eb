import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#core/clock.ts';
import { openWindow } from '../../../agent/check/counter-window.ts';
import { checkSharedMemory } from '../../../agent/check/shared-memory.ts';
import type { FileRead, FilesystemSpace } from '../../../agent/host/host.ts';
import { linuxHost } from '../../../agent/host/linux-host.ts';
import { nodeView } from '../../../agent/probe/node-view.ts';
import { verdictOf } from '../../fixture/host/check-machine.ts';
import { linuxNode } from '../../fixture/host/linux.ts';
import { combine, recordedTool, writeMachine, type Machine } from '../../fixture/host/machine.ts';
import { smiXml, type GpuText } from '../../fixture/host/nvidia-smi.ts';
import { pciFunctions } from '../../fixture/host/pci.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'assay-setting-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const NODE = linuxNode({ cpus: 8, sockets: 1, memoryGiB: 64 });
const ADDRESSES = ['0000:1b:00.0', '0000:43:00.0', '0000:52:00.0'];
const [, SECOND = '', THIRD = ''] = ADDRESSES;
const GPUS = pciFunctions(ADDRESSES.map((address) => ({ address, ids: '10de:2330', classCode: '030200', driver: 'nvidia' })));

const EFI_VARIABLE = 'sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';
const LOCKDOWN = 'sys/kernel/security/lockdown';
const TAINT = 'sys/module/nvidia/taint';
const ON = Buffer.from([6, 0, 0, 0, 1]);
const OFF = Buffer.from([6, 0, 0, 0, 0]);

test.each<readonly [name: string, files: Machine['files'], verdict: string]>([
  ['no EFI', {}, `skip: no EFI variable tells of Secure Boot: /${EFI_VARIABLE}: not there`],
  ['off', { [EFI_VARIABLE]: OFF, [TAINT]: 'OE\n' }, 'pass: Secure Boot is off, any module may load'],
  [
    'off, kernel open',
    { [EFI_VARIABLE]: OFF, [LOCKDOWN]: '[none] integrity confidentiality\n' },
    'pass: Secure Boot is off, any module may load',
  ],
  ['on, signed', { [EFI_VARIABLE]: ON, [TAINT]: 'O\n' }, 'pass: Secure Boot is on, and the nvidia module is signed'],
  ['on, no taint at all', { [EFI_VARIABLE]: ON, [TAINT]: '\n' }, 'pass: Secure Boot is on, and the nvidia module is signed'],
  [
    'on, unsigned',
    { [EFI_VARIABLE]: ON, [LOCKDOWN]: '[none] integrity confidentiality\n', [TAINT]: 'POE\n' },
    'warn: Secure Boot is on, yet the nvidia module is not signed: it will not load where signatures are enforced',
  ],
  [
    'off, but locked down, unsigned',
    { [EFI_VARIABLE]: OFF, [LOCKDOWN]: 'none [integrity] confidentiality\n', [TAINT]: 'OE\n' },
    'warn: the kernel is locked down, yet the nvidia module is not signed: it will not load where signatures are enforced',
  ],
  ['on, not loaded', { [EFI_VARIABLE]: ON }, 'warn: Secure Boot is on, and the nvidia module is not loaded: it may lack a signature'],
  ['on, taint hidden', { [EFI_VARIABLE]: ON, 'sys/module/nvidia/version': '580\n' }, `unknown: /${TAINT}: not there`],
  ['lockdown garbled', { [EFI_VARIABLE]: ON, [LOCKDOWN]: 'none integrity\n', [TAINT]: 'O\n' }, `unknown: /${LOCKDOWN}: no level is marked`],
  ...[Buffer.alloc(0), Buffer.from([1]), Buffer.from([6, 0, 0, 0, 2]), Buffer.from([6, 0, 0, 0, 1, 0])].map(
    (bytes) =>
      [
        `variable of bytes "${bytes.toString('hex')}"`,
        { [EFI_VARIABLE]: bytes },
        `unknown: /${EFI_VARIABLE}: neither 0 nor 1 after four bytes of attributes`,
      ] as const,
  ),
])('secure-boot: %s', async (_, files, verdict) => {
  expect(await verdictOf(combine(NODE, GPUS, { files }), 'secure-boot', { directory })).toBe(verdict);
});

test('Secure Boot is not judged where no NVIDIA driver is needed', async () => {
  expect(await verdictOf(combine(NODE, { files: { [EFI_VARIABLE]: ON } }), 'secure-boot', { directory })).toMatch(/^skip: no NVIDIA GPU/);
});

/** GPUs with applications clocks and a highest SM clock each. */
function clocked(clocks: readonly (readonly [graphics: string, maxSm: string])[], products: readonly string[] = []): Machine {
  const gpus = clocks.map(([graphics, maxSm], minor): GpuText => ({
    address: ADDRESSES[minor] ?? '',
    minor,
    product: products[minor] ?? 'NVIDIA H100 80GB HBM3',
    architecture: 'Hopper',
    deviceId: '233010DE',
    memoryMiB: 81559,
    powerW: 700,
    banks: 2560,
    pcieGeneration: 5,
    vbios: '96.00.99.00.01',
    fabric: { state: 'Completed', clique: '0', domain: '00000000-0000-0000-0000-000000000000', summary: 'N/A', bandwidth: 'N/A' },
    changes: {
      processes: `</processes><applications_clocks><graphics_clock>${graphics}</graphics_clock><mem_clock>2619 MHz</mem_clock></applications_clocks><max_clocks><sm_clock>${maxSm}</sm_clock></max_clocks><processes>`,
    },
  }));
  const functions = gpus.map(({ address }) => ({ address, ids: '10de:2330', classCode: '030200', driver: 'nvidia' }));
  return combine(NODE, pciFunctions(functions), { files: {}, tools: { 'nvidia-smi': recordedTool({ '-q -x': smiXml(gpus) }) } });
}

const GOOD = ['1980 MHz', '1980 MHz'] as const;
const SAME = 'GPUs of one kind are set to the same clocks';

test.each<readonly [name: string, machine: Machine, verdict: string]>([
  ['equal', clocked([GOOD, GOOD, GOOD]), `pass: ${SAME}`],
  ['29 MHz apart', clocked([GOOD, ['1951 MHz', '1980 MHz'], GOOD]), `pass: ${SAME}`],
  ['30 MHz apart', clocked([GOOD, ['1950 MHz', '1980 MHz'], GOOD]), `warn: graphics clock set to 1950 MHz, others to 1980 MHz: ${SECOND}`],
  ['74 MHz apart', clocked([GOOD, ['1906 MHz', '1980 MHz'], GOOD]), `warn: graphics clock set to 1906 MHz, others to 1980 MHz: ${SECOND}`],
  ['75 MHz apart', clocked([GOOD, ['1905 MHz', '1980 MHz'], GOOD]), `fail: graphics clock set to 1905 MHz, others to 1980 MHz: ${SECOND}`],
  [
    'one set higher',
    clocked([['1755 MHz', '1980 MHz'], GOOD, ['1755 MHz', '1980 MHz']]),
    `fail: graphics clock set to 1980 MHz, others to 1755 MHz: ${SECOND}`,
  ],
  ['two that differ', clocked([GOOD, ['1980 MHz', '1755 MHz']]), `fail: highest SM clock set to 1755 MHz, others to 1980 MHz: ${SECOND}`],
  [
    'no applications clocks',
    clocked([
      ['N/A', '1980 MHz'],
      ['N/A', '1980 MHz'],
    ]),
    `pass: ${SAME}`,
  ],
  [
    'a clock that is no number',
    clocked([GOOD, ['[Unknown Error]', '1980 MHz']]),
    `unknown: clocks.applications.graphics unreadable (the tool printed "Unknown Error"): ${SECOND}`,
  ],
  [
    'another kind of board',
    clocked([GOOD, ['1200 MHz', '1200 MHz'], GOOD], ['NVIDIA H100', 'NVIDIA L4', 'NVIDIA H100']),
    `pass: ${SAME} (1 of 3 not applicable)`,
  ],
  ['a single GPU', clocked([GOOD]), 'skip: no other GPU of its kind to compare with'],
  [
    'a GPU that is not listed',
    combine(clocked([GOOD, GOOD]), { files: GPUS.files, ...(GPUS.links === undefined ? {} : { links: GPUS.links }) }),
    `unknown: nvidia-smi does not list: ${THIRD}`,
  ],
])('clock-policy: %s', async (_, machine, verdict) => {
  expect(await verdictOf(machine, 'clock-policy', { directory })).toBe(verdict);
});

const MIB = 1024 * 1024;

/** What the check says of a running host whose /dev/shm answers like this. */
async function sharedMemory(space: FileRead<FilesystemSpace>, machine = combine(NODE, GPUS)): Promise<unknown> {
  const written = writeMachine(machine, mkdtempSync(join(directory, 'live-')));
  const captured = await linuxHost({ root: written.root, toolPath: [written.tools] });
  const host = { ...captured, live: true, space: () => Promise.resolve(space) };
  const window = openWindow(undefined, { bootId: 'boot', sampledAtMs: 0 });
  return checkSharedMemory({
    host,
    node: nodeView(host),
    clock: systemClock,
    window,
    accelerator: 'any',
    constraints: [],
    diagnostics: false,
  });
}

const ofSize = (sizeBytes: number): FileRead<FilesystemSpace> => ({
  state: 'read',
  value: { sizeBytes, availableBytes: sizeBytes, inodes: 0, inodesFree: 0 },
});

test.each<readonly [name: string, space: FileRead<FilesystemSpace>, verdict: object]>([
  [
    'the default of container runtimes',
    ofSize(64 * MIB),
    {
      outcome: 'warn',
      message: '/dev/shm has 64 MiB, too little for NCCL between the GPUs of one node',
      observed: { sizeBytes: 67_108_864 },
    },
  ],
  ['one MiB more', ofSize(65 * MIB), { outcome: 'pass', message: '/dev/shm has 65 MiB', observed: { sizeBytes: 68_157_440 } }],
  ['no limit', ofSize(0), { outcome: 'pass', message: '/dev/shm has no limit', observed: { sizeBytes: 0 } }],
  [
    'not mounted',
    { state: 'absent', reason: '/dev/shm: not there' },
    { outcome: 'skip', message: '/dev/shm: not there', observed: {}, missing: 'host-files' },
  ],
  [
    'not readable',
    { state: 'unreadable', reason: '/dev/shm: permission denied' },
    { outcome: 'unknown', message: '/dev/shm: permission denied', observed: {} },
  ],
])('shared-memory: %s', async (_, space, verdict) => {
  expect(await sharedMemory(space)).toEqual(verdict);
});

test('shared memory is judged only on a running host with GPUs', async () => {
  expect(await sharedMemory(ofSize(64 * MIB), NODE)).toMatchObject({ outcome: 'skip' });
  expect(await verdictOf(combine(NODE, GPUS), 'shared-memory', { directory })).toBe(
    'skip: a captured tree has no shared memory of its own',
  );
});
