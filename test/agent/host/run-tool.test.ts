import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createToolRunner } from '../../../agent/host/run-tool.ts';
import { outputText, type ToolOutcome } from '../../../agent/host/tool-outcome.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'assay-tool-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function tool(script: string, name = 'nvidia-smi', shebang = '#!/bin/sh'): void {
  writeFileSync(join(directory, name), `${shebang}\n${script}\n`);
  chmodSync(join(directory, name), 0o755);
}

async function run(limits: { timeoutMs: number; maxBytes?: number } = { timeoutMs: 5000 }, args: readonly string[] = ['-L']) {
  return shown(await createToolRunner([{ path: directory, libraries: [] }])('nvidia-smi', args, limits));
}

/** The outcome with standard output as text. */
function shown(outcome: ToolOutcome) {
  return outcome.outcome === 'exited' ? { ...outcome, stdout: outputText(outcome) } : outcome;
}

function alive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

test('a tool that ends gives its status and both streams, whatever the status is', async () => {
  tool('echo out "$@"; echo err >&2; exit 9');
  const outcome = await run({ timeoutMs: 5000 }, ['-q', '-x']);
  expect(outcome).toEqual({
    outcome: 'exited',
    command: 'nvidia-smi -q -x',
    code: 9,
    stdout: 'out -q -x\n',
    stderr: 'err\n',
    durationMs: expect.any(Number),
  });
});

test('arguments reach the tool as they are: no shell expands them', async () => {
  tool('printf "%s\\n" "$@"');
  expect(await run({ timeoutMs: 5000 }, ['$(id)', '; true', '*'])).toMatchObject({ stdout: '$(id)\n; true\n*\n' });
});

test('the environment holds a fixed path and locale, and nothing of the agent', async () => {
  tool('env | sort | grep -v -e ^_= -e ^PWD= -e ^SHLVL= -e ^OLDPWD=');
  expect(await run()).toMatchObject({
    stdout: `LC_ALL=C\nPATH=${directory}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nTZ=UTC\n`,
  });
});

test('standard input is empty: a tool that asks a question gets no answer and ends', async () => {
  tool('read answer; echo "answer: $answer"');
  expect(await run()).toMatchObject({ outcome: 'exited', stdout: 'answer: \n' });
});

test('a missing tool is not found', async () => {
  expect(await run()).toEqual({
    outcome: 'not-found',
    command: 'nvidia-smi -L',
    reason: 'nvidia-smi -L: in none of 1 tool directories',
    durationMs: 0,
  });
});

test('a file without execute permission is not found', async () => {
  tool('echo never');
  chmodSync(join(directory, 'nvidia-smi'), 0o644);
  expect(await run()).toMatchObject({ outcome: 'not-found' });
});

test('a directory of that name is not found', async () => {
  mkdirSync(join(directory, 'nvidia-smi'));
  expect(await run()).toMatchObject({ outcome: 'not-found' });
});

test('a program of another architecture is unrunnable', async () => {
  // ELF header of a 64-bit big-endian s390 executable.
  const elf = Buffer.alloc(64);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 2, 1, 0]);
  elf.writeUInt16BE(2, 16);
  elf.writeUInt16BE(22, 18);
  writeFileSync(join(directory, 'nvidia-smi'), elf, { mode: 0o755 });
  expect(await run()).toMatchObject({ outcome: 'unrunnable' });
});

test('a script whose interpreter is missing is reported, not thrown', async () => {
  tool('echo never', 'nvidia-smi', '#!/nonexistent/interpreter');
  expect(await run()).toMatchObject({ outcome: 'not-found', reason: 'nvidia-smi -L: did not start: ENOENT' });
});

test('a tool that hangs ends at its deadline', async () => {
  tool('sleep 600');
  const outcome = await run({ timeoutMs: 300 });
  expect(outcome).toMatchObject({ outcome: 'timed-out', reason: 'nvidia-smi -L: no end after 300 ms' });
  expect(outcome.durationMs).toBeLessThan(1300);
});

test('a tool that ignores the polite signal is killed', async () => {
  tool(`trap '' TERM; echo $$ > ${join(directory, 'pid')}; while :; do sleep 0.1; done`);
  expect(await run({ timeoutMs: 300 })).toMatchObject({ outcome: 'timed-out' });
  expect(alive(Number(readFileSync(join(directory, 'pid'), 'utf8')))).toBe(false);
});

test('a grandchild that holds the output open does not hold the agent, and is killed', async () => {
  tool(`sh -c 'echo $$ > ${join(directory, 'pid')}; exec sleep 600' & exit 0`);
  const outcome = await run({ timeoutMs: 400 });
  expect(outcome).toMatchObject({ outcome: 'timed-out' });
  expect(outcome.durationMs).toBeLessThan(1500);
  expect(alive(Number(readFileSync(join(directory, 'pid'), 'utf8')))).toBe(false);
});

test('a daemon that left the process group and holds the output open is given up at the deadline', async () => {
  tool(`setsid sh -c 'echo $$ > ${join(directory, 'pid')}; exec sleep 600' & exit 0`);
  const outcome = await run({ timeoutMs: 300 });
  process.kill(Number(readFileSync(join(directory, 'pid'), 'utf8')), 'SIGKILL');
  expect(outcome).toMatchObject({ outcome: 'timed-out', reason: 'nvidia-smi -L: no end after 300 ms; its output is still held open' });
  expect(outcome.durationMs).toBeLessThan(2000);
});

test('a tool that floods its output is stopped at the limit', async () => {
  tool('while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done');
  expect(await run({ timeoutMs: 5000, maxBytes: 10_000 })).toMatchObject({
    outcome: 'flooded',
    reason: 'nvidia-smi -L: more output than 10000 bytes',
  });
});

test('a tool that floods its error stream is stopped at 64 KiB', async () => {
  tool('while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy >&2; done');
  expect(await run()).toMatchObject({ outcome: 'flooded' });
});

test('a tool that crashes is told from one that exits', async () => {
  tool('kill -SEGV $$');
  expect(await run()).toMatchObject({ outcome: 'crashed', reason: 'nvidia-smi -L: ended by SIGSEGV' });
});

test('output that is not UTF-8 is kept readable, never thrown', async () => {
  tool(String.raw`printf 'GPU \377\376 0\n'`);
  expect(await run()).toMatchObject({ outcome: 'exited', stdout: 'GPU \uFFFD\uFFFD 0\n' });
});

test('calls run one after the other, so that a sick driver sees one process', async () => {
  tool(
    `test -e ${join(directory, 'busy')} && echo overlap; touch ${join(directory, 'busy')}; sleep 0.1; rm ${join(directory, 'busy')}; echo done`,
  );
  const runner = createToolRunner([{ path: directory, libraries: [] }]);
  const outcomes = await Promise.all([1, 2, 3].map(() => runner('nvidia-smi', [], { timeoutMs: 5000 })));
  expect(outcomes.map((outcome) => ('stdout' in outcome ? outputText(outcome) : outcome.reason))).toEqual(['done\n', 'done\n', 'done\n']);
});

test('the first directory that has the tool wins', async () => {
  const first = join(directory, 'first');
  mkdirSync(first);
  writeFileSync(join(first, 'nvidia-smi'), '#!/bin/sh\necho first\n', { mode: 0o755 });
  tool('echo second');
  const runner = createToolRunner([first, directory].map((path) => ({ path, libraries: [] })));
  expect(shown(await runner('nvidia-smi', [], { timeoutMs: 5000 }))).toMatchObject({ stdout: 'first\n' });
});

const FREEZER = '/sys/fs/cgroup/freezer';
const freezable = ((): boolean => {
  try {
    const probe = join(FREEZER, `assay-probe-${process.pid}`);
    mkdirSync(probe);
    execFileSync('rmdir', [probe]);
    return true;
  } catch {
    return false;
  }
})();

// A task frozen by the version 1 freezer sits in state D and keeps SIGKILL pending: what a dead GPU does to its tools.
test.skipIf(!freezable)(
  'an unkillable process is given up, and the tool is not started again (needs a writable cgroup v1 freezer)',
  async () => {
    const group = join(FREEZER, `assay-test-${process.pid}`);
    mkdirSync(group);
    tool(`echo $$ > ${group}/cgroup.procs; echo FROZEN > ${group}/freezer.state; sleep 600`);
    const runner = createToolRunner([{ path: directory, libraries: [] }]);
    try {
      const outcome = await runner('nvidia-smi', ['-L'], { timeoutMs: 300 });
      expect(outcome).toMatchObject({
        outcome: 'timed-out',
        reason: 'nvidia-smi -L: no end after 300 ms; the process cannot be ended, state D',
      });
      expect(outcome.durationMs).toBeLessThan(2000);
      const again = await runner('nvidia-smi', ['-L'], { timeoutMs: 300 });
      expect(again).toMatchObject({
        outcome: 'stuck',
        reason: expect.stringMatching(/an earlier call \(pid \d+\) is still in state D; not started again$/),
      });
    } finally {
      writeFileSync(join(group, 'freezer.state'), 'THAWED');
      const gone = () => readFileSync(join(group, 'cgroup.procs'), 'utf8').trim() === '';
      await expect.poll(gone, { timeout: 5000 }).toBe(true);
      execFileSync('rmdir', [group]);
    }
  },
);
