import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packBundle } from '#core/publish/pack.ts';
import { verifyEvidence } from '#core/verify/verify-evidence.ts';
import { hasPrograms, serviceProgram } from '../tools/services/cache.ts';
import { NOW_MS, signEvidence, TOOL_VERSION, writeFiles, type SignedFixture } from '../test/fixture/verify/evidence.ts';
import { syntheticEvidence } from '../test/fixture/verify/synthetic-evidence.ts';
import { compareWall, formatSpread, printFigure, runProcess, spread, type Spread } from './measure.ts';

const CLI = 'dist/cli.mjs';
const ROUNDS = 21;
const WARM_ROUNDS = 50;
const MANY = 100;
const LARGE: readonly (readonly [nodes: number, goalMs: number])[] = [
  [1000, 900],
  [10_000, 5000],
];
const LAB = { issuer: 'https://lab.assay.invalid', identity: 'https://lab.assay.invalid/local/tester@bench-1' };
const TYPE = 'https://aicr.run/recipe-evidence/v1';

/** A signed bundle on disk, and what cosign needs to check its signature. */
interface Place {
  readonly bundle: string;
  readonly root: string;
  readonly artifact: string;
  readonly signed: SignedFixture;
}

/** Verification of signed bundles: cold beside cosign and bare Node, warm in one process, and of large runs with their memory. */
async function benchVerify(): Promise<void> {
  if (!existsSync(CLI)) throw new Error(`${CLI} is missing: run "npm run build" first`);
  const place = mkdtempSync(join(tmpdir(), 'assay-bench-'));
  try {
    const small = await write(place, 3);
    const cosign = await benchCold(small);
    await benchWarm(small, cosign);
    for (const [nodes, goalMs] of LARGE) await benchLarge(await write(place, nodes), nodes, goalMs);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

async function write(place: string, nodes: number): Promise<Place> {
  const signed = await signEvidence(syntheticEvidence(nodes));
  const at = (name: string): string => join(place, `${nodes}-${name}`);
  writeFiles(at('bundle'), signed.files);
  writeFileSync(at('root.json'), JSON.stringify(signed.trustedRoot));
  writeFileSync(at('artifact'), packBundle(signed.files, { version: TOOL_VERSION }).manifest);
  return { bundle: at('bundle'), root: at('root.json'), artifact: at('artifact'), signed };
}

async function benchCold({ bundle, root, artifact }: Place): Promise<Spread | undefined> {
  const cosignArgs = [
    'verify-blob-attestation',
    '--bundle',
    join(bundle, 'attestation.intoto.jsonl'),
    '--trusted-root',
    root,
    '--type',
    TYPE,
    '--certificate-identity',
    LAB.identity,
    '--certificate-oidc-issuer',
    LAB.issuer,
    artifact,
  ];
  const commands: Record<string, readonly [string, ...string[]]> = {
    'node -e 0': [process.execPath, '-e', '0'],
    'assay verify, 3 nodes, cold': [
      process.execPath,
      CLI,
      'verify',
      bundle,
      '--trusted-root',
      root,
      '--require-signature',
      '--max-age',
      '99y',
    ],
    ...(hasPrograms('cosign') ? { 'cosign verify-blob-attestation': [serviceProgram('cosign'), ...cosignArgs] as const } : {}),
  };
  const times = await compareWall(commands, ROUNDS);
  for (const [name, value] of Object.entries(times)) printFigure(name, formatSpread(value));
  const [bare, cold] = [times['node -e 0'], times['assay verify, 3 nodes, cold']];
  if (bare !== undefined && cold !== undefined)
    printFigure(
      'assay verify over bare Node, medians (minima)',
      `${(cold.median - bare.median).toFixed(1)} ms (${(cold.min - bare.min).toFixed(1)}), ${(cold.min / bare.min).toFixed(1)} times`,
      '<= 60 ms',
    );
  if (!hasPrograms('cosign')) printFigure('cosign', 'not in the services cache: npm run test:services');
  return times['cosign verify-blob-attestation'];
}

async function benchWarm({ bundle, signed }: Place, cosign: Spread | undefined): Promise<void> {
  const options = { trustedRoot: signed.trustedRoot, requireSignature: true, nowMs: NOW_MS };
  const warm: number[] = [];
  for (let round = 0; round < WARM_ROUNDS; round += 1) warm.push(await timed(() => verifyEvidence(bundle, options)));
  printFigure('library, 3 nodes, warm', formatSpread(spread(warm.slice(WARM_ROUNDS / 2))), '<= 15 ms');
  const allMs = await timed(async () => {
    for (let round = 0; round < MANY; round += 1) await verifyEvidence(bundle, options);
  });
  const perBundle = allMs / MANY;
  const ratio = cosign === undefined ? '' : `, ${(cosign.median / perBundle).toFixed(1)} times as fast as one cosign each`;
  printFigure(`${MANY} bundles in one process, each`, `${perBundle.toFixed(1)} ms${ratio}`, '>= 2 times');
}

async function benchLarge({ bundle, root }: Place, nodes: number, goalMs: number): Promise<void> {
  const args = [CLI, 'verify', bundle, '--trusted-root', root, '--max-age', '99y', '--format', 'json'];
  const runs = [];
  for (let round = 0; round < 5; round += 1) runs.push(await runProcess(process.execPath, args, { sampleMemory: true }));
  const exits = new Set(runs.map(({ exit }) => exit));
  printFigure(
    `${nodes} nodes, cold (exit ${[...exits].join(', ')})`,
    formatSpread(spread(runs.map(({ wallMs }) => wallMs))),
    `<= ${goalMs} ms`,
  );
  printFigure(
    `${nodes} nodes, peak memory`,
    formatSpread(spread(runs.map(({ peakRssMiB }) => peakRssMiB['self'] ?? Number.NaN)), 'MiB'),
    '<= 200 MiB',
  );
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await run();
  return performance.now() - startedAt;
}

await benchVerify();
