import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadCatalog } from '#core/catalog/load-catalog.ts';
import { canonicalRecipe } from '#core/recipe/canonical-recipe.ts';
import { resolveRecipe } from '#core/recipe/resolve.ts';
import { compareWall, formatSpread, printFigure, runProcess, spread } from './measure.ts';

const ROUNDS = 15;
/** Catalogs to measure: name, directory and goal. The embedded one when no other is at hand. */
const CATALOGS: readonly (readonly [string, string, string?])[] = [
  ['upstream catalog', '../shared/data/aicr-catalog', '< 1000 ms'],
  ['own catalog', 'recipes'],
];

/** Usage: node bench/recipe.ts [CLI]. Resolving and digesting every overlay in one process, and one cold digest beside bare Node. */
export async function benchRecipe(): Promise<void> {
  for (const [name, dir, goal] of CATALOGS.filter(([, path]) => existsSync(path))) await benchCatalog(name, dir, goal);
  await benchColdDigest();
}

async function benchCatalog(name: string, catalogDir: string, goal?: string): Promise<void> {
  const totals: number[] = [];
  let count = 0;
  for (let round = 0; round < 5; round += 1) {
    const startedAt = performance.now();
    const catalog = await loadCatalog({ catalogDir });
    const selectable = [...catalog.overlays.values()].flatMap(({ criteria }) => (criteria === undefined ? [] : [criteria]));
    for (const criteria of selectable) canonicalRecipe(resolveRecipe(catalog, criteria, { version: 'dev' }));
    totals.push(performance.now() - startedAt);
    count = selectable.length;
  }
  printFigure(`${name}: load, resolve and digest ${count}, first time`, `${totals[0]?.toFixed(0)} ms`, goal);
  printFigure(`${name}: the same, five times`, formatSpread(spread(totals)));
}

async function benchColdDigest(): Promise<void> {
  const cli = process.argv[2] ?? (existsSync('dist/cli.mjs') ? 'dist/cli.mjs' : 'cli/main.ts');
  const dir = mkdtempSync(join(tmpdir(), 'assay-bench-'));
  try {
    const catalog = CATALOGS.find(([, path]) => existsSync(path))?.[1] ?? 'recipes';
    const recipe = join(dir, 'recipe.yaml');
    const criteria = ['--service', 'eks', '--accelerator', 'h100', '--intent', 'training', '--os', 'ubuntu'];
    await runProcess(process.execPath, [
      cli,
      'recipe',
      'resolve',
      '--catalog',
      catalog,
      '--catalog-version',
      'dev',
      ...criteria,
      '-o',
      recipe,
    ]);
    const times = await compareWall(
      {
        'node -e 0': [process.execPath, '-e', '0'],
        'recipe digest': [process.execPath, cli, 'recipe', 'digest', '-r', recipe],
        'recipe resolve': [process.execPath, cli, 'recipe', 'resolve', '--catalog', catalog, ...criteria],
      },
      ROUNDS,
    );
    for (const [name, value] of Object.entries(times))
      printFigure(`${name}${name.startsWith('recipe') ? ` (${cli})` : ''}`, formatSpread(value));
    const over = (pick: 'median' | 'min'): string => ((times['recipe digest']?.[pick] ?? 0) - (times['node -e 0']?.[pick] ?? 0)).toFixed(1);
    printFigure(
      `cold digest over bare Node (${cli.endsWith('.mjs') ? 'bundle' : 'source'})`,
      `${over('median')} ms median, ${over('min')} ms best`,
      '<= 60 ms',
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

if (import.meta.main) await benchRecipe();
