// The published test vector, checked by means of this file alone: hashes, RFC 6962 and RFC 8785 from the specifications.
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import canonicalize from 'canonicalize';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assembleBundle } from '#core/assemble/assemble-bundle.ts';
import type { Digest } from '#core/digest/sha256.ts';
import { verifyEvidence } from '#core/verify/verify-evidence.ts';
import { disclosure, VECTOR, VECTOR_INPUT, vectorLogs } from '../fixture/bundle/vector.ts';

const NOW_MS = Date.UTC(2026, 10, 22);
const read = (path: string): Buffer => readFileSync(join(VECTOR, path));
const json = (path: string): any => JSON.parse(read(path).toString());
const sha256 = (bytes: Uint8Array | string): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const digests = json('digests.json');
const { predicate } = json('summary-bundle/statement.intoto.json');

/** Merkle tree hash, as RFC 6962 section 2.1 defines it. */
function treeHash(leaves: readonly Buffer[]): Buffer {
  const hash = (...parts: readonly Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();
  if (leaves.length <= 1) return leaves[0] === undefined ? hash() : hash(Buffer.of(0), leaves[0]);
  const split = 2 ** Math.floor(Math.log2(leaves.length - 1));
  return hash(Buffer.of(1), treeHash(leaves.slice(0, split)), treeHash(leaves.slice(split)));
}

describe('the test vector', () => {
  it('is what its input is assembled to, byte for byte', () => {
    const { files } = assembleBundle({ ...VECTOR_INPUT, logs: digests.logs as Digest });
    const written = [...files].map(([path, bytes]) => [path, Buffer.from(bytes).toString()]);

    expect(written).toEqual(written.map(([path]) => [path, read(`summary-bundle/${path}`).toString()]));
  });

  it('has the digests that the reference page prints', () => {
    const page = readFileSync('docs/reference/bundle.md', 'utf8').split('## Test vector')[1] ?? '';
    const { signer, ...values } = digests;

    expect([...page.matchAll(/^\| .* \| `([^`]+)` \|$/gm)].map((match) => match[1])).toEqual(Object.values(values));
    expect(page).toContain(`identity \`${signer.identity}\`, issuer \`${signer.issuer}\``);
  });

  it('has digests that are those of the files', () => {
    expect({
      recipe: sha256(read('summary-bundle/recipe.yaml')).slice('sha256:'.length),
      manifest: sha256(read('summary-bundle/manifest.json')),
      bom: sha256(read('summary-bundle/bom.cdx.json')),
      deployment: sha256(read('summary-bundle/ctrf/deployment.json')),
      nodesRoot: `sha256:${treeHash(json('summary-bundle/nodes.json').nodes.map((entry: unknown) => Buffer.from(canonicalize(entry) ?? ''))).toString('hex')}`,
      logs: sha256(read('logs-manifest.json')),
      artifact: sha256(read(`oci/blobs/sha256/${digests.artifact.slice('sha256:'.length)}`)),
      signer: digests.signer,
    }).toEqual(digests);
  });

  it('carries these digests in its predicate', () => {
    const { recipe, manifest, bom, phases, 'x-assay': additions } = predicate;

    expect([recipe.digest, manifest.digest, bom.digest, phases.deployment.ctrfDigest, additions.nodesRoot, additions.logs]).toEqual([
      digests.recipe,
      digests.manifest,
      digests.bom,
      digests.deployment,
      digests.nodesRoot,
      digests.logs,
    ]);
  });

  it('discloses one node, and only that one', () => {
    for (const [name, text] of disclosure(json('summary-bundle/nodes.json'))) expect([name, read(name).toString()]).toEqual([name, text]);
    expect(json('node-0001.leaf.json').recordsDigest).toBe(sha256(read('node-0001.records.json')));
    expect(json('summary-bundle/nodes.json').nodes[0]).toEqual(json('node-0001.leaf.json'));
  });

  it('has the logs of its input', () => {
    for (const [path, text] of vectorLogs()) expect([path, read(`logs-bundle/${path}`).toString()]).toEqual([path, text]);
  });

  it('shows no name of a node and nothing that a check said', () => {
    const shown = readdirSync(join(VECTOR, 'summary-bundle'), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(json|yaml)$/.test(path))
      .map((path) => read(`summary-bundle/${path}`).toString());

    expect(shown.join('\n')).not.toMatch(/gpu-[abc]\b|no answer|640 GiB|GPU 0 of/);
  });
});

describe('a reader of the test vector', () => {
  let copy: string;
  beforeEach(() => {
    copy = mkdtempSync(join(tmpdir(), 'assay-vector-'));
    cpSync(VECTOR, copy, { recursive: true });
  });
  afterEach(() => rmSync(copy, { recursive: true }));
  const verify = (input: string): ReturnType<typeof verifyEvidence> =>
    verifyEvidence(join(copy, input), { trustedRoot: join(copy, 'trusted_root.json'), offline: true, nowMs: NOW_MS });

  it.each(['summary-bundle', 'pointer.yaml'])('accepts it from %s', async (input) => {
    const { exit, verdict, signer, findings } = await verify(input);

    expect([exit, verdict, signer?.identity, findings.filter(({ severity }) => severity === 'error')]).toEqual([
      1,
      'valid-with-findings',
      digests.signer.identity,
      [],
    ]);
    expect(
      findings
        .filter(({ severity }) => severity === 'warning')
        .map(({ code }) => code)
        .sort(),
    ).toEqual(['NODE_MISSING', 'PHASE_FAILED', 'TESTS_INCONCLUSIVE']);
  });

  const paths = readdirSync(join(VECTOR, 'summary-bundle'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(VECTOR.length + 1));

  it.each(paths)('refuses it with another byte in %s', async (path) => {
    const bytes = readFileSync(join(copy, path));
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    writeFileSync(join(copy, path), bytes);

    expect((await verify('summary-bundle')).exit).toBe(2);
  });

  it('refuses it with one more file', async () => {
    writeFileSync(join(copy, 'summary-bundle/extra.txt'), 'x');

    expect((await verify('summary-bundle')).exit).toBe(2);
  });

  it('says that it has expired, once it has', async () => {
    const { findings } = await verifyEvidence(join(copy, 'summary-bundle'), {
      trustedRoot: join(copy, 'trusted_root.json'),
      offline: true,
      nowMs: Date.UTC(2027, 4, 22),
    });

    expect(findings.map(({ code }) => code)).toContain('EVIDENCE_EXPIRED');
  });
});
