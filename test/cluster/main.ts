import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildDetached, buildHere, RESULT_VARIABLE } from './bed/build.ts';
import { down } from './bed/down.ts';
import { startLightTier, stopLightTier } from './bed/light.ts';
import { place } from './bed/place.ts';
import { report, timed } from './bed/report.ts';
import { up } from './bed/up.ts';

const USAGE = `usage: node test/cluster/main.ts VERB
  build   programs, services and packages that are missing
  up      start the cluster of three nodes and keep it; its kubeconfig is printed
  down    end it
  light   start API server, controllers and kwok on loopback and keep them; light-down ends them
  test    all of it, then the tests; ends with 1 when one fails or is skipped
`;

/** Runs test files with a tier; what is skipped counts as failed: here nothing may be missing. */
async function runTests(files: readonly string[], env: Readonly<Record<string, string>>): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'assay-cluster-'));
  const results = join(folder, 'ctrf.json');
  const vitest = spawn('npx', ['vitest', 'run', '--no-file-parallelism', ...files], {
    stdio: 'inherit',
    env: { ...process.env, ...env, ASSAY_CTRF: results },
  });
  // Ended from outside, the tests end and the bed is still taken down.
  const end = (): void => void vitest.kill('SIGTERM');
  process.once('SIGINT', end).once('SIGTERM', end);
  const exit = await new Promise<number | null>((done) => vitest.once('exit', done));
  process.off('SIGINT', end).off('SIGTERM', end);
  try {
    const { summary } = (JSON.parse(readFileSync(results, 'utf8')) as { results: { summary: Record<string, number> } }).results;
    const missed = (summary['skipped'] ?? 0) + (summary['pending'] ?? 0);
    if (missed > 0) report(`${missed} tests were skipped: the tier does not accept that`);
    return exit === 0 && missed === 0 && (summary['passed'] ?? 0) > 0;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function lightTests(): Promise<boolean> {
  const tier = await timed('light tier', startLightTier);
  try {
    return await runTests(['test/cluster/check', 'test/chart'], { ASSAY_TEST_KUBECONFIG: tier.kubeconfig, ASSAY_REQUIRE_CLUSTER: '1' });
  } finally {
    await tier.stop();
  }
}

async function bedTests(): Promise<boolean> {
  try {
    await timed('up', up);
    return await runTests(['test/cluster/real'], { ASSAY_BED: place.bed });
  } finally {
    await timed('down', down);
  }
}

async function test(): Promise<void> {
  await buildDetached(import.meta.filename);
  const light = await lightTests();
  const bed = await bedTests();
  if (!light || !bed) process.exitCode = 1;
}

const VERBS: Readonly<Record<string, () => Promise<void>>> = {
  build: () => buildDetached(import.meta.filename),
  'build-here': async () => {
    await buildHere(report);
    const result = process.env[RESULT_VARIABLE];
    if (result !== undefined) writeFileSync(result, 'built\n');
  },
  up: async () => {
    const bed = await timed('up', up);
    process.stdout.write(`${JSON.stringify(bed, null, 2)}\n`);
  },
  down: () => timed('down', down),
  light: async () => {
    const { kubeconfig } = await timed('light tier', startLightTier);
    process.stdout.write(`${kubeconfig}\n`);
  },
  'light-down': stopLightTier,
  test,
};
const verb = VERBS[process.argv[2] ?? ''];
if (verb === undefined) {
  process.stderr.write(USAGE);
  process.exitCode = 64;
} else await verb();
