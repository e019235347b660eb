import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { RUN_ORDER } from '#core/ctrf/report.ts';
import type { SealedRun } from '#core/wire/run.ts';
import { CHECKS } from '../../agent/check/catalog.ts';
import { writeMachine, type Machine } from '../fixture/host/machine.ts';
import { hgxH100, noGpu } from '../fixture/host/machines.ts';
import { startLiveCollector, type LiveCollector, type LiveCollectorOptions } from '../fixture/uplink/live-collector.ts';

const NODE = 'node-a';
const PLAN = { accelerator: 'any', phases: [{ phase: 'deployment' as const, checks: [], deadlineMs: 60_000 }] };
const NAMES = CHECKS.filter(({ phase }) => phase === 'deployment').map(({ name }) => name);
const children: ChildProcess[] = [];
const directories: string[] = [];
const collectors: LiveCollector[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const collector of collectors.splice(0).reverse()) await collector.close();
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'assay-stay-'));
  directories.push(directory);
  return directory;
}

async function collect(
  run: { readonly runId: string; readonly nonce: string },
  options: Partial<LiveCollectorOptions> = {},
): Promise<LiveCollector> {
  const collector = await startLiveCollector({ expected: [NODE], ...options, run: { ...run, plan: PLAN, ...options.run } });
  collectors.push(collector);
  directories.push(collector.directory);
  return collector;
}

/** The collector of the next run, in the place of the one before. */
async function collectNext(before: LiveCollector, runId: string, options: Partial<LiveCollectorOptions> = {}): Promise<LiveCollector> {
  await before.close();
  rmSync(join(before.directory, 'state'), { recursive: true });
  return collect({ runId, nonce: 'ab'.repeat(32) }, { ...options, after: before });
}

interface Agent {
  readonly child: ChildProcess;
  readonly journal: string;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

interface Start {
  readonly machine?: Machine;
  readonly flags?: Readonly<Record<string, string>>;
  readonly journal?: string;
  readonly stay?: boolean;
}

/** Starts the agent program as a pod would. */
function startAgent(
  { address }: Pick<LiveCollector, 'address'>,
  { machine = noGpu(), flags = {}, journal, stay = true }: Start = {},
): Agent {
  const directory = scratch();
  const { root, tools } = writeMachine(machine, directory);
  const journalDir = journal ?? join(directory, 'journal');
  const all = {
    collector: address.url,
    'collector-key': address.pin,
    'token-file': address.tokenFile,
    'node-name': NODE,
    'journal-dir': journalDir,
    'host-root': root,
    'tool-path': tools,
    'log-level': 'info',
    ...flags,
  };
  const words = ['agent/main.ts', 'run', ...(stay ? ['--stay'] : []), ...Object.entries(all).map(([name, value]) => `--${name}=${value}`)];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] } });
  children.push(child);
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr?.on('data', (chunk) => (stderr += String(chunk)));
  const ended = new Promise<Awaited<Agent['ended']>>((resolve) => void child.on('close', (code, signal) => resolve({ code, signal })));
  return { child, journal: journalDir, stdout: () => stdout, stderr: () => stderr, ended };
}

async function sealed(collector: LiveCollector): Promise<SealedRun> {
  await collector.gathered;
  return collector.readSealed();
}

/** Names of the checks that a run has of the node, and which attempt they are of. */
function reported({ reports }: SealedRun): unknown {
  return reports.map(({ attempt, complete, records }) => [
    attempt,
    complete,
    records.flatMap((body) => (body.kind === 'check' ? [body.result.check] : [])),
  ]);
}

const WHOLE = [[1, true, NAMES]];

describe('an agent that stays', () => {
  it('joins the next run after a seal, without anything of the one before; its counters go on', { timeout: 60_000 }, async () => {
    const first = await collect({ runId: 'run-1', nonce: '01'.repeat(32) });
    const counterDir = scratch();
    const agent = startAgent(first, { machine: hgxH100(), flags: { 'counter-dir': counterDir } });

    expect(reported(await sealed(first))).toEqual(WHOLE);
    expect(existsSync(join(agent.journal, 'journal.damaged'))).toBe(false);
    const counters = readdirSync(counterDir).map((name) => readFileSync(join(counterDir, name), 'utf8'));
    const second = await collectNext(first, 'run-2');
    const run = await sealed(second);
    expect([run.runId, reported(run)]).toEqual(['run-2', WHOLE]);
    expect(readdirSync(counterDir).map((name) => readFileSync(join(counterDir, name), 'utf8'))).not.toEqual(counters);
    expect(agent.child.exitCode).toBe(null);
    expect(agent.stderr()).not.toContain(readFileSync(second.address.tokenFile, 'utf8').trim());
    agent.child.kill('SIGTERM');
    expect(await agent.ended).toEqual({ code: 143, signal: null });
  });

  it('goes into another run at once when its own is gone', async () => {
    // A second node that never comes keeps the first run open.
    const first = await collect({ runId: 'run-1', nonce: '01'.repeat(32) }, { expected: [NODE, 'node-b'] });
    const agent = startAgent(first);
    await expect.poll(() => first.events.some(({ event }) => event === 'node-finished'), { timeout: 20_000 }).toBe(true);
    const second = await collectNext(first, 'run-2');

    expect(reported(await sealed(second))).toEqual(WHOLE);
    expect(agent.stderr()).toContain('RUN_CHANGED');
  });

  it('ends when the server has another key: only a restart brings the right one', async () => {
    const first = await collect({ runId: 'run-1', nonce: '01'.repeat(32) });
    const agent = startAgent(first, { flags: { 'collector-key': `sha256:${'0'.repeat(64)}` } });

    expect(await agent.ended).toEqual({ code: 2, signal: null });
    expect(JSON.parse(agent.stdout())).toMatchObject({ error: { code: 'UPLINK_PIN' } });
  });
});

describe('a signal', () => {
  it.each([
    ['SIGTERM', 143, true],
    ['SIGTERM', 143, false],
    ['SIGINT', 130, true],
  ] as const)('ends an agent without collector: %s with %d (stays: %s)', async (signal, code, stay) => {
    const first = await collect({ runId: 'run-1', nonce: '01'.repeat(32) });
    await first.close();
    const agent = startAgent(first, { stay });
    await expect.poll(() => agent.stderr(), { timeout: 20_000 }).toContain('connecting again');
    agent.child.kill(signal);

    expect(await agent.ended).toEqual({ code, signal: null });
    expect(agent.stdout()).toBe('');
  });

  it('ends an agent whose vendor tool hangs, and the tool; started again, it goes on where it was', { timeout: 60_000 }, async () => {
    const plan = { accelerator: 'any', phases: RUN_ORDER.map((phase) => ({ phase, checks: [], deadlineMs: 60_000 })) };
    const first = await collect({ runId: 'run-1', nonce: '01'.repeat(32) }, { run: { plan } });
    const place = scratch();
    const healthy = hgxH100();
    const [hangs, pidFile] = [join(place, 'hangs'), join(place, 'pid')];
    // The first call for the links hangs; after the restart it answers.
    const script = `if [ "$*" = "nvlink -s" ] && [ ! -e ${hangs} ]; then echo $$ > ${pidFile}; touch ${hangs}; exec sleep 600; fi\n${healthy.tools?.['nvidia-smi'] ?? ''}`;
    const machine = { ...healthy, tools: { ...healthy.tools, 'nvidia-smi': script } };
    const agent = startAgent(first, { machine });
    await expect.poll(() => existsSync(hangs), { timeout: 20_000 }).toBe(true);
    const before = first.events.filter(({ event }) => event === 'check').length;
    agent.child.kill('SIGTERM');

    expect(await agent.ended).toEqual({ code: 143, signal: null });
    expect(() => process.kill(Number(readFileSync(pidFile, 'utf8')), 0)).toThrow('ESRCH');
    expect(first.events.filter(({ event }) => event === 'check').length).toBe(before);
    startAgent(first, { machine, journal: agent.journal });
    const all = plan.phases.flatMap(({ phase }) => CHECKS.filter((check) => check.phase === phase).map(({ name }) => name));
    expect(reported(await sealed(first))).toEqual([[1, true, all]]);
  });

  it('ends an agent that waits for the seal and keeps its journal', async () => {
    const first = await collect({ runId: 'run-1', nonce: '01'.repeat(32) }, { expected: [NODE, 'node-b'], run: { deadlineMs: 30_000 } });
    const agent = startAgent(first);
    await expect.poll(() => first.events.some(({ event }) => event === 'node-finished'), { timeout: 20_000 }).toBe(true);
    agent.child.kill('SIGTERM');

    expect(await agent.ended).toEqual({ code: 143, signal: null });
    expect(existsSync(join(agent.journal, 'journal'))).toBe(true);
    await expect.poll(() => first.connected()).toBe(0);
  });
});

describe('the agent program', () => {
  async function run(...words: readonly string[]): Promise<{ readonly code: number | null; readonly stdout: string }> {
    const child = spawn(process.execPath, ['agent/main.ts', ...words], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { PATH: process.env['PATH'] },
    });
    children.push(child);
    let stdout = '';
    child.stdout.on('data', (chunk) => (stdout += String(chunk)));
    const code = await new Promise<number | null>((resolve) => void child.on('close', resolve));
    return { code, stdout };
  }

  it.each([[['--version']], [['run', '--version']]])('prints its version: %j', async (words) => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

    expect(await run(...words)).toEqual({ code: 0, stdout: `${version}\n` });
  });

  it('prints the facts of a failure for other programs', async () => {
    const first = await collect({ runId: 'run-1', nonce: '01'.repeat(32) });
    const agent = startAgent(first);
    await expect.poll(() => agent.stderr(), { timeout: 20_000 }).toContain('admitted');
    agent.child.kill('SIGKILL');
    await agent.ended;
    const other = startAgent(first, { journal: agent.journal, flags: { 'node-name': 'node-b' } });

    expect(await other.ended).toEqual({ code: 2, signal: null });
    expect(JSON.parse(other.stdout())).toMatchObject({ error: { code: 'JOURNAL_CORRUPT', details: { node: NODE } } });
  });
});
