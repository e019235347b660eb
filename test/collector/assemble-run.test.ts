import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assembleBundle } from '#core/assemble/assemble-bundle.ts';
import { sha256 } from '#core/digest/sha256.ts';
import { readRecipeFile } from '#core/catalog/read-recipe.ts';
import { packageVersion } from '#core/version.ts';
import { assembleRun } from '../../collector/assemble-run.ts';
import { readCollectorConfig } from '../../collector/config.ts';
import type { LedgerEntry } from '../../collector/ledger/entry.ts';
import { Ledger } from '../../collector/ledger/ledger.ts';
import { syntheticRecords } from '../fixture/bundle/synthetic-node.ts';
import { codeOf } from '../fixture/uplink/code-of.ts';
import { agentEntry, batchEntry, OPENED_AT_MS, runEntry, testAgent } from '../fixture/uplink/entries.ts';
import { wholeRun } from '../fixture/uplink/whole-run.ts';

const NODES = ['gpu-a', 'gpu-b', 'gpu-c'];
const RECIPE = 'recipes/host/linux.yaml';
const NEEDED = ['--state-dir', 's', '--token-file', 't', '--recipe', RECIPE, '--expect', 'x'];
const DIGEST = `sha256:${'ab'.repeat(32)}`;
const SEAL = {
  kind: 'seal',
  sealedAtMs: OPENED_AT_MS + 9000,
  absences: [{ node: 'gpu-c', reason: 'never-connected', detail: 'gpu-c never came' }],
} as unknown as LedgerEntry;
let place: string;
let ledger: Ledger;

beforeEach(async () => {
  place = mkdtempSync(join(tmpdir(), 'assay-assemble-'));
  ({ ledger } = await Ledger.open({ directory: join(place, 'state'), newRun: () => runEntry(NODES), nowMs: () => OPENED_AT_MS }));
  // The later name first, and batches interleaved: the order of arrival must not show.
  const agents = [1, 0].map((index) => testAgent(NODES[index] ?? '', syntheticRecords(index)));
  for (const [number, agent] of agents.entries()) await ledger.append(agentEntry(agent, { agent: number }));
  for (const span of [
    [1, 20],
    [15, 51],
  ] as const)
    for (const [number, agent] of agents.entries())
      await ledger.append(batchEntry(agent, [span[0], Math.min(span[1], agent.records.length)], number));
  await ledger.append(SEAL);
});
afterEach(async () => {
  await ledger.close();
  rmSync(place, { recursive: true });
});

function contents(directory: string): Record<string, string> {
  const paths = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  return Object.fromEntries(paths.sort().map((path) => [path.slice(directory.length + 1), sha256(readFileSync(path))]));
}

async function assemble(out: string, ...flags: readonly string[]): Promise<any> {
  const { statement } = await assembleRun(await ledger.openSealed(), join(place, out), readCollectorConfig([...NEEDED, ...flags], {}));
  return statement;
}

describe('assembling the ledger of a sealed run', () => {
  it('gives, node by node, the bundle that the whole run in memory gives', async () => {
    const run = await wholeRun(await ledger.openSealed());
    const bundle = assembleBundle({
      run,
      recipe: await readRecipeFile(RECIPE),
      toolVersion: packageVersion(),
      scope: 'cluster',
      redaction: 'minimal',
    });
    const { predicate } = await assemble('out');
    const { materialSlice: _, ...additions } = predicate['x-assay'];
    const { 'statement.intoto.json': _statement, ...written } = contents(join(place, 'out/summary-bundle'));
    const { 'statement.intoto.json': _own, ...expected } = Object.fromEntries(
      [...bundle.files].map(([path, bytes]) => [path, sha256(bytes)]),
    );

    expect(additions).toEqual(bundle.statement.predicate['x-assay']);
    expect(written).toEqual(expected);
  });

  it('gives the same bytes twice, logs included', async () => {
    await assemble('one', '--logs');
    await assemble('two', '--logs');

    expect(contents(join(place, 'two'))).toEqual(contents(join(place, 'one')));
  });

  it('records what the settings ask for, and the material slice of a recipe of the catalog', async () => {
    const { predicateType, predicate } = await assemble(
      'out',
      '--expires-in=90d',
      `--previous=${DIGEST}`,
      `--validator-image=registry.example/v:1@${DIGEST}`,
      '--predicate-type=https://aicr.run/recipe-evidence/v3',
    );

    expect(predicateType).toBe('https://aicr.run/recipe-evidence/v3');
    expect(predicate.validatorImages).toEqual([{ image: 'registry.example/v:1', digest: DIGEST }]);
    expect(predicate['x-assay']).toMatchObject({
      expiresAt: new Date(OPENED_AT_MS + 9000 + 90 * 86_400_000).toISOString().replace('.000Z', 'Z'),
      previousBundle: DIGEST,
      materialSlice: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      coverage: { expected: 3, reported: 2, missing: [{ node: 'node-0003', reason: 'never-connected' }] },
    });
  });

  it('writes logs only when asked, bound by the digest of their manifest', async () => {
    const without = await assemble('out');
    const { predicate } = await assemble('out', '--logs');

    expect(without.predicate['x-assay']).not.toHaveProperty('logs');
    expect(predicate['x-assay'].logs).toBe(
      `sha256:${createHash('sha256')
        .update(readFileSync(join(place, 'out/logs-manifest.json')))
        .digest('hex')}`,
    );
    expect(readdirSync(join(place, 'out')).sort()).toEqual(['logs-bundle', 'logs-manifest.json', 'summary-bundle']);
    expect(readdirSync(join(place, 'out/logs-bundle/phases')).sort()).toEqual(['conformance', 'deployment', 'performance']);
  });

  it('tells in the logs what each node said, by pseudonym and in their order, and who did not come', async () => {
    await assemble('out', '--logs');
    const log = readFileSync(join(place, 'out/logs-bundle/phases/deployment/logs/deployment-check-0.log'), 'utf8');
    const page = readFileSync(join(place, 'out/logs-bundle/phases/deployment/report.md'), 'utf8');

    expect(log.split('\n').filter((line) => line.startsWith('== '))).toEqual(['== node-0001 passed 5 ms', '== node-0002 passed 6 ms']);
    expect(page).toContain('| node-report | node-0003 | failed | never-connected: gpu-c never came |');
  });

  it('removes logs that a killed collector left unfinished', async () => {
    mkdirSync(join(place, 'out/.logs-abc/phases'), { recursive: true });
    writeFileSync(join(place, 'out/.logs-abc/phases/x'), 'half');

    await assemble('out');

    expect(readdirSync(join(place, 'out'))).toEqual(['summary-bundle']);
  });

  it('leaves no bundle when the recipe cannot be read', async () => {
    await expect(
      assembleRun(await ledger.openSealed(), join(place, 'out'), { ...readCollectorConfig(NEEDED, {}), recipe: 'none.yaml' }),
    ).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });

    expect(readdirSync(place)).toEqual(['state']);
  });
});

describe('settings of the bundle refuse', () => {
  it.each([
    ['predicate type v2, which needs a profile', '--predicate-type=https://aicr.run/recipe-evidence/v2'],
    ['an unknown predicate type', '--predicate-type=x'],
    ['an age without unit', '--expires-in=90'],
    ['a digest without prefix', `--previous=${'ab'.repeat(32)}`],
    ['an image without digest', '--validator-image=registry.example/v:1'],
  ])('%s', (_, flag) => {
    expect(codeOf(() => readCollectorConfig([...NEEDED, flag], {}))).toBe('CONFIG_INVALID');
  });
});
