import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync, existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { generateProto } from './gen-proto.ts';
import { cliPage } from './gen-cli-page.ts';
import { configPage } from './gen-config-page.ts';
import { chartPage } from './gen-chart-page.ts';
import { checkPage } from './gen-check-page.ts';
import { clusterCheckPage } from './gen-cluster-check-page.ts';
import { errorPage } from './gen-error-page.ts';

/** Generated files: path in the repository and how to make its text. Every one is committed and says so on line 1. */
async function generate(): Promise<ReadonlyMap<string, string>> {
  const scratch = mkdtempSync(join(tmpdir(), 'assay-gen-'));
  try {
    await generateProto(scratch);
    const files = new Map(
      readdirSync(scratch)
        .sort()
        .map((name) => [join('proto/gen', name), readFileSync(join(scratch, name), 'utf8')]),
    );
    files.set('docs/reference/chart.md', chartPage());
    files.set('docs/reference/check.md', checkPage());
    files.set('docs/reference/cluster-check.md', clusterCheckPage());
    files.set('docs/reference/error.md', errorPage());
    files.set('docs/reference/config.md', configPage());
    files.set('docs/reference/cli.md', await cliPage());
    return files;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

const files = await generate();
const stale = [...files].filter(([path, text]) => !existsSync(path) || readFileSync(path, 'utf8') !== text);
if (process.argv.includes('--check')) {
  for (const [path] of stale) process.stderr.write(`${path} is not what its source generates: run "npm run gen" and commit it.\n`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  for (const [path, text] of stale) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    process.stdout.write(`${path}\n`);
  }
}
