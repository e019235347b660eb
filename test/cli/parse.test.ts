import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VENDOR_TOOLS } from '../../agent/vendor/catalog.ts';

const XML = 'test/fixture/vendor/nvidia-smi-xml/a100-mig.xml';

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

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'assay-parse-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('assay parse', () => {
  it('prints one JSON document with typed measurements and its exit status', async () => {
    const { exit, stdout } = await assay('parse', 'nvidia-smi-xml', XML);
    const document = JSON.parse(stdout) as { exit: number; tool: string; leaves: unknown; measurements: { key: string }[] };
    expect([exit, document.exit, document.tool, document.leaves]).toEqual([0, 0, 'nvidia-smi-xml', { total: 23, typed: 23 }]);
    expect(document.measurements.find((each) => each.key === 'memory.total')).toEqual({
      type: 'Hardware',
      subtype: 'nvidia',
      item: '0000:3b:00.0',
      key: 'memory.total',
      reading: { state: 'read', value: 40_960 },
      unit: 'MiB',
      source: 'nvidia-smi -q -x: gpu[0]/fb_memory_usage/total',
    });
  });

  it('a cut file ends with exit 2 and the place, as JSON and as text', async () => {
    const file = join(folder, 'cut.xml');
    writeFileSync(file, readFileSync(XML, 'utf8').slice(0, 400));
    const { exit, stdout, stderr } = await assay('parse', 'nvidia-smi-xml', file);
    expect(exit).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      exit: 2,
      error: { code: 'VENDOR_OUTPUT_INVALID', message: expect.stringMatching(/\(line 11, column \d+, at \/nvidia_smi_log\/gpu/) as string },
    });
    expect(stderr).toMatch(/^VENDOR_OUTPUT_INVALID: nvidia-smi-xml: the document ends before it is complete/);
  });

  it.each([
    ['an unknown tool', ['nvidia-smi', XML], 64, 'USAGE'],
    ['a file that is not there', ['nvidia-smi-xml', '/nowhere/at-all.xml'], 2, 'FILE_NOT_FOUND'],
    ['a directory', ['nvidia-smi-xml', 'test'], 2, 'FILE_UNREADABLE'],
    ['the output of another tool', ['amd-smi-static', XML], 2, 'VENDOR_OUTPUT_INVALID'],
  ])('%s', async (_, args, expected, code) => {
    const { exit, stdout } = await assay('parse', ...args);
    expect([exit, (JSON.parse(stdout) as { exit: number; error: { code: string } }).error.code]).toEqual([expected, code]);
  });

  it('takes the folder names of captures for tool names and writes to a file', async () => {
    const file = join(folder, 'events.json');
    const { exit, stdout } = await assay('parse', 'dmesg', 'test/fixture/vendor/dmesg-xid/kmsg.txt', '--output', file);
    expect([exit, stdout, (JSON.parse(readFileSync(file, 'utf8')) as { tool: string }).tool]).toEqual([0, '', 'dmesg-xid']);
  });

  it('help names every tool of the catalog', async () => {
    const { stdout } = await assay('parse', '--help');
    const words = new Set(stdout.split(/\s+/));
    expect(VENDOR_TOOLS.filter((tool) => !words.has(tool.name)).map((tool) => tool.name)).toEqual([]);
    expect(stdout).toContain('assay parse nvidia-smi-xml gpus.xml');
  });
});
