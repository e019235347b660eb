import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#core/clock.ts';
import { readCollectorConfig } from '../collector/config.ts';
import { finishRun } from '../collector/finish.ts';
import { Ledger } from '../collector/ledger/ledger.ts';
import { syntheticRecords } from '../test/fixture/bundle/synthetic-node.ts';
import { agentEntry, batchEntry, NONCE_HEX, OPENED_AT_MS, runEntry, testAgent } from '../test/fixture/uplink/entries.ts';
import { SignedAgent } from '../test/fixture/uplink/signed-agent.ts';
import { printFigure } from './measure.ts';

const SIZES = [3, 100, 1000, 10_000];
/** Nodes that run at the same time: their batches come interleaved. */
const AT_ONCE = 500;
const BATCHES = 4;

interface Measured {
  readonly openMs: number;
  readonly finishMs: number;
  readonly peakRssMiB: number;
  readonly bundle: Readonly<Record<string, number>>;
}

/** Sealed ledgers of synthetic nodes, each finished by a fresh process: time and peak memory from opening the ledger to the published layout. */
function main(sizes: readonly number[]): void {
  const place = mkdtempSync(join(tmpdir(), 'assay-bench-'));
  try {
    for (const size of sizes) {
      const directory = join(place, String(size));
      child('write', directory, size);
      const ledgerMiB = statSync(join(directory, 'ledger')).size / 1024 / 1024;
      const { openMs, finishMs, peakRssMiB, bundle } = JSON.parse(child('finish', directory, size)) as Measured;
      printFigure(`${size} nodes: ledger`, `${ledgerMiB.toFixed(1)} MiB, opened in ${Math.round(openMs)} ms`);
      printFigure(`${size} nodes: from sealed to published`, `${Math.round(finishMs)} ms`);
      printFigure(`${size} nodes: peak memory of the process`, `${Math.round(peakRssMiB)} MiB`, '<= 256 MiB');
      printFigure(
        `${size} nodes: bundle in KiB`,
        Object.entries(bundle)
          .map(([name, bytes]) => `${name} ${Math.round(bytes / 1024)}`)
          .join(', '),
      );
      rmSync(directory, { recursive: true });
    }
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

function child(role: 'write' | 'finish', directory: string, size: number): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [import.meta.filename, role, directory, String(size)], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return stdout;
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

async function finishLedger(directory: string): Promise<Measured> {
  const out = join(directory, 'out');
  const args = [
    '--state-dir',
    directory,
    '--out',
    out,
    '--recipe',
    'recipes/host/linux.yaml',
    '--token-file',
    'none',
    '--expect',
    'any',
    '--sign',
    'lab',
  ];
  const startedAt = performance.now();
  const { ledger } = await Ledger.open({ directory, newRun: () => runEntry([]), nowMs: systemClock.nowMs });
  const openedAt = performance.now();
  await finishRun(await ledger.openSealed(), readCollectorConfig(args, {}), () => undefined);
  const finishedAt = performance.now();
  await ledger.close();
  const bundle = join(out, 'summary-bundle');
  const files = readdirSync(bundle, { recursive: true, encoding: 'utf8' }).map((path) => [path, statSync(join(bundle, path))] as const);
  return {
    openMs: openedAt - startedAt,
    finishMs: finishedAt - openedAt,
    peakRssMiB: Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? Number.NaN) / 1024,
    bundle: Object.fromEntries(files.filter(([, stats]) => stats.isFile()).map(([path, stats]) => [path, stats.size])),
  };
}

const [role, directory = '', size = ''] = process.argv.slice(2);
if (role === 'write') await writeLedger(directory, Number(size));
else if (role === 'finish') process.stdout.write(JSON.stringify(await finishLedger(directory)));
else main(process.argv.length > 2 ? process.argv.slice(2).map(Number) : SIZES);
