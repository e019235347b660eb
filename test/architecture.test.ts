import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

/** Files that end up in the bundle of an entry, type-only imports excluded: what the entry really reaches. */
async function reachedBy(...entryPoints: readonly string[]): Promise<ReadonlySet<string>> {
  const { metafile } = await build({
    entryPoints: [...entryPoints],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    outdir: 'none',
    logLevel: 'silent',
  });
  return new Set(Object.keys(metafile.inputs));
}

function sourceFiles(...folders: readonly string[]): readonly string[] {
  return folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .map((name) => `${folder}/${name}`)
        .filter((name) => name.endsWith('.ts')),
    );
}

describe('architecture', () => {
  it('keeps the verifier from reaching signing, cluster and process code', async () => {
    const reached = await reachedBy('core/verify/verify-evidence.ts');

    expect(reached.size).toBeGreaterThan(5);
    expect([...reached].filter((file) => /^core\/(sign|cluster|process)\//.test(file))).toEqual([]);
  });

  it('keeps agent, collector and CLI apart', async () => {
    const [agent, collector, cli] = await Promise.all([
      reachedBy('agent/main.ts'),
      reachedBy('collector/main.ts'),
      reachedBy('cli/main.ts'),
    ]);

    expect([...agent].filter((file) => /^(collector|cli)\/|^core\/(sign|oci|publish|cluster)\//.test(file))).toEqual([]);
    expect([...collector].filter((file) => /^(agent|cli)\//.test(file))).toEqual([]);
    expect([...cli].filter((file) => /^(agent|collector)\//.test(file))).toEqual([]);
  });

  it('names no file after a grab bag', () => {
    const forbidden = /(^|[-/])(utils?|(?<!credential-)helpers?|common|misc|(?<!fabric-)manager)(\.ts|[-/])/;

    expect(sourceFiles('agent', 'collector', 'core', 'cli', 'supply', 'review').filter((file) => forbidden.test(file))).toEqual([]);
  });

  it('marks every generated file on its first line', () => {
    const generated = readdirSync('proto/gen').map((name) => `proto/gen/${name}`);

    expect(generated.length).toBeGreaterThan(0);
    for (const file of [...generated, 'docs/reference/error.md']) expect(readFileSync(file, 'utf8').split('\n')[0]).toMatch(/generated/i);
  });
});
