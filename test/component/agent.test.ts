import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { RUN_ORDER } from '#core/ctrf/report.ts';
import type { RecordBody } from '#core/wire/record.ts';
import { CHECKS } from '../../agent/check/catalog.ts';
import { writeMachine, type Machine } from '../fixture/host/machine.ts';
import { hgxH100, noGpu } from '../fixture/host/machines.ts';
import { startLiveCollector, type LiveCollector, type LiveCollectorOptions } from '../fixture/uplink/live-collector.ts';

const NODE = 'node-a';
const WHOLE = { accelerator: 'any', phases: RUN_ORDER.map((phase) => ({ phase, checks: [], deadlineMs: 60_000 })) };
const children: ChildProcess[] = [];
const directories: string[] = [];
let collector: LiveCollector | undefined;

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await collector?.close();
  for (const directory of [...directories.splice(0), ...(collector === undefined ? [] : [collector.directory])])
    rmSync(directory, { recursive: true, force: true });
  collector = undefined;
});

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

interface Place {
  readonly directory: string;
  readonly root: string;
  readonly tools: string;
}

function place(machine: Machine): Place {
  const directory = mkdtempSync(join(tmpdir(), 'assay-agent-'));
  directories.push(directory);
  return { directory, ...writeMachine(machine, directory) };
}

async function collect(options: Partial<LiveCollectorOptions> = {}): Promise<LiveCollector> {
  collector = await startLiveCollector({ expected: [NODE], run: { plan: WHOLE }, ...options });
  return collector;
}

/** Starts the agent program as a pod would. */
function startAgent(
  { address }: LiveCollector,
  where: Place,
  more: Readonly<Record<string, string>> = {},
): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const flags = {
    collector: address.url,
    'collector-key': address.pin,
    'token-file': address.tokenFile,
    'node-name': NODE,
    'journal-dir': join(where.directory, 'journal'),
    'host-root': where.root,
    'tool-path': where.tools,
    'log-level': 'warn',
    ...more,
  };
  const child = spawn(process.execPath, ['agent/main.ts', 'run', ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`)], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'] },
  });
  children.push(child);
  let stderr = '';
  child.stderr?.on('data', (chunk) => (stderr += String(chunk)));
  return { child, ended: new Promise((resolve) => void child.on('close', (code, signal) => resolve({ code, signal, stderr }))) };
}

async function recordsOf(from: LiveCollector): Promise<readonly RecordBody[]> {
  const [report] = (await from.readSealed()).reports;
  expect(report?.complete).toBe(true);
  return report?.records ?? [];
}

function checkNames(records: readonly RecordBody[]): readonly string[] {
  return records.flatMap((body) => (body.kind === 'check' ? [body.result.check] : []));
}

function outcomes(records: readonly RecordBody[], status: string): readonly (string | undefined)[] {
  return records.flatMap((body) => (body.kind === 'check' && body.result.status === status ? [body.result.message] : []));
}

test('a run is measurements, phases with one result per check, the end; then the seal, and the agent leaves no journal', async () => {
  const where = place(noGpu());
  const live = await collect();
  const { ended } = startAgent(live, where);
  expect(await ended).toEqual({ code: 0, signal: null, stderr: '' });
  const records = await recordsOf(live);
  const kinds = records.map(({ kind }) => kind).filter((kind, index, all) => kind !== all[index - 1]);
  expect(kinds[0]).toBe('measurements');
  expect(kinds.at(-1)).toBe('finished');
  expect([...checkNames(records)].sort()).toEqual(CHECKS.map(({ name }) => name).sort());
  expect(existsSync(join(where.directory, 'journal', 'journal'))).toBe(false);
});

test('an agent that is killed in the middle of a phase goes on where it was: every check once, nothing lost', async () => {
  const healthy = hgxH100();
  const hangs = join(mkdtempSync(join(tmpdir(), 'assay-hang-')), 'hangs');
  directories.push(join(hangs, '..'));
  // The first call for the links hangs; after the restart it answers.
  const script = `if [ "$*" = "nvlink -s" ] && [ ! -e ${hangs} ]; then touch ${hangs}; sleep 20; fi\n${healthy.tools?.['nvidia-smi'] ?? ''}`;
  const where = place({ ...healthy, tools: { ...healthy.tools, 'nvidia-smi': script } });
  const live = await collect();
  const first = startAgent(live, where);
  await expect.poll(() => existsSync(hangs), { timeout: 20_000 }).toBe(true);
  first.child.kill('SIGKILL');
  expect(await first.ended).toMatchObject({ code: null, signal: 'SIGKILL' });
  const before = live.events.filter(({ event }) => event === 'check').length;
  expect(before).toBeGreaterThan(20);

  expect(await startAgent(live, where).ended).toMatchObject({ code: 0 });
  const records = await recordsOf(live);
  expect([...checkNames(records)].sort()).toEqual(CHECKS.map(({ name }) => name).sort());
  expect(records.filter(({ kind }) => kind === 'phase-started')).toHaveLength(3);
  expect(records.filter(({ kind }) => kind === 'phase-ended')).toHaveLength(3);
  expect([...outcomes(records, 'failed'), ...outcomes(records, 'other')]).toEqual([]);
});

test('a vendor tool that hangs costs its deadline once, and every check that needs it says so', async () => {
  const healthy = hgxH100();
  const where = place({ ...healthy, tools: { 'nvidia-smi': 'sleep 600' } });
  const live = await collect({ run: { plan: { accelerator: 'h100', phases: [{ phase: 'performance', checks: [], deadlineMs: 4000 }] } } });
  expect(await startAgent(live, where, { 'tool-timeout': '500ms' }).ended).toMatchObject({ code: 0 });
  const messages = new Set(outcomes(await recordsOf(live), 'other').map((message) => message?.replace(/\d+ ms/, 'N ms')));
  expect([...messages]).toEqual(['nvidia-smi -q -x: no end after N ms']);
});

test('a wrong server key ends the agent with its code, and it says nothing to that server', async () => {
  const where = place(noGpu());
  const live = await collect();
  const pin = `sha256:${'0'.repeat(64)}` as typeof live.address.pin;
  const { ended } = startAgent({ ...live, address: { ...live.address, pin } }, where);
  const { code, stderr } = await ended;
  expect({ code, named: /UPLINK_PIN/.test(stderr) }).toEqual({ code: 2, named: true });
  expect(live.events.filter(({ event }) => event === 'node-connected')).toEqual([]);
});

test('a missing host root ends the agent before it connects', async () => {
  const where = place(noGpu());
  const live = await collect();
  const { code, stderr } = await startAgent(live, { ...where, root: join(where.directory, 'nowhere') }).ended;
  expect({ code, named: /FILE_NOT_FOUND/.test(stderr) }).toEqual({ code: 2, named: true });
});

test('the identity key must be long enough', async () => {
  const where = place(noGpu());
  writeFileSync(join(where.directory, 'key'), 'short');
  const child = spawn(
    process.execPath,
    ['agent/main.ts', 'probe', `--host-root=${where.root}`, `--identity-key-file=${join(where.directory, 'key')}`],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  children.push(child);
  let stdout = '';
  child.stdout.on('data', (chunk) => (stdout += String(chunk)));
  const code = await new Promise((resolve) => void child.on('close', resolve));
  expect({ code, document: JSON.parse(stdout) as unknown }).toEqual({
    code: 64,
    document: {
      error: {
        code: 'CONFIG_INVALID',
        message: 'the identity key has 5 bytes, fewer than 32',
        hint: 'Make one with: head -c 32 /dev/urandom.',
      },
    },
  });
});
