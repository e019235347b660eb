import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CHECK_SETTINGS, readConfig } from '../../../agent/config.ts';
import { verdictOf } from '../../fixture/host/check-machine.ts';
import { recordedTool, type Machine } from '../../fixture/host/machine.ts';
import { h100Gpus, hgxH100, mi300xBadPage, noGpu } from '../../fixture/host/machines.ts';
import { smiXml } from '../../fixture/host/nvidia-smi.ts';
import { codeOf } from '../../fixture/vendor-output.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'assay-requirement-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

/** Driver 580.105.08, which supports CUDA 13.0. */
const NODE = hgxH100({ count: 1 });
const NAME = { 'driver-requirement': 'Deployment.nvidia-driver.version', 'cuda-requirement': 'Deployment.cuda.version' } as const;

const judged = (check: keyof typeof NAME, value: string, machine: Machine = NODE): Promise<string> =>
  verdictOf(machine, check, { directory, constraints: [{ name: NAME[check], value }] });

test.each<readonly [keyof typeof NAME, string, string]>([
  ['driver-requirement', '>= 580', 'pass: driver 580.105.08, as the recipe asks (>= 580)'],
  ['driver-requirement', '>= 580.65.06', 'pass: driver 580.105.08, as the recipe asks (>= 580.65.06)'],
  ['driver-requirement', '== 580.105.08', 'pass: driver 580.105.08, as the recipe asks (== 580.105.08)'],
  ['driver-requirement', '>= 590', 'fail: driver 580.105.08, the recipe asks for >= 590'],
  ['driver-requirement', '580.65.06', 'fail: driver 580.105.08, the recipe asks for 580.65.06'],
  ['driver-requirement', '< 580.105.08', 'fail: driver 580.105.08, the recipe asks for < 580.105.08'],
  ['driver-requirement', '>= latest', 'unknown: 580.105.08 cannot be compared with ">= latest"'],
  ['driver-requirement', '>=', 'unknown: 580.105.08 cannot be compared with ">="'],
  ['cuda-requirement', '>= 12.8', 'pass: highest CUDA version of the driver 13.0, as the recipe asks (>= 12.8)'],
  ['cuda-requirement', '>= 13.1', 'fail: highest CUDA version of the driver 13.0, the recipe asks for >= 13.1'],
])('%s: %s', async (check, value, verdict) => {
  expect(await judged(check, value)).toBe(verdict);
});

test.each(['driver-requirement', 'cuda-requirement'] as const)(
  '%s: without a constraint of its own there is nothing to judge',
  async (check) => {
    const constraints = [{ name: 'K8s.server.version', value: '>= 9' }];
    expect(await verdictOf(NODE, check, { directory, constraints })).toBe(`skip: the recipe has no constraint ${NAME[check]}`);
  },
);

test('what cannot be read does not pass', async () => {
  const files = Object.fromEntries(Object.entries(NODE.files).filter(([path]) => path !== 'proc/driver/nvidia/version'));
  expect(await judged('driver-requirement', '>= 1', { ...NODE, files })).toBe(
    'unknown: the driver version is not known: /proc/driver/nvidia/version: not there',
  );
  const xml = smiXml(h100Gpus().slice(0, 1)).replace('<cuda_version>13.0<', '<cuda_version>Not Found<');
  expect(await judged('cuda-requirement', '>= 1', { ...NODE, tools: { 'nvidia-smi': recordedTool({ '-q -x': xml }) } })).toBe(
    'unknown: nvidia-smi does not say which CUDA version the driver supports',
  );
  expect(await judged('cuda-requirement', '>= 1', { ...NODE, tools: {} })).toBe('skip: nvidia-smi -q -x: in none of 1 tool directories');
});

test('a node without NVIDIA GPUs is not asked', async () => {
  expect(await judged('driver-requirement', '>= 580', mi300xBadPage())).toBe('skip: no NVIDIA GPU on the PCI bus');
  expect(await judged('cuda-requirement', '>= 13', noGpu())).toBe('skip: no NVIDIA GPU on the PCI bus');
});

test.each([
  ['Deployment.cuda.version=>= 13', [{ name: 'Deployment.cuda.version', value: '>= 13' }]],
  ['a = b', [{ name: 'a', value: 'b' }]],
])('the flag --constraint=%s', (text, constraints) => {
  expect(readConfig(CHECK_SETTINGS, [`--constraint=${text}`]).constraints).toEqual(constraints);
});

test.each(['Deployment.cuda.version', '=13', 'Deployment.cuda.version=', ' = ', ''])('the flag --constraint=%j is refused', (text) => {
  expect(codeOf(() => readConfig(CHECK_SETTINGS, [`--constraint=${text}`]))).toBe('CONFIG_INVALID');
});
