import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

describe('uplink', () => {
  it('loads nothing heavier than a websocket, the messages and the log', async () => {
    const { metafile } = await build({
      entryPoints: ['agent/uplink/open-uplink.ts', 'core/log.ts'],
      bundle: true,
      write: false,
      metafile: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      outdir: 'none',
    });
    const imports = Object.values(metafile.outputs).flatMap((output) => output.imports.map(({ path }) => path));

    expect([...new Set(imports.filter((path) => !path.startsWith('node:')))].sort()).toEqual(['pino', 'protobufjs/minimal.js', 'ws']);
  });
});
