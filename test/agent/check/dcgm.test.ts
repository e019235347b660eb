import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkMachine, verdictOf } from '../../fixture/host/check-machine.ts';
import { mi300xNode } from '../../fixture/host/amd.ts';
import { combine, recordedTool, type Machine } from '../../fixture/host/machine.ts';
import { hgxH100, noGpu } from '../../fixture/host/machines.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'assay-dcgm-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const asked = (machine: Machine): Promise<string> => verdictOf(machine, 'dcgm-diagnostics', { directory, diagnostics: true });

/** A node whose dcgmi answers `diag -r 1 -j` and nothing else. */
function node(text: string, status = 0, changes: Readonly<Record<string, string>> = {}): Machine {
  const dcgmi = `[ "$*" = "diag -r 1 -j" ] || exit 64\ncat <<'ASSAY_END'\n${text}\nASSAY_END\nexit ${status}`;
  return combine(hgxH100({ count: 2, changes: { 1: changes } }), { files: {}, tools: { dcgmi } });
}

interface Result {
  readonly status: string;
  readonly gpu?: number;
  readonly warnings?: readonly { readonly severity: number; readonly id?: number; readonly text?: string }[];
}

/** A document of DCGM 4 with one result per named test. */
function diag(results: Readonly<Record<string, Result>>): string {
  const tests = Object.entries(results).map(([name, { status, gpu, warnings = [] }]) => ({
    name,
    results: [
      {
        status,
        ...(gpu === undefined ? {} : { entity_group: 'GPU', entity_id: gpu }),
        warnings: warnings.map(({ severity, id = 1, text = 'GPU with serial 1650000000000 is unwell' }) => ({
          warning: text,
          error_id: id,
          error_severity: severity,
        })),
      },
    ],
    test_summary: { status },
  }));
  return JSON.stringify({ 'DCGM Diagnostic': { test_categories: [{ category: 'Deployment', tests }] }, metadata: { version: '4.4.1' } });
}

const HEALTHY = diag({ software: { status: 'Pass' }, memory: { status: 'Pass', gpu: 0 } });

test('without being asked for it does not start the tool', async () => {
  const machine = node('no document at all', 1);
  expect(await verdictOf(machine, 'dcgm-diagnostics', { directory })).toBe(
    'skip: diagnostics load the GPUs and were not asked for (--diagnostics)',
  );
});

test.each<readonly [string, string, number, string]>([
  ['every test passed', HEALTHY, 0, 'pass: 2 diagnostic tests passed'],
  [
    'some were skipped',
    diag({ software: { status: 'Pass' }, pcie: { status: 'Skip' }, memory: { status: 'Not Run' } }),
    0,
    'pass: 1 diagnostic tests passed, 2 skipped',
  ],
  ['all were skipped', diag({ pcie: { status: 'Skip' } }), 0, 'skip: dcgmi skipped every test'],
  ['no test at all', diag({}), 0, 'unknown: dcgmi reports no test'],
  [
    'a GPU to isolate',
    diag({ software: { status: 'Pass' }, memory: { status: 'Fail', gpu: 3, warnings: [{ severity: 2 }] } }),
    205,
    'fail: memory on GPU:3: isolate',
  ],
  [
    'a GPU to reset',
    diag({ memory: { status: 'Fail', gpu: 0, warnings: [{ severity: 6 }, { severity: 1 }] } }),
    226,
    'fail: memory on GPU:0: reset, monitor',
  ],
  [
    'a setting, whatever the test calls it',
    diag({ software: { status: 'Fail', gpu: 0, warnings: [{ severity: 5 }] } }),
    226,
    'warn: software on GPU:0: config',
  ],
  ['something to watch', diag({ software: { status: 'Warn', warnings: [{ severity: 1 }] } }), 226, 'warn: software: monitor'],
  ['a failure without severity', diag({ software: { status: 'Fail' } }), 226, 'fail: software'],
  ['a failure of unknown severity', diag({ software: { status: 'Fail', warnings: [{ severity: 3 }] } }), 226, 'fail: software'],
  ['a failure of a severity of tomorrow', diag({ software: { status: 'Fail', warnings: [{ severity: 99 }] } }), 226, 'fail: software'],
  ['a warning without severity', diag({ software: { status: 'Warn' } }), 226, 'warn: software'],
  ['a bad end that no result explains', HEALTHY, 205, 'unknown: dcgmi ended with status 205, and no result says why'],
  [
    'a status nobody knows',
    diag({ software: { status: 'Pass' }, memory: { status: 'Perhaps' } }),
    0,
    'unknown: dcgmi reports what cannot be judged',
  ],
  [
    'an error of its own',
    HEALTHY.replace('{"DCGM Diagnostic"', '{"runtime_error":"internal","DCGM Diagnostic"'),
    0,
    'unknown: dcgmi reports what cannot be judged',
  ],
  ['a line before the document', `WARNING: persistence mode is off\n${HEALTHY}`, 0, 'pass: 2 diagnostic tests passed'],
  [
    'an end of the world',
    HEALTHY.slice(0, 60),
    0,
    expect.stringMatching(/^unknown: dcgmi diag -r 1 -j \(status 0\): dcgmi-diag: /) as string,
  ],
  [
    'no host engine',
    'Error: unable to establish a connection to the specified host: localhost',
    255,
    'skip: the DCGM host engine does not answer',
  ],
  ['another excuse', 'Error: something else', 255, 'unknown: dcgmi diag -r 1 -j (status 255): Error: something else'],
])('%s', async (_, text, status, verdict) => {
  expect(await asked(node(text, status))).toEqual(verdict);
});

test('busy GPUs are left alone', async () => {
  expect(await asked(node('must not be started', 1, { used: '70000 MiB' }))).toBe(
    'skip: the GPUs are not at rest, or it cannot be told: busy: memory is in use, by a process that cannot be seen from here: 0000:43:00.0',
  );
});

test('GPUs of which nothing is known are left alone', async () => {
  const silent = { ...node('must not be started', 1), tools: { dcgmi: 'exit 1', 'nvidia-smi': recordedTool({}) } };
  expect(await asked(silent)).toMatch(/^skip: the GPUs are not at rest, or it cannot be told: nvidia-smi/);
});

test('a node without the tool, without NVIDIA, without GPU', async () => {
  expect(await asked(hgxH100({ count: 1 }))).toBe('skip: dcgmi diag -r 1 -j: in none of 1 tool directories');
  expect(await asked(mi300xNode())).toBe('skip: no NVIDIA GPU on the PCI bus');
  expect(await asked(noGpu())).toBe('skip: no NVIDIA GPU on the PCI bus');
});

test('numbers stand in the result, sentences that name devices do not', async () => {
  const machine = node(diag({ memory: { status: 'Fail', gpu: 3, warnings: [{ severity: 2, id: 81 }] } }), 205);
  const [result] = await checkMachine(machine, { directory, names: ['dcgm-diagnostics'], diagnostics: true });
  expect(result?.extra?.['observed']).toEqual({
    version: '4.4.1',
    exitCode: 205,
    passed: 0,
    skipped: 0,
    incomplete: 0,
    findings: [{ test: 'memory', status: 'fail', entities: ['GPU:3'], errors: [81], severities: ['isolate'], outcome: 'fail' }],
  });
  expect(JSON.stringify(result)).not.toContain('1650000000000');
});
