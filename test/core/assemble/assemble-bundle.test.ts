import { describe, expect, it } from 'vitest';
import { assembleBundle, type AssemblyInput } from '#core/assemble/assemble-bundle.ts';
import { merkleProof, rootFromProof } from '#core/attestation/merkle.ts';
import type { NodesFile } from '#core/attestation/nodes.ts';
import type { CtrfReport } from '#core/ctrf/report.ts';
import { canonicalJson } from '#core/digest/canonical-json.ts';
import { sha256, sha256Hex } from '#core/digest/sha256.ts';
import type { Digest } from '#core/digest/sha256.ts';
import { artifactStatement } from '#core/attestation/build-statement.ts';
import type { RecordBody } from '#core/wire/record.ts';
import type { NodeName, NodeReport } from '#core/wire/run.ts';
import { syntheticRecords } from '../../fixture/bundle/synthetic-node.ts';
import { codeOf } from '../../fixture/uplink/code-of.ts';
import { RECIPE, nodeRecords, sealedRun } from './sealed-run.ts';

const INPUT: AssemblyInput = { run: sealedRun(), recipe: RECIPE, toolVersion: '0.1.0', scope: 'cluster', redaction: 'minimal' };

const DIGEST = `sha256:${'ab'.repeat(32)}` as Digest;
const OTHER = `sha256:${'cd'.repeat(32)}` as Digest;

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

  it('keeps statement and reports within every limit for ten thousand nodes that report, and folds what they say', async () => {
    const expected = Array.from({ length: 10_000 }, (_, index) => `n${String(index).padStart(5, '0')}` as NodeName);
    const records = syntheticRecords(3).filter(({ kind }) => kind !== 'measurements');
    const absences = expected.filter((_, index) => index % 100 === 99).map((node) => ({ node, reason: 'lost' as const, detail: 'x' }));
    const reports = expected.map((node, index) => ({ node, agentVersion: '0.1.0', records, complete: index % 100 !== 99 }));
    const { files, statement } = assembleBundle({
      ...INPUT,
      run: sealedRun({ expected, reports, absences }),
      validatorImages: Array.from({ length: 20 }, (_, index) => ({ image: `registry.example/v${index}:1`, digest: DIGEST })),
    });
    const size = (path: string): number => files.get(path)?.byteLength ?? 0;

    expect(size('statement.intoto.json')).toBeLessThan(65_536);
    expect(['ctrf/deployment.json', 'ctrf/conformance.json', 'ctrf/performance.json'].filter((path) => size(path) > 10 << 20)).toEqual([]);
    expect(statement.predicate['x-assay']?.coverage).toMatchObject({ expected: 10_000, reported: 9900 });
    expect(statement.predicate['x-assay']?.coverage?.missing).toHaveLength(20);
    expect(json<CtrfReport>(files, 'ctrf/deployment.json').results.tests[0]).toMatchObject({
      suite: ['deployment'],
      extra: { nodeCount: 10_000, nodes: ['node-00001..node-10000'] },
    });
  });

  it('says nothing else folded than one by one: counts by check and state agree', () => {
    const expected = Array.from({ length: 40 }, (_, index) => `n${String(index).padStart(2, '0')}` as NodeName);
    const reports = expected.map((node, index) => ({ node, agentVersion: '0.1.0', records: syntheticRecords(index), complete: true }));
    const run = sealedRun({ expected, reports, absences: [] });
    const results = (maxReportBytes: number): Record<string, number> => {
      const counts: Record<string, number> = {};
      for (const { name, status, extra } of json<CtrfReport>(
        assembleBundle({ ...INPUT, run, maxReportBytes }).files,
        'ctrf/deployment.json',
      ).results.tests)
        counts[`${name} ${status}`] = (counts[`${name} ${status}`] ?? 0) + Number(extra?.['nodeCount'] ?? 1);
      return counts;
    };

    expect(results(20_000)).toEqual(results(10 << 20));
  });

  it('calls a node reported only when its report is complete, whatever the list of absences says', () => {
    const run = sealedRun();
    const forgotten = sealedRun({ reports: run.reports.map((report) => ({ ...report, complete: false })), absences: [] });

    expect(json<{ reported: number; nodes: unknown }>(assembleBundle({ ...INPUT, run: forgotten }).files, 'coverage.json')).toEqual({
      schemaVersion: '1.0.0',
      expected: 3,
      reported: 0,
      nodes: [
        { node: 'node-0001', state: 'incomplete' },
        { node: 'node-0002', state: 'incomplete' },
        { node: 'node-0003', state: 'never-connected' },
      ],
    });
  });

  it('believes the cluster, not a node, about what the cluster says', () => {
    const lie: RecordBody = {
      kind: 'measurements',
      sampledAtMs: 1,
      measurements: [{ type: 'K8s', subtype: 'server', key: 'version', reading: { state: 'read', value: 'v9.9.9' }, source: 'x' }],
    };
    const run = sealedRun();
    const lying = sealedRun({ reports: run.reports.map((report) => ({ ...report, records: [lie, ...report.records] })) });
    const clusterMeasurements = [
      { type: 'K8s', subtype: 'server', key: 'version', reading: { state: 'read', value: 'v1.33.4' }, source: 'api' },
    ] as const;

    expect(assembleBundle({ ...INPUT, run: lying, clusterMeasurements }).statement.predicate.fingerprint.k8sVersion.value).toBe('1.33.4');
  });

  it('binds what it is told to bind, and names the material slice as second subject of what is signed', () => {
    const bindings = { materialSlice: DIGEST, expiresAt: '2027-01-01T00:00:00Z', previousBundle: OTHER, logs: DIGEST };
    const { statement } = assembleBundle({ ...INPUT, ...bindings });

    expect(statement.predicate['x-assay']).toMatchObject(bindings);
    expect(statement.subject).toHaveLength(1);
    expect(artifactStatement({ name: 'registry.example/e:v1', digest: OTHER }, statement).subject).toEqual([
      { name: 'registry.example/e:v1', digest: { sha256: OTHER.slice(7) } },
      { name: 'material-slice', digest: { sha256: DIGEST.slice(7) } },
    ]);
  });

  it('has no further subject without a material slice', () => {
    expect(artifactStatement({ name: 'x', digest: OTHER }, assembleBundle(INPUT).statement).subject).toEqual([
      { name: 'x', digest: { sha256: OTHER.slice(7) } },
    ]);
  });

  it('says why nobody ran a check, for a computer and for a cluster', () => {
    const reasonOf = (scope: 'host' | 'cluster'): unknown =>
      json<CtrfReport>(assembleBundle({ ...INPUT, scope }).files, 'ctrf/deployment.json').results.tests.find(
        ({ name }) => name === 'operator-health',
      )?.extra?.['reason'];

    expect([reasonOf('host'), reasonOf('cluster')]).toEqual([
      'needs a Kubernetes cluster; this run covered only the computer it ran on',
      'nothing in this run performs this check',
    ]);
  });

  it('refuses an image without digest, a node twice, a stranger, and predicate type v2 without profile', () => {
    const [report] = sealedRun().reports;
    const codeWith = (change: Partial<AssemblyInput>): string => codeOf(() => assembleBundle({ ...INPUT, ...change }));

    expect([
      codeWith({ validatorImages: [{ image: 'x', digest: '' as never }] }),
      codeWith({ run: sealedRun({ reports: [report as NodeReport, report as NodeReport] }) }),
      codeWith({ run: sealedRun({ expected: [], absences: [] }) }),
      codeWith({ predicateType: 'https://aicr.run/recipe-evidence/v2' }),
    ]).toEqual(['BUG', 'BUG', 'BUG', 'USAGE']);
  });

  it('leaves out of a minimal report what only other tools or hostile nodes write', () => {
    const result = {
      phase: 'deployment',
      check: 'x',
      status: 'other',
      durationMs: 1,
      startedAtMs: 1,
      extra: { origin: 'node', outcome: 'unknown', reason: 'tool said: gpu-a', hostname: 'gpu-a', free: true, count: 3 },
    } as const;
    const run = sealedRun();
    const { files } = assembleBundle({
      ...INPUT,
      run: sealedRun({ reports: [{ ...(run.reports[0] as NodeReport), records: [{ kind: 'check', result }] }] }),
    });

    expect(json<CtrfReport>(files, 'ctrf/deployment.json').results.tests[0]?.extra).toEqual({
      origin: 'node',
      outcome: 'unknown',
      free: true,
      count: 3,
    });
  });
});
