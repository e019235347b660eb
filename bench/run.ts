import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compareWall, formatSpread, printFigure, runProcess, spread, type ProcessRun } from './measure.ts';

const ROUNDS = 7;
const STAGES = ['listening', 'node-connected', 'node-finished', 'sealed', 'assembled', 'signed', 'published', 'verified'] as const;

interface RunDocument {
  readonly exit: number;
  readonly timingsMs: Readonly<Record<string, number>>;
}

/** The main job on the built bundle: wall time by stage, memory of both programs, bytes of the bundle, start-up against bare Node. */
export async function benchRun(): Promise<void> {
  const cli = 'dist/cli.mjs';
  if (!existsSync(cli)) throw new Error('dist/cli.mjs is missing: run "npm run build" first');
  const out = mkdtempSync(join(tmpdir(), 'assay-bench-'));
  try {
    const runs: (ProcessRun & { readonly document: RunDocument })[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const run = await runProcess(process.execPath, [cli, 'run', '--lab', '--quiet', '--format', 'json', '--out', out], {
        sampleMemory: true,
      });
      runs.push({ ...run, document: JSON.parse(run.stdout) as RunDocument });
    }
    printFigure('assay run --lab, wall', formatSpread(spread(runs.map(({ wallMs }) => wallMs))));
    for (const stage of STAGES)
      printFigure(`  until ${stage}`, formatSpread(spread(runs.map(({ document }) => document.timingsMs[stage] ?? Number.NaN))));
    const between = (from: string, to: string): string =>
      formatSpread(spread(runs.map(({ document: { timingsMs } }) => (timingsMs[to] ?? Number.NaN) - (timingsMs[from] ?? Number.NaN))));
    printFigure('agent: exec to hello', between('listening', 'node-connected'), '<= 500 ms');
    printFigure('last result to verified bundle', between('node-finished', 'verified'), '<= 1000 ms');
    for (const program of ['agent', 'collector', 'self']) {
      printFigure(
        `peak memory, ${program}`,
        formatSpread(spread(runs.map(({ peakRssMiB }) => peakRssMiB[program] ?? Number.NaN)), 'MiB'),
        program === 'agent' ? '<= 60 MiB' : undefined,
      );
      printFigure(
        `  of it its own (anonymous)`,
        formatSpread(spread(runs.map(({ peakAnonMiB }) => peakAnonMiB[program] ?? Number.NaN)), 'MiB'),
      );
    }
    printFigure('bundle of one node', `${directoryBytes(join(out, 'summary-bundle'))} bytes`);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
  const start = await compareWall(
    { 'node -e 0': [process.execPath, '-e', '0'], 'assay --version': [process.execPath, cli, '--version'] },
    15,
  );
  for (const [name, value] of Object.entries(start)) printFigure(name, formatSpread(value));
  printFigure(
    'assay --version over bare Node',
    `${((start['assay --version']?.median ?? 0) - (start['node -e 0']?.median ?? 0)).toFixed(1)} ms`,
    '<= 60 ms',
  );
}

function directoryBytes(directory: string): number {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => statSync(join(directory, name)));
  return files.filter((file) => file.isFile()).reduce((total, file) => total + file.size, 0);
}

if (import.meta.main) await benchRun();
