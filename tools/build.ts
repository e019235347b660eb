import { chmodSync, cpSync, existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild';
import { builtinModulesByCall } from './builtin-modules.ts';

const OUT = 'dist';
// Optional parts of the CycloneDX library (XML, schema validation) that Assay never calls.
const UNUSED_OPTIONAL = ['xmlbuilder2', 'libxmljs2', 'ajv-formats-draft2019', 'ajv', 'ajv-formats'];
// Some dependencies are CommonJS and call require() on Node's own modules.
const BANNER =
  "const require = process.getBuiltinModule('node:module').createRequire(import.meta.url); const __dirname = import.meta.dirname;";

/** Options every bundle shares: Node 24, ESM, deterministic bytes. */
export function bundleOptions(): BuildOptions {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  return {
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    minify: true,
    keepNames: true,
    legalComments: 'external',
    metafile: true,
    outExtension: { '.js': '.mjs' },
    define: { ASSAY_VERSION: JSON.stringify(version) },
    banner: { js: BANNER },
    external: UNUSED_OPTIONAL,
    plugins: [builtinModulesByCall],
    logLevel: 'warning',
  };
}

/** Verbs built for themselves: a few large files load faster than the many small ones that all verbs share. */
const OWN_BUNDLES = ['verify'];

/** Leaves a verb out of the CLI's own bundle; the file it becomes lies beside the chunk that names it. */
const ownBundles: Plugin = {
  name: 'own-bundles',
  setup(plugin) {
    plugin.onResolve({ filter: new RegExp(`^\\./(?:${OWN_BUNDLES.join('|')})\\.ts$`) }, ({ path, importer }) =>
      importer.endsWith('cli/command/catalog.ts')
        ? { path: `../cli-${path.slice(2, -3)}/${path.slice(2, -3)}.mjs`, external: true }
        : undefined,
    );
  },
};

/** Writes dist/: one file for the agent, collector and CLI split so that each run loads only what it needs, and the recipes. */
async function buildAll(): Promise<void> {
  rmSync(OUT, { recursive: true, force: true });
  const results = await Promise.all([
    ...OWN_BUNDLES.map((verb) =>
      build({ ...bundleOptions(), entryPoints: { [verb]: `cli/command/${verb}.ts` }, outdir: `${OUT}/cli-${verb}`, splitting: true }),
    ),
    build({ ...bundleOptions(), entryPoints: { agent: 'agent/main.ts' }, outdir: OUT }),
    // In parts, because signing and Kubernetes are large and not every run needs them.
    build({
      ...bundleOptions(),
      entryPoints: { collector: 'collector/main.ts' },
      outdir: OUT,
      splitting: true,
      chunkNames: 'collector-chunk/[name]-[hash]',
    }),
    build({
      ...bundleOptions(),
      entryPoints: { cli: 'cli/main.ts' },
      outdir: OUT,
      splitting: true,
      chunkNames: 'cli-chunk/[name]-[hash]',
      plugins: [builtinModulesByCall, ownBundles],
    }),
  ]);
  chmodSync(`${OUT}/cli.mjs`, 0o755);
  if (existsSync('recipes')) cpSync('recipes', `${OUT}/recipes`, { recursive: true });
  for (const { metafile } of results) printSizes(metafile);
}

function printSizes(metafile: Metafile | undefined): void {
  for (const path of Object.keys(metafile?.outputs ?? {}).filter((name) => name.endsWith('.mjs'))) {
    if (!/-[A-Z0-9]{8}\.mjs$/.test(path)) process.stdout.write(`${path} ${(statSync(path).size / 1024).toFixed(0)} KiB\n`);
  }
}

if (import.meta.main) await buildAll();
