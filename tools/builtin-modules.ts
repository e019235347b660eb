import { builtinModules } from 'node:module';
import type { Loader, Plugin } from 'esbuild';

const NAMES: ReadonlySet<string> = new Set(builtinModules);
const [BY_NAME, WHOLE] = ['builtin-by-name', 'builtin-whole'];

/**
 * Takes Node's own modules by call instead of by `import`. An import statement makes Node fill in every export of the module, and
 * with it load what hides behind lazy ones: WebCrypto behind `node:crypto`, argument parsing behind `node:util`, the whole of
 * `fetch` and HTTP/2 behind `node:http`. A call touches what is used.
 */
export const builtinModulesByCall: Plugin = {
  name: 'builtin-modules-by-call',
  setup(plugin) {
    plugin.onResolve({ filter: /^(?:node:)?[a-z_0-9]+(?:\/[a-z_0-9]+)*$/ }, ({ path, kind }) => {
      const name = path.replace(/^node:/, '');
      if (!NAMES.has(name)) return undefined;
      return { path: `node:${name}`, namespace: kind === 'import-statement' ? BY_NAME : WHOLE, sideEffects: false };
    });
    plugin.onLoad({ filter: /^/, namespace: BY_NAME }, ({ path }) => script(exportsOf(path)));
    plugin.onLoad({ filter: /^/, namespace: WHOLE }, ({ path }) => script(`module.exports = ${callOf(path)};`));
  },
};

function callOf(path: string): string {
  return `process.getBuiltinModule(${JSON.stringify(path)})`;
}

/** One export per name; those that nobody uses are left out of the bundle, because reading one is marked as without effect. */
function exportsOf(path: string): string {
  const names = Object.keys(process.getBuiltinModule(path) ?? {}).filter((name) => /^[A-Za-z_]\w*$/.test(name) && name !== 'default');
  const lines = names.map((name) => `const of_${name} = /* @__PURE__ */ (() => whole.${name})();\nexport { of_${name} as ${name} };`);
  return [`const whole = ${callOf(path)};`, 'export default whole;', ...lines].join('\n');
}

function script(contents: string): { readonly contents: string; readonly loader: Loader } {
  return { contents, loader: 'js' };
}
