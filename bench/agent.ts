import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { NODE_START } from '#core/process/node-start.ts';
import { hgxH100, h100Gpus, noGpu } from '../test/fixture/host/machines.ts';
import { writeMachine, type Machine, type WrittenMachine } from '../test/fixture/host/machine.ts';
import { smiXml } from '../test/fixture/host/nvidia-smi.ts';
import { formatSpread, printFigure, spread } from './measure.ts';

const AGENT = 'dist/agent.mjs';
const COLLECTOR = 'dist/collector.mjs';
const { flags: NODE_FLAGS, env: NODE_ENV } = NODE_START.agent;
const ROUNDS = 5;
const IDLE_MS = 5000;
// Two counts of the clock that /proc reports CPU time in, per second.
const TICKS_PER_SECOND = 100;

interface Memory {
  readonly rssMiB: number;
  readonly anonMiB: number;
  readonly peakMiB: number;
}

function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const read = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0) / 1024;
  return { rssMiB: read('VmRSS'), anonMiB: read('RssAnon'), peakMiB: read('VmHWM') };
}

function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

/** One mode of the agent on a made-up machine: wall time and peak memory. */
function runMode(mode: string, machine: WrittenMachine): { readonly wallMs: number; readonly peakMiB: number } {
  const startedAt = performance.now();
  const { stderr } = spawnSync(
    '/usr/bin/env',
    [
      'sh',
      '-c',
      `"$0" "$@" >/dev/null; read -r _ < /proc/self/stat`,
      process.execPath,
      ...NODE_FLAGS,
      '--import',
      REPORT_PEAK,
      AGENT,
      mode,
      `--host-root=${machine.root}`,
      `--tool-path=${machine.tools}`,
    ],
    { encoding: 'utf8', env: { ...process.env, ...NODE_ENV } },
  );
  return { wallMs: performance.now() - startedAt, peakMiB: Number(/peak (\d+)/.exec(stderr)?.[1] ?? 0) / 1024 };
}

/** Tells the highest resident set when the process ends. */
const REPORT_PEAK = `data:text/javascript,${encodeURIComponent("process.on('exit',()=>process.stderr.write('peak '+process.resourceUsage().maxRSS+'\\n'))")}`;

/** An agent that has finished and waits for the seal: a second node that never comes keeps the run open. */
async function measureRun(
  machine: WrittenMachine,
  directory: string,
): Promise<{ readonly helloMs: number; readonly connected: Memory; readonly idle: Memory; readonly idleCpu: number }> {
  const [token, recipe] = [join(directory, 'token'), join(directory, 'recipe.yaml')];
  writeFileSync(token, 'x'.repeat(64));
  spawnSync(process.execPath, [
    'dist/cli.mjs',
    'recipe',
    'resolve',
    '--accelerator',
    'h100',
    '--service',
    'eks',
    '--intent',
    'training',
    '-o',
    recipe,
  ]);
  const flags = [
    '--listen=127.0.0.1:0',
    `--state-dir=${join(directory, 'state')}`,
    `--out=${join(directory, 'out')}`,
    `--recipe=${recipe}`,
    '--expect=bench',
    '--expect=never',
    '--deadline=2m',
    `--token-file=${token}`,
    '--sign=none',
    '--log-level=error',
  ];
  const collector = spawn(process.execPath, [COLLECTOR, ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
  let agent: ChildProcess | undefined;
  let [startedAt, helloMs] = [0, 0];
  let connected: Memory | undefined;
  for await (const line of createInterface({ input: collector.stdout })) {
    const event = JSON.parse(line) as { readonly event: string; readonly url: string; readonly key: string };
    if (event.event === 'listening') {
      startedAt = performance.now();
      agent = spawn(
        process.execPath,
        [
          ...NODE_FLAGS,
          AGENT,
          'run',
          `--collector=${event.url}`,
          `--collector-key=${event.key}`,
          `--token-file=${token}`,
          '--node-name=bench',
          `--journal-dir=${join(directory, 'journal')}`,
          `--host-root=${machine.root}`,
          `--tool-path=${machine.tools}`,
          '--log-level=error',
        ],
        { stdio: 'inherit', env: { ...process.env, ...NODE_ENV } },
      );
    }
    if (event.event === 'node-connected') {
      helloMs = performance.now() - startedAt;
      connected = memoryOf(agent?.pid ?? 0);
    }
    if (event.event === 'node-finished') break;
  }
  const pid = agent?.pid ?? 0;
  const before = cpuTicks(pid);
  await delay(IDLE_MS);
  const idleCpu = ((cpuTicks(pid) - before) / TICKS_PER_SECOND / (IDLE_MS / 1000)) * 1000;
  const idle = memoryOf(pid);
  agent?.kill('SIGKILL');
  collector.kill('SIGKILL');
  return { helloMs, connected: connected ?? idle, idle, idleCpu };
}

async function measureMachine(name: string, machine: Machine, directory: string): Promise<void> {
  const written = writeMachine(machine, join(directory, name.replaceAll(' ', '-')));
  for (const mode of ['probe', 'check']) {
    const runs = Array.from({ length: ROUNDS }, () => runMode(mode, written));
    printFigure(
      `${name}: ${mode}, wall`,
      formatSpread(spread(runs.map(({ wallMs }) => wallMs))),
      mode === 'probe' ? '<= 1500 ms' : undefined,
    );
    printFigure(`${name}: ${mode}, peak memory`, formatSpread(spread(runs.map(({ peakMiB }) => peakMiB)), 'MiB'), '<= 96 MiB');
  }
  const run = await measureRun(written, mkdtempSync(join(directory, 'run-')));
  printFigure(`${name}: exec to hello`, `${run.helloMs.toFixed(0)} ms`, '<= 500 ms');
  printFigure(
    `${name}: memory when connected`,
    `${run.connected.rssMiB.toFixed(1)} MiB, own ${run.connected.anonMiB.toFixed(1)}`,
    '<= 60 MiB',
  );
  printFigure(
    `${name}: memory waiting for the seal`,
    `${run.idle.rssMiB.toFixed(1)} MiB, own ${run.idle.anonMiB.toFixed(1)}, peak ${run.idle.peakMiB.toFixed(1)}`,
    '<= 60, peak <= 96 MiB',
  );
  printFigure(`${name}: processor time while waiting`, `${run.idleCpu.toFixed(1)} m`, '<= 2 m');
}

/** The parser warm in this process, and what a large document costs the agent once, as it is started. */
async function printParse(place: string): Promise<void> {
  const { parseNvidiaSmiXml } = await import('../agent/vendor/nvidia/smi-xml.ts');
  const bytes = Buffer.from(smiXml(Array.from({ length: 24 }, () => h100Gpus()).flat()));
  const times = Array.from({ length: ROUNDS * 2 }, () => {
    const startedAt = performance.now();
    parseNvidiaSmiXml(bytes);
    return performance.now() - startedAt;
  });
  const size = `${(bytes.length / 1e6).toFixed(2)} MB of nvidia-smi XML`;
  printFigure(`parse of ${size}`, formatSpread(spread(times)), '<= 50 ms per MB');
  const [large, small] = [join(place, 'large.xml'), join(place, 'small.xml')];
  writeFileSync(large, bytes);
  writeFileSync(small, smiXml(h100Gpus().slice(0, 1)));
  const wallOf = (path: string): number => {
    const startedAt = performance.now();
    spawnSync(process.execPath, [...NODE_FLAGS, AGENT, 'parse', 'nvidia-smi-xml', path], { env: { ...process.env, ...NODE_ENV } });
    return performance.now() - startedAt;
  };
  const walls = Array.from({ length: ROUNDS }, () => wallOf(large) - wallOf(small));
  printFigure('the same once, in a process of its own', formatSpread(spread(walls)));
}

/** What each part costs that the agent loads: resident memory of a process that imports it, beside one that imports nothing. */
function printImports(): void {
  const parts = ['node:crypto', 'node:tls', 'ws', 'protobufjs/minimal.js', 'pino', 'fast-xml-parser', 'execa'];
  const rss = (code: string): number =>
    Number(
      spawnSync(
        process.execPath,
        [...NODE_FLAGS, '--input-type=module', '-e', `${code};process.stdout.write(String(process.memoryUsage().rss/1048576))`],
        { encoding: 'utf8' },
      ).stdout,
    );
  const least = (code: string): number => Math.min(...Array.from({ length: ROUNDS }, () => rss(code)));
  const bare = least('');
  printFigure('bare Node', `${bare.toFixed(1)} MiB`);
  for (const part of parts) printFigure(`  import ${part}`, `+${(least(`await import('${part}')`) - bare).toFixed(1)} MiB`);
}

if (!existsSync(AGENT)) throw new Error(`${AGENT} is missing: run "npm run build" first`);
const directory = mkdtempSync(join(tmpdir(), 'assay-bench-agent-'));
try {
  printFigure(
    'load average of this computer',
    loadavg()
      .map((load) => load.toFixed(1))
      .join(' '),
  );
  printFigure('size of the bundle', `${(statSync(AGENT).size / 1024).toFixed(0)} KiB`);
  await measureMachine('no GPU, 8 CPUs', noGpu(8), directory);
  await measureMachine('no GPU, 192 CPUs', noGpu(192), directory);
  await measureMachine('HGX H100, 192 CPUs', hgxH100(), directory);
  await printParse(directory);
  printImports();
} finally {
  rmSync(directory, { recursive: true, force: true });
}
