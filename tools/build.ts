import { chmodSync, cpSync, existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild';
import { builtinModulesByCall } from './builtin-modules.ts';
import { mergeChunks } from './merge-chunks.ts';

const OUT = 'dist';
// Optional parts of the CycloneDX library (XML, schema validation) that Assay never calls.
const UNUSED_OPTIONAL = ['xmlbuilder2', 'libxmljs2', 'ajv-formats-draft2019', 'ajv', 'ajv-formats'];
// Some dependencies are CommonJS and call require() on Node's own modules. Marked as without effect, so that merging drops what nobody uses.
const BANNER = [
  "const require = /* @__PURE__ */ (() => process.getBuiltinModule('node:module').createRequire(import.meta.url))();",
  'const __dirname = /* @__PURE__ */ (() => import.meta.dirname)();',
].join(' ');

/** Options every bundle shares: Node 24, ESM, deterministic bytes. */
export function bundleOptions(): BuildOptions {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  return {
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // Identifiers stay as they are written: a bug prints a stack that somebody has to read. Short ones that remember their names by a
    // call each would start more slowly than long ones.
    minifyWhitespace: true,
    minifySyntax: true,
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

/** Verbs built for themselves, as few files, because they are started often; with what they load besides nearly every time. */
const OWN_BUNDLES: Readonly<Record<string, readonly string[]>> = {
  verify: ['core/verify/signature/verify-cryptography.ts'],
  recipe: ['cli/command/recipe-digest.ts'],
};

/** Leaves a verb out of the CLI's own bundle; the file it becomes lies beside the chunk that names it. */
const ownBundles: Plugin = {
  name: 'own-bundles',
  setup(plugin) {
    plugin.onResolve({ filter: new RegExp(`^\\./(?:${Object.keys(OWN_BUNDLES).join('|')})\\.ts$`) }, ({ path, importer }) =>
      importer.endsWith('cli/command/catalog.ts')
        ? { path: `../cli-${path.slice(2, -3)}/${path.slice(2, -3)}.mjs`, external: true }
        : undefined,
    );
  },
};

/** Writes a distribution: one file for the agent, collector and CLI split so that each run loads only what it needs, and the recipes. */
export async function buildAll(out: string): Promise<readonly Metafile[]> {
  rmSync(out, { recursive: true, force: true });
  const results = await Promise.all([
    ...Object.entries(OWN_BUNDLES).map(([verb, others]) => buildVerb(out, verb, others)),
    build({ ...bundleOptions(), entryPoints: { agent: 'agent/main.ts' }, outdir: out }),
    // In parts, because signing and Kubernetes are large and not every run needs them.
    build({
      ...bundleOptions(),
      entryPoints: { collector: 'collector/main.ts' },
      outdir: out,
      splitting: true,
      chunkNames: 'collector-chunk/[name]-[hash]',
    }),
    buildCli(out),
  ]);
  chmodSync(`${out}/cli.mjs`, 0o755);
  if (existsSync('recipes')) cpSync('recipes', `${out}/recipes`, { recursive: true });
  return results.flatMap(({ metafile }) => metafile ?? []);
}

/** A verb with files of its own. */
async function buildVerb(out: string, verb: string, others: readonly string[]): Promise<{ readonly metafile?: Metafile }> {
  const entry = `cli/command/${verb}.ts`;
  const { metafile } = await build({ ...splitOptions(), entryPoints: { [verb]: entry }, outdir: `${out}/cli-${verb}` });
  await mergeChunks(metafile.outputs, [{ entry, with: others }], bundleOptions());
  return { metafile };
}

/** The command line itself, and the other verbs in parts that they share. */
async function buildCli(out: string): Promise<{ readonly metafile?: Metafile }> {
  const { metafile } = await build({
    ...splitOptions(),
    entryPoints: { cli: 'cli/main.ts' },
    outdir: out,
    chunkNames: 'cli-chunk/[name]-[hash]',
    plugins: [builtinModulesByCall, ownBundles],
  });
  await mergeChunks(metafile.outputs, [{ entry: 'cli/program.ts' }], bundleOptions());
  return { metafile };
}

function splitOptions(): BuildOptions & { readonly metafile: true } {
  return { ...bundleOptions(), splitting: true, metafile: true };
}

function printSizes(metafile: Metafile): void {
  for (const path of Object.keys(metafile.outputs).filter((name) => name.endsWith('.mjs'))) {
    if (!/-[A-Z0-9]{8}\.mjs$/.test(path)) process.stdout.write(`${path} ${(statSync(path).size / 1024).toFixed(0)} KiB\n`);
  }
}

if (import.meta.main) for (const metafile of await buildAll(OUT)) printSizes(metafile);
