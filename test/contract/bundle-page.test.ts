// What docs/reference/bundle.md says is run and compared: its commands with real tools, its tables with the code.
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as mediaType from '#core/attestation/media-type.ts';
import { mediaTypeOf } from '#core/attestation/build-manifest.ts';
import { hasPrograms, serviceProgram } from '../../tools/services/cache.ts';
import { VECTOR } from '../fixture/bundle/vector.ts';

const page = readFileSync('docs/reference/bundle.md', 'utf8');
const blocks = [...page.matchAll(/\*\*([^*]+)\*\*[^\n]*\n\n```sh\n([\s\S]*?)```/g)].map(([, name = '', script = '']) => ({
  name: name.replace(/[.,]$/, ''),
  script,
}));
const plain = blocks.filter(({ script }) => !script.includes('cosign'));
const { signer } = JSON.parse(readFileSync(join(VECTOR, 'digests.json'), 'utf8')) as { signer: { identity: string; issuer: string } };

let copy: string;
beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), 'assay-page-'));
  cpSync(VECTOR, copy, { recursive: true });
});
afterEach(() => rmSync(copy, { recursive: true }));

/** Runs one block of the page in the copy of the vector. @returns its status and what it printed */
function runBlock(
  name: string,
  trusted: { readonly identity: string; readonly issuer: string } = signer,
): Promise<{ readonly status: number; readonly output: string }> {
  const { script = 'false' } = blocks.find((block) => block.name === name) ?? {};
  const env = {
    PATH: `${dirname(serviceProgram('cosign'))}:/usr/local/bin:/usr/bin:/bin`,
    HOME: copy,
    IDENTITY: trusted.identity,
    ISSUER: trusted.issuer,
  };
  return new Promise((done) => {
    execFile('bash', ['-euo', 'pipefail', '-c', script], { cwd: copy, env, timeout: 20_000 }, (error, stdout, stderr) =>
      done({ status: error === null ? 0 : Number(error.code ?? 1), output: `${stdout}${stderr}` }),
    );
  });
}

function flip(path: string): void {
  const bytes = readFileSync(join(copy, path));
  const at = bytes.length >> 1;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(join(copy, path), bytes);
}

describe('the commands of the page, with coreutils', () => {
  it('are found, each under its name', () => {
    expect(blocks.map(({ name }) => name)).toEqual(['The signature', 'The files', 'The recipe', 'The logs', 'One node']);
    expect(page.match(/```sh/g)?.length).toBe(blocks.length);
  });

  it.each(plain.map(({ name }) => name))('accept the test vector: %s', async (name) => {
    expect(await runBlock(name)).toMatchObject({ status: 0 });
  });

  it.each([
    ['The files', 'summary-bundle/manifest.json'],
    ['The files', 'summary-bundle/ctrf/deployment.json'],
    ['The files', 'summary-bundle/nodes.json'],
    ['The recipe', 'summary-bundle/recipe.yaml'],
    ['The logs', 'logs-manifest.json'],
    ['The logs', 'logs-bundle/phases/deployment/logs/gpu-memory.log'],
    ['One node', 'node-0001.records.json'],
    ['One node', 'node-0001.leaf.json'],
    ['One node', 'node-0001.proof.json'],
  ])('refuse: %s, with another byte in %s', async (name, path) => {
    flip(path);

    expect((await runBlock(name)).status).not.toBe(0);
  });

  it.each(['summary-bundle/extra.txt', 'summary-bundle/.hidden', 'summary-bundle/ctrf/performance.json'])(
    'refuse: The files, with %s beside them',
    async (path) => {
      writeFileSync(join(copy, path), '{}');

      expect((await runBlock('The files')).status).not.toBe(0);
    },
  );

  it('refuse: The files, with one missing', async () => {
    rmSync(join(copy, 'summary-bundle/bom.cdx.json'));

    expect((await runBlock('The files')).status).not.toBe(0);
  });
});

describe.skipIf(!hasPrograms('cosign'))(
  'the commands of the page, with cosign (skipped while cosign is not in the services cache: npm run test:services)',
  () => {
    it('accept the test vector: The signature', async () => {
      expect(await runBlock('The signature')).toMatchObject({ status: 0, output: expect.stringContaining('Verified OK') });
    });

    it.each([
      'summary-bundle/attestation.intoto.jsonl',
      'trusted_root.json',
      `oci/blobs/sha256/${readFileSync(join(VECTOR, 'pointer.yaml'), 'utf8').match(/sha256:([0-9a-f]{64})/)?.[1]}`,
    ])('refuse: The signature, with another byte in %s', async (path) => {
      flip(path);

      expect((await runBlock('The signature')).status).not.toBe(0);
    });

    it.each([
      ['identity', { ...signer, identity: `${signer.identity}x` }],
      ['issuer', { ...signer, issuer: 'https://accounts.example' }],
    ])('refuse: The signature, of another %s', async (_, trusted) => {
      expect((await runBlock('The signature', trusted)).status).not.toBe(0);
    });
  },
);

describe('the tables of the page', () => {
  const { SIZE_LIMIT, BUNDLE_FILE } = mediaType;

  it('name every media type of the code', () => {
    const types = Object.values(mediaType)
      .flatMap((value) => (typeof value === 'string' ? [value] : Array.isArray(value) ? (value as string[]) : []))
      .filter((text) => /^(application\/|https:)/.test(text));

    expect(types.length).toBeGreaterThan(9);
    expect(types.filter((type) => !page.includes(`\`${type}\``))).toEqual([]);
  });

  it('give every suffix its media type', () => {
    const cells = [...(page.split('in `manifest.json`, by suffix')[1]?.split('\n')[0] ?? '').matchAll(/`(\.[a-z.]+)` `([^`]+)`/g)];

    expect(cells.length).toBe(5);
    expect(cells.map(([, suffix = '', type]) => [suffix, mediaTypeOf(`x${suffix}`), type])).toEqual(
      cells.map(([, suffix, type]) => [suffix, type, type]),
    );
  });

  it('give the limits that readers check', () => {
    const section = page.split('## Limits')[1]?.split('##')[0] ?? '';
    const rows = Object.fromEntries([...section.matchAll(/^\| ([^|]+) \| (\d+) \|$/gm)].map(([, file, limit]) => [file, Number(limit)]));

    expect(rows).toEqual({
      [BUNDLE_FILE.manifest]: SIZE_LIMIT.manifest,
      [BUNDLE_FILE.statement]: SIZE_LIMIT.statement,
      'ctrf/&lt;phase&gt;.json': SIZE_LIMIT.ctrf,
      [BUNDLE_FILE.signature]: SIZE_LIMIT.sigstoreBundle,
      'pointer.yaml': SIZE_LIMIT.pointer,
      [BUNDLE_FILE.bom]: SIZE_LIMIT.bom,
      [BUNDLE_FILE.recipe]: SIZE_LIMIT.recipe,
    });
  });

  it('name every key of the predicate schema, and no other', () => {
    const schema = JSON.parse(readFileSync('docs/reference/schema/predicate.schema.json', 'utf8')) as {
      properties: Record<string, { properties?: object }>;
    };
    const keysOf = (section: string): string[] =>
      [...section.matchAll(/^\| (`[^|]*`)\??(?:, (`[^|]*`)\??)* \|/gm)].flatMap(([row]) =>
        [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''),
      );
    const [own = '', additions = ''] = (page.split('## Predicate\n')[1] ?? '').split('### ');

    expect(keysOf(own).sort()).toEqual(Object.keys(schema.properties).sort());
    expect(keysOf(additions).sort()).toEqual(Object.keys(schema.properties['x-assay']?.properties ?? {}).sort());
  });
});
