import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild';

/** Chunks that are loaded together anyway and become one file. */
export interface ChunkGroup {
  /** Source file whose chunk takes the others in. */
  readonly entry: string;
  /** Source files that it loads when they are needed, which is nearly always: they become part of it. */
  readonly with?: readonly string[];
}

type Outputs = Metafile['outputs'];

/**
 * Merges chunks of a split build. Every file costs Node about half a millisecond to find, read and link, and a command that starts
 * from thirty pieces spends a tenth of its time on that. A chunk that other files need too stays as a file that hands on what is
 * now in the merged one, so every module still exists once.
 * @param outputs of the build's metafile; the files are on disk
 * @param options how the merged files are written; without plugins and entry points
 */
export async function mergeChunks(outputs: Outputs, groups: readonly ChunkGroup[], options: BuildOptions): Promise<void> {
  const claimed = new Map<string, string>();
  for (const group of groups) {
    const target = outputOf(outputs, group.entry);
    for (const path of [group.entry, ...(group.with ?? [])].flatMap((entry) => closure(outputs, outputOf(outputs, entry))))
      if (!claimed.has(path)) claimed.set(path, target);
  }
  const members = Map.groupBy(claimed.keys(), (path) => claimed.get(path) ?? '');
  const merged = await Promise.all(
    [...members].map(async ([target, paths]) => ({ target, paths, text: await mergedText(outputs, { target, paths }, options) })),
  );
  for (const { target, paths, text } of merged) {
    writeFileSync(target, text);
    joinNotices(target, paths);
  }
  for (const [path, target] of claimed) if (path !== target) replace(outputs, { path, target, claimed });
}

function outputOf(outputs: Outputs, entry: string): string {
  const found = Object.keys(outputs).find((path) => outputs[path]?.entryPoint === entry);
  if (found === undefined) throw new Error(`${entry} has no file of its own in this build`);
  return found;
}

/** A chunk and all that it imports statically. */
function closure(outputs: Outputs, start: string): readonly string[] {
  const found = new Set<string>();
  const visit = (path: string): void => {
    if (found.has(path)) return;
    found.add(path);
    for (const { path: other, kind } of outputs[path]?.imports ?? []) if (kind === 'import-statement' && other in outputs) visit(other);
  };
  visit(start);
  return [...found];
}

interface Merge {
  readonly target: string;
  readonly paths: readonly string[];
}

async function mergedText(outputs: Outputs, { target, paths }: Merge, options: BuildOptions): Promise<Uint8Array> {
  const handedOn = paths.filter((path) => path !== target);
  const lines = handedOn.map(
    (path) =>
      `export { ${exportsOf(outputs, path)
        .map((name) => `${name} as ${innerName(path, name)}`)
        .join(', ')} } from './${basename(path)}';`,
  );
  const result = await build({
    ...options,
    // Paths stand in the output: they must not tell where it was built.
    absWorkingDir: resolve(dirname(target)),
    stdin: {
      contents: [`export * from './${basename(target)}';`, ...lines].join('\n'),
      resolveDir: resolve(dirname(target)),
      loader: 'js',
    },
    plugins: [keepOutside(new Set(paths.map((path) => resolve(path))), resolve(dirname(target)))],
    outfile: resolve(target),
    metafile: false,
    legalComments: 'none',
    write: false,
  });
  return result.outputFiles?.[0]?.contents ?? new Uint8Array();
}

/** Files that are not merged are imported as they were. */
function keepOutside(inside: ReadonlySet<string>, directory: string): Plugin {
  return {
    name: 'keep-outside',
    setup(plugin) {
      plugin.onResolve({ filter: /^\.{1,2}\// }, ({ path }) => (inside.has(join(directory, path)) ? undefined : { path, external: true }));
    },
  };
}

function exportsOf(outputs: Outputs, path: string): readonly string[] {
  return outputs[path]?.exports ?? [];
}

/** Name of a chunk's export inside the merged file. */
function innerName(path: string, name: string): string {
  return `${basename(path, '.mjs').replaceAll(/\W/g, '_')}_${name}`;
}

/** Removes a merged chunk, or where others import it leaves a file that hands on. */
function replace(
  outputs: Outputs,
  { path, target, claimed }: { readonly path: string; readonly target: string; readonly claimed: ReadonlyMap<string, string> },
): void {
  rmSync(`${path}.LEGAL.txt`, { force: true });
  const isNeeded = Object.entries(outputs).some(
    ([other, { imports }]) => claimed.get(other) !== target && imports.some((each) => each.path === path),
  );
  if (!isNeeded) return rmSync(path);
  const names = exportsOf(outputs, path).map((name) => `${innerName(path, name)} as ${name}`);
  writeFileSync(path, `export { ${names.join(', ')} } from './${basename(target)}';\n`);
}

/** Licence notices of what is merged stand beside the merged file. */
function joinNotices(target: string, paths: readonly string[]): void {
  const texts = paths
    .map((path) => `${path}.LEGAL.txt`)
    .filter((path) => existsSync(path))
    .map((path) => readFileSync(path, 'utf8'));
  if (texts.length > 0) writeFileSync(`${target}.LEGAL.txt`, [...new Set(texts)].join('\n'));
}
