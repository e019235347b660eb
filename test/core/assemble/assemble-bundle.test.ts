import { describe, expect, it } from 'vitest';
import { assembleBundle, type AssemblyInput } from '#core/assemble/assemble-bundle.ts';
import { merkleProof, rootFromProof } from '#core/attestation/merkle.ts';
import type { NodesFile } from '#core/attestation/nodes.ts';
import type { CtrfReport } from '#core/ctrf/report.ts';
import { canonicalJson } from '#core/digest/canonical-json.ts';
import { sha256, sha256Hex } from '#core/digest/sha256.ts';
import { RECIPE, nodeRecords, sealedRun } from './sealed-run.ts';

const INPUT: AssemblyInput = { run: sealedRun(), recipe: RECIPE, toolVersion: '0.1.0', scope: 'cluster', redaction: 'minimal' };

function json<T>(files: ReadonlyMap<string, Uint8Array>, path: string): T {
  return JSON.parse(Buffer.from(files.get(path) ?? []).toString()) as T;
}

describe('assembling a sealed run', () => {
  it('gives the same bytes twice, whatever order the nodes reported in', () => {
    const first = assembleBundle(INPUT);
    const second = assembleBundle({ ...INPUT, run: sealedRun({ reports: [...sealedRun().reports].reverse() }) });

    expect([...second.files].map(([path, bytes]) => [path, sha256(bytes)])).toEqual(
      [...first.files].map(([path, bytes]) => [path, sha256(bytes)]),
    );
  });

  it('writes exactly the files of the format and lists all but the statement and itself', () => {
    const { files } = assembleBundle(INPUT);

    expect([...files.keys()].sort()).toEqual([
      'bom.cdx.json',
      'coverage.json',
      'ctrf/deployment.json',
      'manifest.json',
      'nodes.json',
      'recipe.yaml',
      'snapshot.yaml',
      'statement.intoto.json',
    ]);
    expect(
      json<{ files: { path: string; size: number; sha256: string }[] }>(files, 'manifest.json').files.map(
        ({ path, size, sha256: digest }) => ({ path, size, digest }),
      ),
    ).toEqual(
      ['bom.cdx.json', 'coverage.json', 'ctrf/deployment.json', 'nodes.json', 'recipe.yaml', 'snapshot.yaml'].map((path) => ({
        path,
        size: files.get(path)?.byteLength,
        digest: sha256(files.get(path) ?? ''),
      })),
    );
  });

  it('binds recipe, manifest, BOM and reports by digest, with the prefix where the format has it', () => {
    const { files, statement } = assembleBundle(INPUT);
    const { predicate } = statement;

    expect(predicate.recipe).toEqual({ name: 'h100-ubuntu-training', digest: sha256Hex(files.get('recipe.yaml') ?? '') });
    expect(predicate.manifest).toEqual({ digest: sha256(files.get('manifest.json') ?? ''), fileCount: 6 });
    expect(predicate.bom).toEqual({ format: 'CycloneDX', version: '1.6', digest: sha256(files.get('bom.cdx.json') ?? ''), imageCount: 1 });
    expect(predicate.phases.deployment?.ctrfDigest).toBe(sha256(files.get('ctrf/deployment.json') ?? ''));
    expect(statement.subject).toEqual([{ name: 'recipe:h100-ubuntu-training', digest: { sha256: predicate.recipe.digest } }]);
    expect(predicate.attestedAt).toBe('2023-11-14T22:13:20Z');
  });

  it('counts a crashed check and an absent node as failed, and a check nobody ran as skipped', () => {
    const run = sealedRun();
    const crashed = sealedRun({
      reports: run.reports.map((report, index) => (index === 0 ? { ...report, records: nodeRecords({ status: 'other' }) } : report)),
    });

    expect(assembleBundle(INPUT).statement.predicate.phases.deployment).toMatchObject({ passed: 2, failed: 1, skipped: 3 });
    expect(assembleBundle({ ...INPUT, run: crashed }).statement.predicate.phases.deployment).toMatchObject({
      passed: 1,
      failed: 2,
      skipped: 3,
    });
  });

  it('names nodes by ordinals and leaves messages, output and unlisted facts out of a minimal bundle', () => {
    const { files, statement } = assembleBundle(INPUT);
    const everything = [...files.values()].map((bytes) => Buffer.from(bytes).toString()).join('\n');

    expect(everything).not.toMatch(/gpu-[abc]\b|secret text|raw|0000:00:01\.0/);
    expect(statement.predicate['x-assay']?.coverage).toEqual({
      expected: 3,
      reported: 2,
      missing: [{ node: 'node-0003', reason: 'never-connected' }],
    });
    expect(statement.predicate.redaction).toEqual({
      policy: 'minimal',
      version: 'v1',
      applied: ['ctrf.tests.omit:message', 'ctrf.tests.omit:stdout', 'snapshot.header.allowlist', 'snapshot.measurements.allowlist'],
    });
  });

  it('keeps them, and claims no redaction, in a full bundle', () => {
    const { files, statement } = assembleBundle({ ...INPUT, redaction: 'full' });

    expect(json<CtrfReport>(files, 'ctrf/deployment.json').results.tests[0]?.message).toBe('secret text');
    expect(Buffer.from(files.get('snapshot.yaml') ?? []).toString()).toContain('0000:00:01.0');
    expect(statement.predicate).not.toHaveProperty('redaction');
  });

  it('takes the facts of a node with a GPU and shows only what was read', () => {
    const { files, statement } = assembleBundle(INPUT);

    expect(statement.predicate.fingerprint).toMatchObject({
      gpuModel: { value: 'h100' },
      accelerator: { value: 'h100' },
      os: { value: 'ubuntu', version: '24.04' },
    });
    expect(Buffer.from(files.get('snapshot.yaml') ?? []).toString()).not.toContain('VARIANT');
  });

  it('commits to every node under one Merkle root', () => {
    const { files, statement } = assembleBundle(INPUT);
    const leaves = json<NodesFile>(files, 'nodes.json').nodes.map((entry) => Buffer.from(canonicalJson(entry)));

    expect(rootFromProof(leaves[1] ?? Buffer.alloc(0), { index: 1, size: leaves.length }, merkleProof(leaves, 1))).toBe(
      statement.predicate['x-assay']?.nodesRoot,
    );
  });

  it('keeps the statement small for ten thousand silent nodes', () => {
    const expected = Array.from({ length: 10_000 }, (_, index) => `n${index}` as never);
    const absences = expected.map((node) => ({ node, reason: 'never-connected' as const, detail: 'silent' }));
    const { files } = assembleBundle({ ...INPUT, run: sealedRun({ expected, reports: [], absences }) });

    expect(files.get('statement.intoto.json')?.byteLength).toBeLessThan(65_536);
  });
});
