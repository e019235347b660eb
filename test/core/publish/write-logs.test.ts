import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytesSource, type BlobSource } from '#core/oci/blob-source.ts';
import { writeLogs } from '#core/publish/write-logs.ts';

let place: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'assay-logs-'));
});
afterEach(() => rm(place, { recursive: true }));

const FILES = new Map<string, BlobSource>([
  ['phases/deployment/report.md', bytesSource(Buffer.from('# x\n'))],
  ['phases/deployment/logs/a.log', bytesSource(Buffer.from('a\n'))],
]);
const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

describe('raw logs', () => {
  it('can be checked with SHA-256 alone: digest, manifest, files', async () => {
    const digest = await writeLogs(place, FILES, { version: '0.1.0' });
    const manifest = await readFile(join(place, 'logs-manifest.json'));
    const { artifactType, layers, subject } = JSON.parse(manifest.toString()) as {
      artifactType: string;
      subject?: unknown;
      layers: { digest: string; mediaType: string; annotations: Record<string, string> }[];
    };

    expect(sha256(manifest)).toBe(digest);
    expect([artifactType, subject]).toEqual(['application/vnd.assay.evidence-logs.v1', undefined]);
    expect(layers.map(({ mediaType, annotations }) => [annotations['org.opencontainers.image.title'], mediaType])).toEqual([
      ['phases/deployment/logs/a.log', 'text/plain'],
      ['phases/deployment/report.md', 'text/markdown'],
    ]);
    for (const { digest: layer, annotations } of layers)
      expect(sha256(await readFile(join(place, 'logs-bundle', annotations['org.opencontainers.image.title'] ?? '')))).toBe(layer);
  });

  it('have the same digest whatever order the files came in, and another for another byte', async () => {
    const digest = await writeLogs(place, FILES, { version: '0.1.0' });

    expect(await writeLogs(place, new Map([...FILES].reverse()), { version: '0.1.0' })).toBe(digest);
    expect(
      await writeLogs(place, new Map([...FILES, ['phases/deployment/logs/a.log', bytesSource(Buffer.from('b\n'))]]), { version: '0.1.0' }),
    ).not.toBe(digest);
  });

  it('replace earlier ones whole', async () => {
    await writeLogs(place, new Map([...FILES, ['phases/performance/report.md', bytesSource(Buffer.from('old'))]]), { version: '0.1.0' });
    await writeLogs(place, FILES, { version: '0.1.0' });

    expect((await readdir(join(place, 'logs-bundle'), { recursive: true })).sort()).toEqual([
      'phases',
      'phases/deployment',
      'phases/deployment/logs',
      'phases/deployment/logs/a.log',
      'phases/deployment/report.md',
    ]);
    expect((await readdir(place)).sort()).toEqual(['logs-bundle', 'logs-manifest.json']);
  });

  it.each(['../x', '/x', 'phases/.hidden', ''])('refuse the path %j and leave nothing behind', async (path) => {
    await expect(writeLogs(place, new Map([[path, bytesSource(Buffer.from('x'))]]), { version: '0.1.0' })).rejects.toMatchObject({
      code: 'ARTIFACT_INVALID',
    });

    expect(await readdir(place)).toEqual([]);
  });
});
