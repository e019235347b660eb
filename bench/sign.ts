import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { assembleBundle } from '#core/assemble/assemble-bundle.ts';
import { artifactStatement, statementBytes } from '#core/attestation/build-statement.ts';
import { openStore } from '#core/oci/open-store.ts';
import { parseReference } from '#core/oci/reference.ts';
import { loadDirectory } from '#core/publish/loaded-bundle.ts';
import { publishBundle } from '#core/publish/publish-bundle.ts';
import { signDirectory } from '#core/sign/sign-input.ts';
import type { NodeName } from '#core/wire/run.ts';
import { syntheticRecords } from '../test/fixture/bundle/synthetic-node.ts';
import { routeTo } from '../test/fixture/services.ts';
import { RECIPE, sealedRun, TOOL_VERSION } from '../test/fixture/verify/evidence.ts';
import { hasPrograms, serviceProgram } from '../tools/services/cache.ts';
import { startStack, type Stack } from '../tools/services/stack.ts';
import { formatSpread, printFigure, runProcess, spread } from './measure.ts';

const SIZES = [
  { nodes: 3, goal: '<= 3 s' },
  { nodes: 1000, goal: '<= 4 s' },
];
const ROUNDS = 5;
const LARGE = 10_000;
/** The command line to measure: the source tree, or a built bundle. */
const PROGRAM = process.env['ASSAY_BENCH_PROGRAM'] ?? 'cli/main.ts';

/** Signing and pushing with local services, and the same bytes by cosign and crane, alternately in one run. */
async function main(): Promise<void> {
  if (!hasPrograms()) return void process.stdout.write('skipped: the services cache is empty, run "npm run test:services" once\n');
  const place = mkdtempSync(join(tmpdir(), 'assay-bench-'));
  const stack = await startStack();
  try {
    for (const { nodes, goal } of SIZES) await measureSize({ stack, place }, nodes, goal);
    await measureMemory(stack, place);
  } finally {
    await stack.stop();
    rmSync(place, { recursive: true, force: true });
  }
}

interface Ground {
  readonly stack: Stack;
  readonly place: string;
}

async function measureSize({ stack, place }: Ground, nodes: number, goal: string): Promise<void> {
  const bundle = writeBundle(join(place, String(nodes)), nodes);
  const peer = await preparePeer(stack, bundle, join(place, `peer-${nodes}`));
  const [ours, theirs, commands]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < ROUNDS; round++) {
    const startedAt = performance.now();
    await signDirectory(bundle, { route: () => Promise.resolve(routeTo(stack)), replace: true });
    const reference = parseReference(`${stack.plainRegistry}/bench/ours-${nodes}-${round}:v1`);
    await publishBundle(await loadDirectory(bundle), { reference, store: await openStore(reference, {}) });
    ours.push(performance.now() - startedAt);
    theirs.push(await peer(round));
    commands.push(await byCommand(stack, bundle, `${nodes}-${round}`));
  }
  printFigure(`${nodes} nodes: from sealed to signed and pushed`, formatSpread(spread(ours)), goal);
  printFigure(`${nodes} nodes: the same by two assay commands`, formatSpread(spread(commands)));
  printFigure(`${nodes} nodes: cosign attest-blob + crane push`, formatSpread(spread(theirs)));
  printFigure(`${nodes} nodes: commands to commands, ratio`, (spread(commands).median / spread(theirs).median).toFixed(2));
}

function writeBundle(root: string, nodes: number): string {
  const names = Array.from({ length: nodes }, (_, index) => `gpu-node-${String(index).padStart(5, '0')}` as NodeName);
  const reports = names.map((node, index) => ({ node, agentVersion: TOOL_VERSION, records: syntheticRecords(index), complete: true }));
  const { files } = assembleBundle({
    run: sealedRun({ expected: names, reports }),
    recipe: RECIPE,
    toolVersion: TOOL_VERSION,
    scope: 'cluster',
    redaction: 'minimal',
  });
  const bundle = join(root, 'summary-bundle');
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(bundle, path)), { recursive: true });
    writeFileSync(join(bundle, path), bytes);
  }
  const total = [...files.values()].reduce((sum, { length }) => sum + length, 0);
  printFigure(`${nodes} nodes: bundle`, `${Math.round(total / 1024)} KiB in ${files.size} files`);
  return bundle;
}

/** cosign signs a statement about a tar of the bundle, crane pushes that tar. @returns the work of one round, in ms */
async function preparePeer(stack: Stack, bundle: string, place: string): Promise<(round: number) => Promise<number>> {
  mkdirSync(place);
  const tar = join(place, 'bundle.tar');
  await runProcess('tar', ['-cf', tar, '-C', dirname(bundle), 'summary-bundle']);
  const { artifact, statement } = await loadDirectory(bundle);
  const [statementFile, config, root, token] = ['statement.json', 'signing.json', 'root.json', 'token'].map((name) =>
    join(place, name),
  ) as [string, string, string, string];
  writeFileSync(statementFile, statementBytes(artifactStatement({ name: 'bench', digest: artifact.descriptor.digest }, statement)));
  writeFileSync(config, stack.signingConfig);
  writeFileSync(root, stack.trustedRoot);
  return async (round) => {
    writeFileSync(token, stack.oidc.mint('/k8s'));
    const startedAt = performance.now();
    const sign = [
      'attest-blob',
      '--yes',
      '--statement',
      statementFile,
      '--signing-config',
      config,
      '--trusted-root',
      root,
      '--identity-token',
      token,
      '--bundle',
      join(place, 'out.json'),
    ];
    const signed = await runProcess(serviceProgram('cosign'), sign);
    const pushed = await runProcess(serviceProgram('crane'), [
      'append',
      '--insecure',
      '-f',
      tar,
      '-t',
      `${stack.plainRegistry}/bench/theirs:${round}`,
    ]);
    if (signed.exit !== 0 || pushed.exit !== 0) throw new Error(`the peer failed: ${signed.exit}, ${pushed.exit}`);
    return performance.now() - startedAt;
  };
}

async function byCommand(stack: Stack, bundle: string, name: string): Promise<number> {
  const place = dirname(bundle);
  const [config, root, token] = ['signing.json', 'root.json', 'token'].map((file) => join(place, file)) as [string, string, string];
  writeFileSync(config, stack.signingConfig);
  writeFileSync(root, stack.trustedRoot);
  writeFileSync(token, stack.oidc.mint('/k8s'));
  const startedAt = performance.now();
  const signed = await runProcess(process.execPath, [
    PROGRAM,
    'sign',
    bundle,
    '--replace',
    '--signing-config',
    config,
    '--trusted-root',
    root,
    '--identity-token-file',
    token,
  ]);
  const pushed = await runProcess(process.execPath, [
    PROGRAM,
    'publish',
    bundle,
    '--push',
    `${stack.plainRegistry}/bench/command-${name}:v1`,
  ]);
  if (signed.exit !== 0 || pushed.exit !== 0) throw new Error(`assay failed: ${signed.exit}, ${pushed.exit}`);
  return performance.now() - startedAt;
}

/** Publishing streams files from disk to the registry. */
async function measureMemory(stack: Stack, place: string): Promise<void> {
  const bundle = writeBundle(join(place, 'large'), LARGE);
  const run = await runProcess(process.execPath, [PROGRAM, 'publish', bundle, '--push', `${stack.plainRegistry}/bench/large:v1`], {
    sampleMemory: true,
  });
  // Exit 1: the bundle is pushed unsigned.
  printFigure(`${LARGE} nodes: publishing`, `exit ${run.exit}, ${Math.round(run.wallMs)} ms`);
  printFigure(
    `${LARGE} nodes: peak memory of the process`,
    `${Math.round(run.peakRssMiB['self'] ?? 0)} MiB, own ${Math.round(run.peakAnonMiB['self'] ?? 0)} MiB`,
    '<= 256 MiB',
  );
}

await main();
