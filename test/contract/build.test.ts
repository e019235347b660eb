import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { bundleOptions } from '../../tools/build.ts';

async function digests(entryPoint: string): Promise<Readonly<Record<string, string>>> {
  const { outputFiles } = await build({ ...bundleOptions(), entryPoints: [entryPoint], outdir: 'dist', write: false });
  return Object.fromEntries(outputFiles.map(({ path, contents }) => [path, createHash('sha256').update(contents).digest('hex')]));
}

describe('the build', () => {
  it('of the agent is plain ASCII: one other character would double what its source takes in memory', async () => {
    const { outputFiles } = await build({ ...bundleOptions(), entryPoints: { agent: 'agent/main.ts' }, outdir: 'dist', write: false });
    const bundle = outputFiles.find(({ path }) => path.endsWith('agent.mjs'))?.contents;

    expect(bundle?.findIndex((byte) => byte > 0x7f)).toBe(-1);
  });

  it.each(['agent/main.ts', 'collector/main.ts', 'cli/main.ts'])('of %s gives the same bytes twice', async (entryPoint) => {
    const first = await digests(entryPoint);

    expect(Object.keys(first).length).toBeGreaterThan(0);
    expect(await digests(entryPoint)).toEqual(first);
  });
});
