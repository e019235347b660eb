import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#core/clock.ts';
import { startProgram } from '#core/process/program.ts';
import { Ledger } from '../collector/ledger/ledger.ts';
import { syntheticRecords } from '../test/fixture/bundle/synthetic-node.ts';
import { agentEntry, batchEntry, NONCE_HEX, OPENED_AT_MS, runEntry, testAgent } from '../test/fixture/uplink/entries.ts';
import { SignedAgent } from '../test/fixture/uplink/signed-agent.ts';
import { printFigure } from './measure.ts';

const SIZES = [3, 100, 1000, 10_000];
/** Nodes that run at the same time: their batches come interleaved. */
const AT_ONCE = 500;
const BATCHES = 4;
const SAMPLE_EVERY_MS = 20;

interface Measured {
  readonly openMs: number;
  readonly finishMs: number;
  readonly peakRssMiB: number;
}

/** Sealed ledgers of synthetic nodes, each finished by the collector program: time and peak memory from its start to the published layout. */
async function benchAssembly(sizes: readonly number[]): Promise<void> {
  const place = mkdtempSync(join(tmpdir(), 'assay-bench-'));
  try {
    for (const size of sizes) {
      const directory = join(place, String(size));
      const { status, stderr } = spawnSync(process.execPath, [import.meta.filename, 'write', directory, String(size)], {
        encoding: 'utf8',
      });
      if (status !== 0) throw new Error(stderr);
      const { openMs, finishMs, peakRssMiB } = await finishLedger(directory);
      const ledgerMiB = statSync(join(directory, 'ledger')).size / 1024 / 1024;
      printFigure(`${size} nodes: start to ledger read`, `${Math.round(openMs)} ms, ${ledgerMiB.toFixed(1)} MiB`);
      printFigure(
        `${size} nodes: sealed to published`,
        `${Math.round(finishMs)} ms`,
        size === 1000 ? '<= 4000 ms with services' : undefined,
      );
      printFigure(`${size} nodes: peak memory of the collector`, `${Math.round(peakRssMiB)} MiB`, '<= 256 MiB');
      printFigure(`${size} nodes: bundle in KiB`, bundleSizes(join(directory, 'out/summary-bundle')));
      rmSync(directory, { recursive: true });
    }
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/** Starts the collector with a state directory that is sealed already, as after a crash. */
async function finishLedger(directory: string): Promise<Measured> {
  writeFileSync(join(directory, 'token'), 'a-token-of-enough-length');
  const args = [
    `--state-dir=${directory}`,
    `--out=${join(directory, 'out')}`,
    '--recipe=recipes/host/linux.yaml',
    `--token-file=${join(directory, 'token')}`,
    '--expect=any',
    '--sign=lab',
  ];
  const startedAt = performance.now();
  const collector = startProgram('collector', { args, log: 'keep' });
  const times: Record<string, number> = {};
  let peakRssMiB = 0;
  const sampler = setInterval(() => (peakRssMiB = Math.max(peakRssMiB, peakRss(collector.pid))), SAMPLE_EVERY_MS);
  for await (const line of collector.lines) times[(JSON.parse(line) as { event: string }).event] ??= performance.now();
  clearInterval(sampler);
  const { exit, log } = await collector.ended;
  if (exit !== 0) throw new Error(log);
  const { sealed = Number.NaN, published = Number.NaN } = times;
  return { openMs: sealed - startedAt, finishMs: published - sealed, peakRssMiB };
}

function peakRss(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

function bundleSizes(bundle: string): string {
  const files = readdirSync(bundle, { recursive: true, encoding: 'utf8' }).map((path) => [path, statSync(join(bundle, path))] as const);
  return files
    .filter(([, stats]) => stats.isFile())
    .map(([path, { size }]) => `${path} ${Math.ceil(size / 1024)}`)
    .join(', ');
}

async function writeLedger(directory: string, size: number): Promise<void> {
  const expected = Array.from({ length: size }, (_, index) => `gpu-node-${String(index).padStart(5, '0')}`);
  const { ledger } = await Ledger.open({ directory, newRun: () => runEntry(expected), nowMs: systemClock.nowMs });
  const { key } = testAgent('any', []);
  for (let from = 0; from < size; from += AT_ONCE) {
    const agents = expected
      .slice(from, from + AT_ONCE)
      .map((node, offset) => new SignedAgent(node, Buffer.from(NONCE_HEX, 'hex'), syntheticRecords(from + offset), key));
    await Promise.all(agents.map((agent, offset) => ledger.append(agentEntry(agent, { agent: from + offset }))));
    for (let batch = 0; batch < BATCHES; batch += 1)
      await Promise.all(agents.map((agent, offset) => ledger.append(batchEntry(agent, part(agent.records.length, batch), from + offset))));
  }
  await ledger.append({ kind: 'seal', sealedAtMs: OPENED_AT_MS + 300_000, absences: [] });
  await ledger.close();
}

/** First and last record of one of the batches that a node sends. */
function part(records: number, batch: number): readonly [number, number] {
  return [Math.floor((records * batch) / BATCHES) + 1, Math.floor((records * (batch + 1)) / BATCHES)];
}

const [first, directory = '', size = ''] = process.argv.slice(2);
if (first === 'write') await writeLedger(directory, Number(size));
else await benchAssembly(first === undefined ? SIZES : process.argv.slice(2).map(Number));
