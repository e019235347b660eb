import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunStatus } from '#core/cluster/run-status.ts';
import { assay } from '../../fixture/run/assay.ts';
import { tool } from '../../fixture/services.ts';
import { openBed, skipBed, WHY_SKIPPED } from '../bed.ts';
import { auditedRequests } from '../bed/audit.ts';
import { layDefaultMachines } from '../bed/machine.ts';
import { until } from '../bed/until.ts';
import { startBedServices } from '../services.ts';
import { artifactOf, readRecord, signerOf, type RecordTest, type SignedRecord } from './record.ts';
import { Release, type Ground } from './release.ts';

const NAMESPACE = 'evidence';
const PUBLISHED_MS = 120_000;

describe.skipIf(skipBed)(`helm install on three nodes ${WHY_SKIPPED}`, () => {
  let ground: Ground;
  let release: Release;
  let status: RunStatus;
  let artifact: string;
  let record: SignedRecord;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'assay-release-test-'));
    layDefaultMachines();
    ground = { ...openBed(), services: await startBedServices() };
    writeFileSync(join(folder, 'root.json'), ground.services.trustedRoot);
    release = await Release.install(ground, NAMESPACE, { values: { collector: { phases: [] } } });
    status = await release.untilState(['published', 'failed'], PUBLISHED_MS);
    artifact = artifactOf(status);
    record = await readRecord(artifact, ground.services, NAMESPACE);
  }, 240_000);

  afterAll(async () => {
    await release?.uninstall();
    await ground?.services.stop();
    ground?.api.close();
    rmSync(folder, { recursive: true });
  }, 120_000);

  const testsOf = (node: string, name: string): readonly RecordTest[] =>
    record.tests.filter((test) => test.suite[1] === node && test.name === name);

  it('hears every node and says so in the signed coverage', () => {
    expect(record.coverage).toEqual({ expected: 3, reported: 3, missing: [] });
    expect(status.nodes).toEqual({ expected: 3, connected: 0, finished: 3, absent: {} });
  });

  it('records the healthy machine as passed, without a failure', () => {
    expect(testsOf('node-0001', 'row-remap-failure').map(({ status: outcome }) => outcome)).toEqual(['passed']);
    expect(record.tests.filter(({ suite, status: outcome }) => suite[1] === 'node-0001' && outcome === 'failed')).toEqual([]);
  });

  it('records exactly the failures of the GPU that fails', () => {
    const failed = record.tests
      .filter(({ suite, status: outcome }) => suite[1] === 'node-0002' && outcome === 'failed')
      .map(({ name }) => name);

    expect(failed.sort()).toEqual(['ecc-uncorrected', 'gpu-topology', 'recovery-action', 'row-remap-failure', 'xid']);
  });

  it('records what needs a tool that is not there as skipped, with the grant that is missing', () => {
    const [test] = testsOf('node-0003', 'row-remap-failure');

    expect({ status: test?.status, missing: test?.extra['missing'] }).toEqual({ status: 'skipped', missing: 'vendor-tool' });
    expect(record.tests.filter(({ suite, status: outcome }) => suite[1] === 'node-0003' && outcome === 'failed')).toEqual([]);
  });

  it('is signed by the collector of this namespace and cluster', () => {
    expect(record.signer).toMatchObject(signerOf(NAMESPACE));
    expect(record.exit).toBe(1);
  });

  it('is refused by assay verify for another service account, namespace or cluster', async () => {
    const good = signerOf(NAMESPACE);
    const others = [
      { ...good, identity: good.identity.replace('assay-collector', 'assay-agent') },
      { ...good, identity: good.identity.replace(NAMESPACE, 'elsewhere') },
      { ...good, issuer: 'https://10.90.0.99:6443' },
    ];
    for (const { identity, issuer } of others) {
      const pins = ['--expected-identity', identity, '--expected-issuer', issuer];
      const ended = await assay(['verify', artifact, '--plain-http', '--trusted-root', join(folder, 'root.json'), ...pins]);

      expect([identity, ended.exit]).toEqual([identity, 2]);
    }
  });

  it('verifies with cosign, attached to the artifact and as a blob', async () => {
    const { identity, issuer } = signerOf(NAMESPACE);
    const pins = (name: string): readonly string[] => [
      `--certificate-identity=${name}`,
      `--certificate-oidc-issuer=${issuer}`,
      '--type=https://aicr.run/recipe-evidence/v1',
      '--trusted-root=root.json',
    ];
    const attached = (name: string) => tool('cosign', ['verify-attestation', '--allow-http-registry', ...pins(name), artifact], folder);

    expect(await attached(identity)).toMatchObject({ exit: 0 });
    expect((await attached(`${identity}-other`)).exit).not.toBe(0);
    writeFileSync(join(folder, 'manifest'), (await tool('crane', ['manifest', '--insecure', artifact], folder)).stdout);
    expect(await assay(['pull', artifact, '-o', join(folder, 'bundle'), '--plain-http'])).toMatchObject({ exit: 0 });
    const blob = [
      'verify-blob-attestation',
      `--bundle=${join(folder, 'bundle', 'attestation.intoto.jsonl')}`,
      ...pins(identity),
      'manifest',
    ];
    expect(await tool('cosign', blob, folder)).toMatchObject({ exit: 0 });
  });

  it('leaves a pointer that verifies', async () => {
    const pointer = join(folder, 'pointer.yaml');
    writeFileSync(pointer, (await release.statusData())['pointer.yaml'] ?? '');
    const ended = await assay([
      'verify',
      pointer,
      '--plain-http',
      '--trusted-root',
      join(folder, 'root.json'),
      '--require-signature',
      '--format',
      'json',
    ]);

    expect({ exit: ended.exit, signer: JSON.parse(ended.stdout).signer?.identity }).toEqual({
      exit: 1,
      signer: signerOf(NAMESPACE).identity,
    });
  });

  it('names no node in any Kubernetes object', async () => {
    const data = JSON.stringify(await release.statusData());

    expect(['node-1', 'node-2', 'node-3'].filter((name) => data.includes(name))).toEqual([]);
  });

  it('asks the API server as the collector only, and for nothing that it may not', () => {
    const requests = auditedRequests(NAMESPACE);

    expect([...new Set(requests.map(({ user }) => user))]).toEqual([`system:serviceaccount:${NAMESPACE}:assay-collector`]);
    expect(requests.filter(({ status: answer }) => answer === 401 || answer === 403)).toEqual([]);
  });

  it('hears the same agents again in the next run, which names the evidence that it replaces', async () => {
    const agents = async (): Promise<readonly string[]> => (await release.pods('agent')).map(({ metadata }) => metadata.uid).sort();
    const before = await agents();
    await release.upgrade();
    const next = await until('another run', async () => changed(await release.status(), status.runId), {
      withinMs: PUBLISHED_MS,
      explain: () => release.explain(),
    });
    const published = await release.untilState(['published', 'failed'], PUBLISHED_MS);
    const nextRecord = await readRecord(artifactOf(published), ground.services, NAMESPACE);

    expect(await agents()).toEqual(before);
    expect(next.runId).not.toBe(status.runId);
    expect(nextRecord.coverage).toEqual({ expected: 3, reported: 3, missing: [] });
    expect(nextRecord.predicate['x-assay'].previousBundle).toBe(status.digest);
  }, 180_000);
});

describe.skipIf(skipBed)(`the chart as it is, under the strictest Pod Security ${WHY_SKIPPED}`, () => {
  it('gives signed evidence of what agents without any grant can see', async () => {
    const ground: Ground = { ...openBed(), services: await startBedServices() };
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    let release: Release | undefined;
    try {
      release = await Release.install(ground, 'restricted', {
        labels,
        values: { agent: { extraVolumes: [], extraVolumeMounts: [], extraEnv: [] } },
      });
      const status = await release.untilState(['published', 'failed'], PUBLISHED_MS);
      const record = await readRecord(artifactOf(status), ground.services, 'restricted');

      expect(record.coverage).toEqual({ expected: 3, reported: 3, missing: [] });
      expect(record.signer).toMatchObject(signerOf('restricted'));
    } finally {
      await release?.uninstall();
      await ground.services.stop();
      ground.api.close();
    }
  }, 240_000);
});

/** The status, once it is about another run. */
function changed(status: RunStatus | undefined, runId: string): RunStatus | undefined {
  return status === undefined || status.runId === runId ? undefined : status;
}
