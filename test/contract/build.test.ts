import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildAll, bundleOptions } from '../../tools/build.ts';
import { mergeChunks } from '../../tools/merge-chunks.ts';

const BUILD_MS = 240_000;

let place: string;
beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'assay-build-'));
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

function digests(directory: string): Readonly<Record<string, string>> {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((path) => statSync(join(directory, path)).isFile());
  return Object.fromEntries(
    files.sort().map((path) => [
      path,
      createHash('sha256')
        .update(readFileSync(join(directory, path)))
        .digest('hex'),
    ]),
  );
}

describe('the build', () => {
  it(
    'gives the same bytes twice',
    async () => {
      for (const name of ['first', 'second']) await buildAll(join(place, name));
      const first = digests(join(place, 'first'));

      expect(Object.keys(first).filter((path) => !path.includes('/'))).toEqual(
        expect.arrayContaining(['agent.mjs', 'cli.mjs', 'collector.mjs']),
      );
      expect(digests(join(place, 'second'))).toEqual(first);
    },
    BUILD_MS,
  );

  it('of the agent is plain ASCII: one other character would double what its source takes in memory', async () => {
    const { outputFiles } = await build({ ...bundleOptions(), entryPoints: { agent: 'agent/main.ts' }, outdir: 'dist', write: false });
    const bundle = outputFiles.find(({ path }) => path.endsWith('agent.mjs'))?.contents;

    expect(bundle?.findIndex((byte) => byte > 0x7f)).toBe(-1);
  });

  it('of the agent holds no package that its work does not need', async () => {
    const { metafile } = await build({ ...bundleOptions(), entryPoints: ['agent/main.ts'], outdir: 'dist', write: false, metafile: true });
    const packages = Object.keys(metafile.inputs).map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]);

    expect(packages).toEqual(expect.arrayContaining(['ws', 'pino', 'protobufjs', 'execa']));
    expect(packages.filter((name) => /^(?:yaml|commander|pkijs|asn1js|@sigstore|@kubernetes|tar-stream)/.test(name ?? ''))).toEqual([]);
  });
});

describe('merged chunks', () => {
  const SOURCES: Readonly<Record<string, string>> = {
    'shared.ts': 'let loads = 0; export class Shared { readonly number = (loads += 1); } export const count = (): number => loads;',
    'near.ts': "import { Shared } from './shared.ts'; export const near = new Shared();",
    'rare.ts':
      "import { Shared, count } from './shared.ts'; import { near } from './near.ts'; export const rare = (): readonly unknown[] => [near instanceof Shared, count()];",
    'often.ts': "import { near } from './near.ts'; export const often = near.number;",
    'main.ts':
      "import { count } from './shared.ts';\nexport async function main(): Promise<unknown> { const { often } = await import('./often.ts'); const { rare } = await import('./rare.ts'); return [often, count(), rare()]; }",
  };

  async function merged(): Promise<string> {
    const source = mkdtempSync(join(place, 'source-'));
    for (const [name, text] of Object.entries(SOURCES)) writeFileSync(join(source, name), text);
    const out = join(source, 'out');
    mkdirSync(out);
    const { metafile } = await build({
      ...bundleOptions(),
      absWorkingDir: source,
      entryPoints: ['main.ts'],
      outdir: out,
      splitting: true,
      metafile: true,
    });
    const outputs = Object.fromEntries(
      Object.entries(metafile.outputs).map(([path, output]) => [
        join(source, path),
        { ...output, imports: output.imports.map((each) => ({ ...each, path: join(source, each.path) })) },
      ]),
    );
    await mergeChunks(outputs, [{ entry: 'main.ts', with: ['often.ts'] }], bundleOptions());
    return out;
  }

  it('work as before, each module once', async () => {
    const { main } = (await import(join(await merged(), 'main.mjs'))) as { readonly main: () => Promise<unknown> };

    expect(await main()).toEqual([1, 1, [true, 1]]);
  });

  it('are fewer files, and what others import is handed on', async () => {
    const out = await merged();
    const files = readdirSync(out).filter((name) => name.endsWith('.mjs'));
    const handing = files.filter((name) => /^export \{ .* \} from '\.\/main\.mjs';\n$/.test(readFileSync(join(out, name), 'utf8')));

    expect(files.filter((name) => !handing.includes(name)).map((name) => name.replace(/-\w{8}/, ''))).toEqual(['main.mjs', 'rare.mjs']);
  });
});
