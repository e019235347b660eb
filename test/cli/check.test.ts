import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { validate } from 'ctrf';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CtrfReport } from '#core/ctrf/report.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'assay-check-'));
  const files = {
    'proc/sys/kernel/osrelease': '6.8.0-1029-gke\n',
    'proc/meminfo': 'MemTotal: 1000000 kB\nMemAvailable: 900000 kB\n',
    'sys/bus/pci/devices/0000:1b:00.0/vendor': '0x10de\n',
    'sys/bus/pci/devices/0000:1b:00.0/device': '0x2330\n',
    'sys/bus/pci/devices/0000:1b:00.0/class': '0x030200\n',
    'sys/module/nvidia/version': '580.105.08\n',
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

interface Ended {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

function assay(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['cli/main.ts', ...args], (error, stdout, stderr) =>
      resolve({ exit: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    );
  });
}

function toolPath(script: string | undefined): string {
  const path = mkdtempSync(join(root, 'bin-'));
  if (script !== undefined) writeFileSync(join(path, 'nvidia-smi'), `#!/bin/sh\n${script}\n`);
  if (script !== undefined) chmodSync(join(path, 'nvidia-smi'), 0o755);
  return path;
}

async function gpuResponse(script: string | undefined) {
  const { exit, stdout } = await assay(
    'check',
    '--host-root',
    root,
    '--tool-path',
    toolPath(script),
    '--check',
    'gpu-response',
    '--format',
    'json',
  );
  const [result] = (JSON.parse(stdout) as CtrfReport).results.tests.filter((each) => each.suite[0] === 'deployment');
  return { exit, status: result?.status, message: result?.message };
}

test('the report is CTRF by the schema of the CTRF project, and its exit is the status', async () => {
  const { exit, stdout } = await assay('check', '--host-root', root, '--phase', 'deployment', '--format', 'json');
  const report = JSON.parse(stdout) as CtrfReport & { extra: unknown };
  expect(() => validate(report)).not.toThrow();
  expect(report.extra).toEqual({ exit });
});

const LOG = '<nvidia_smi_log><driver_version>580.105.08</driver_version><attached_gpus>1</attached_gpus>';
const GPU = '<gpu id="00000000:1B:00.0"><product_name>NVIDIA H100 80GB HBM3</product_name></gpu>';

test('a tool that answers passes', async () => {
  expect(await gpuResponse(`echo '${LOG}${GPU}</nvidia_smi_log>'`)).toEqual({
    exit: 0,
    status: 'passed',
    message: 'nvidia-smi answers for 1 GPUs',
  });
});

test('removing the tool from the path turns its test into skipped', async () => {
  expect(await gpuResponse(undefined)).toEqual({ exit: 1, status: 'skipped', message: 'nvidia-smi -q -x: in none of 1 tool directories' });
});

test.each([
  ['fails', 'echo "No devices were found"; exit 6', 'failed', /^nvidia-smi: No devices were found$/],
  ['answers for too few GPUs', `echo '${LOG}</nvidia_smi_log>'`, 'failed', /answers for 0 of 1 GPUs/],
  ['says nothing', 'exit 0', 'other', /the output is empty/],
  ['crashes', 'kill -SEGV $$', 'other', /ended by SIGSEGV/],
  ['floods', 'yes', 'other', /more output than 8388608 bytes/],
])('a tool that %s is a recorded outcome', async (_, script, status, message) => {
  expect(await gpuResponse(script)).toEqual({ exit: 1, status, message: expect.stringMatching(message) });
});

test('JUnit output escapes what tools say', async () => {
  const args = [
    'check',
    '--host-root',
    root,
    '--tool-path',
    toolPath('echo "<lost> & \\"gone\\""; exit 15'),
    '--check',
    'gpu-response',
    '--phase',
    'deployment',
  ];
  const { exit, stdout } = await assay(...args, '--format', 'junit');
  expect(exit).toBe(1);
  expect(stdout).toContain('<error message="nvidia-smi -q -x (status 15): &lt;lost&gt; &amp; &quot;gone&quot;"/>');
  expect(stdout).toContain('<testsuites name="assay" tests="1" failures="0" errors="1" skipped="0">');
});

test('the text ends with the counts', async () => {
  const { stdout } = await assay('check', '--host-root', root, '--check', 'kernel-release', '--phase', 'deployment');
  expect(stdout).toBe('passed  deployment kernel-release: kernel 6.8.0-1029-gke\n\n1 passed, 0 failed, 0 skipped, 0 other\n');
});

test.each([
  [['--phase', 'readiness'], 64, 'CONFIG_INVALID'],
  [['--host-root', '/nonexistent'], 2, 'FILE_NOT_FOUND'],
  [['--deadline', 'soon'], 64, 'CONFIG_INVALID'],
  [['--format', 'toml'], 64, 'USAGE'],
  [['--unknown'], 64, 'USAGE'],
])('%j ends with its own status and code', async (args, status, code) => {
  const { exit, stderr } = await assay('check', ...args);
  expect({ exit, code: stderr.split(':', 1)[0] }).toEqual({ exit: status, code });
});

test.each([
  [['--check', 'gpu-respons'], 'no node check "gpu-respons" in deployment, conformance, performance'],
  [['--phase', 'performance', '--check', 'gpu-response'], 'no node check "gpu-response" in performance'],
])('%j is wrong use, not a report without a failure', async (flags, message) => {
  const { exit, stdout } = await assay('check', '--host-root', root, ...flags, '--format', 'json');

  expect({ exit, document: JSON.parse(stdout) as unknown }).toMatchObject({
    exit: 64,
    document: { exit: 64, error: { code: 'USAGE', message } },
  });
});

test('a check that is asked for by name runs in its own phase only', async () => {
  const { stdout } = await assay('check', '--host-root', root, '--check', 'kernel-release', '--format', 'json');

  expect((JSON.parse(stdout) as CtrfReport).results.tests.map(({ name, status, suite }) => [name, status, suite?.[0]])).toEqual([
    ['kernel-release', 'passed', 'deployment'],
  ]);
});

test('a node of which nothing could be checked does not end 0', async () => {
  const empty = mkdtempSync(join(root, 'empty-'));

  expect((await assay('check', '--host-root', empty)).exit).toBe(1);
});
