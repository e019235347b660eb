import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { textAt } from '#core/cluster/object-value.ts';
import { runIdOfJob } from '#core/cluster/run-status.ts';
import { readSealed, writeDelivery, type DeliveryReport } from '#core/publish/handover.ts';
import { ClusterRun, releaseIn, statusOf } from '../fixture/cluster/cluster-run.ts';
import type { MemoryCluster } from '../fixture/cluster/memory-cluster.ts';
import { agentPod, gpuNode, plainNode, waitingPod } from '../fixture/cluster/objects.ts';
import { driverRecords } from '../fixture/uplink/records.ts';

const runs: ClusterRun[] = [];
const LEASE = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace: 'assay', name: 'assay' };
const PASSING = driverRecords('node', 6).map((body) =>
  body.kind === 'check' ? { ...body, result: { ...body.result, status: 'passed' as const } } : body,
);

function start(...args: ConstructorParameters<typeof ClusterRun>): ClusterRun {
  const run = new ClusterRun(...args);
  runs.push(run);
  return run;
}

afterEach(async () => {
  for (const run of runs.splice(0)) {
    await run.stop();
    run.discard();
  }
});

async function holder(cluster: MemoryCluster): Promise<unknown> {
  return textAt(await cluster.read(LEASE), 'spec', 'holderIdentity');
}

async function reportAll(run: ClusterRun, nodes: readonly string[], bodies = PASSING): Promise<void> {
  for (const node of nodes) {
    const agent = await run.connect(node, bodies);
    await agent.send(1, bodies.length);
  }
}

function states(run: ClusterRun): unknown {
  return (run.read('summary-bundle/coverage.json') as { nodes: unknown }).nodes;
}

describe('a run in a cluster', () => {
  it('ends 0 when every GPU node has reported and nothing failed, and hands the bundle over', async () => {
    const cluster = releaseIn(['gpu-1', 'gpu-2'], { objects: [plainNode('cpu-1')] });
    const run = start(cluster);
    await reportAll(run, ['gpu-1', 'gpu-2']);

    expect(await run.ended).toEqual({ exit: 0, code: undefined });
    expect(states(run)).toEqual([
      { node: 'node-0001', state: 'reported' },
      { node: 'node-0002', state: 'reported' },
    ]);
    const sealed = await readSealed(run.out);
    expect(sealed?.runId).toBe(runIdOfJob('job-1'));
    const { status } = await statusOf(cluster);
    expect(status).toMatchObject({
      runId: run.runId,
      jobUid: 'job-1',
      state: 'pending',
      recipe: 'recipe',
      nodes: { expected: 2, connected: 0, finished: 2, absent: {} },
      reason: 'TIMEOUT: nobody signed or pushed the evidence within 0 s',
    });
    expect(await holder(cluster)).toBe('');
  });

  it('tells of no connection that was refused in the test agent-sessions', async () => {
    const run = start(releaseIn(['gpu-1']));
    await reportAll(run, ['gpu-1']);
    await run.ended;
    const report = run.read('summary-bundle/ctrf/deployment.json') as { results: { tests: { name: string }[] } };

    expect(report.results.tests.find(({ name }) => name === 'agent-sessions')).toEqual({
      name: 'agent-sessions',
      status: 'passed',
      duration: 0,
      suite: ['deployment'],
      extra: { origin: 'collector', observed: { rejected: 0, startedOver: 0, collectorRestarts: 0, refilled: false } },
    });
  });

  it('records who was refused, by what, and goes on', async () => {
    const run = start(releaseIn(['gpu-1']));
    await expect(run.connect('gpu-1', PASSING, { aud: ['somebody.else'] })).rejects.toThrow();
    await expect(run.connect('gpu-1', PASSING, { sub: 'system:serviceaccount:assay:default' })).rejects.toThrow();
    await reportAll(run, ['gpu-1']);

    expect(await run.ended).toEqual({ exit: 0, code: undefined });
    expect(run.events.filter(({ event }) => event === 'incident')).toMatchObject([
      { code: 'CREDENTIAL_AUDIENCE' },
      { code: 'CREDENTIAL_SUBJECT' },
    ]);
    const { results } = run.read('summary-bundle/ctrf/deployment.json') as {
      results: { tests: { name: string; status: string; extra: unknown }[] };
    };
    expect(results.tests.find(({ name }) => name === 'agent-sessions')).toMatchObject({
      status: 'passed',
      extra: { observed: { rejected: 0, CREDENTIAL_AUDIENCE: 1, CREDENTIAL_SUBJECT: 1 } },
    });
  });

  it('ends 1 with a failed check', async () => {
    const run = start(releaseIn(['gpu-1']));
    await run.report('gpu-1');

    expect(await run.ended).toEqual({ exit: 1, code: undefined });
  });

  it('does not wait for nodes that nobody can reach, and says why of each', async () => {
    const cluster = releaseIn(['gpu-1'], {
      objects: [
        gpuNode('gpu-2', { metadata: { labels: { 'nvidia.com/gpu.present': 'no' } } }),
        gpuNode('gpu-3', { spec: { taints: [{ key: 'team', value: 'a', effect: 'NoSchedule' }] } }),
        gpuNode('gpu-4', { spec: { unschedulable: true } }),
      ],
    });
    const run = start(cluster);
    await reportAll(run, ['gpu-1']);
    await run.event('waiting', ({ node }) => node === 'gpu-4');
    expect((await statusOf(cluster)).status?.state).toBe('waiting');
    run.advance(21_000);

    expect(await run.ended).toEqual({ exit: 1, code: undefined });
    expect(states(run)).toEqual([
      { node: 'node-0001', state: 'reported' },
      { node: 'node-0002', state: 'unlabelled' },
      { node: 'node-0003', state: 'tainted' },
      { node: 'node-0004', state: 'cordoned' },
    ]);
    expect((await statusOf(cluster)).status?.nodes.absent).toEqual({ unlabelled: 1, tainted: 1, cordoned: 1 });
  });

  it('counts a report that comes before the seal, whatever was said before', async () => {
    const cluster = releaseIn(['gpu-1', 'gpu-2']);
    cluster.put(waitingPod('gpu-2', { reason: 'ImagePullBackOff' }));
    const run = start(cluster);
    await run.event('waiting', ({ node, reason }) => node === 'gpu-2' && reason === 'image-pull');
    await reportAll(run, ['gpu-1']);
    cluster.put(agentPod('gpu-2'));
    await run.event('waiting', ({ node, reason }) => node === 'gpu-2' && reason === undefined);
    await reportAll(run, ['gpu-2']);

    expect(await run.ended).toEqual({ exit: 0, code: undefined });
  });

  it('is sealed when nothing moves any more', async () => {
    const cluster = releaseIn(['gpu-1', 'gpu-2']);
    cluster.put(waitingPod('gpu-2', { reason: 'ImagePullBackOff', message: 'no such image' }));
    const run = start(cluster, { flags: ['--stall', '300ms'] });
    await reportAll(run, ['gpu-1']);

    expect(await run.ended).toEqual({ exit: 1, code: undefined });
    expect(run.events).toContainEqual({ event: 'deadline', stalled: true });
    expect(run.events.find(({ event }) => event === 'absent')).toMatchObject({ node: 'gpu-2', reason: 'image-pull' });
  });

  it('does not call a run stalled while an agent is connected', async () => {
    const run = start(releaseIn(['gpu-1']), { flags: ['--stall', '50ms', '--deadline', '700ms'] });
    const agent = await run.connect('gpu-1', PASSING);
    await agent.send(1, 2);
    await run.ended;

    expect(run.events.filter(({ event }) => event === 'deadline')).toEqual([{ event: 'deadline' }]);
    expect(run.events.find(({ event }) => event === 'absent')).toMatchObject({ node: 'gpu-1', reason: 'incomplete' });
  });

  it('says that a node which left during the run is gone, with what it had sent', async () => {
    const cluster = releaseIn(['gpu-1', 'gpu-2']);
    const run = start(cluster);
    const agent = await run.connect('gpu-2', PASSING);
    await agent.send(1, 2);
    await reportAll(run, ['gpu-1']);
    agent.client.socket.terminate();
    await agent.client.closed;
    cluster.drop({ apiVersion: 'v1', kind: 'Node', name: 'gpu-2' });
    await run.event('waiting', ({ node, reason }) => node === 'gpu-2' && reason === 'gone');
    run.advance(21_000);

    expect(await run.ended).toEqual({ exit: 1, code: undefined });
    expect(run.events.find(({ event }) => event === 'absent')).toEqual({
      event: 'absent',
      node: 'gpu-2',
      reason: 'gone',
      detail:
        '2 records were stored before the run was sealed, the last one did not come; the node left the cluster: kubectl get node gpu-2 -o wide',
    });
  });

  it('rejects a node that signs two histories, and fails the test of sessions', async () => {
    const run = start(releaseIn(['gpu-1', 'gpu-2']));
    const agent = await run.connect('gpu-2', PASSING);
    await agent.send(1, 3);
    const { SignedAgent } = await import('../fixture/uplink/signed-agent.ts');
    const other = new SignedAgent('gpu-2', agent.signed.nonce, driverRecords('gpu-2', 8), agent.signed.key);
    agent.client.send(other.frame(1, 3));
    expect(await agent.client.closed).toBe('WIRE_EQUIVOCATION');
    await reportAll(run, ['gpu-1']);

    expect(await run.ended).toEqual({ exit: 1, code: undefined });
    const { results } = run.read('summary-bundle/ctrf/deployment.json') as { results: { tests: { name: string; status: string }[] } };
    expect(results.tests.find(({ name }) => name === 'agent-sessions')?.status).toBe('failed');
  });

  it('selects a recipe of the catalog by criteria', async () => {
    const run = start(releaseIn(['gpu-1']), { flags: ['--criteria', 'service=eks,accelerator=h100,intent=training'] });
    await run.event('listening');

    expect((await statusOf(run.cluster)).status?.recipe).toBe('h100-eks-training');
  });
});

describe('a run in a cluster that cannot begin', () => {
  it('ends without a GPU node, and says so to whoever waits for a seal', async () => {
    const cluster = releaseIn([], { objects: [plainNode('cpu-1')] });
    const run = start(cluster);

    expect(await run.ended).toEqual({ exit: undefined, code: 'NO_GPU_NODE' });
    expect(run.read('ended.json')).toEqual({
      schemaVersion: '1.0.0',
      runId: run.runId,
      reason: 'NO_GPU_NODE: none of the 1 nodes has a GPU by capacity or label, so there is nothing to certify',
    });
    expect((await statusOf(cluster)).status).toMatchObject({ state: 'failed', reason: expect.stringContaining('NO_GPU_NODE') as unknown });
    expect(await holder(cluster)).toBe('');
  });

  it('takes nodes that a selector names', async () => {
    const run = start(releaseIn(['gpu-1'], { objects: [plainNode('cpu-1', { metadata: { labels: { pool: 'x' } } })] }), {
      flags: ['--expect-selector', 'pool=x'],
    });
    await run.event('listening');

    // Nothing runs an agent there: the DaemonSet selects other labels.
    expect(run.events.find(({ event }) => event === 'waiting')).toMatchObject({ node: 'cpu-1', reason: 'unlabelled' });
    expect((await statusOf(run.cluster)).status?.nodes).toMatchObject({ expected: 2 });
  });

  it.each([
    ['ConfigMap', 'assay-status', 'v1'],
    ['Lease', 'assay', 'coordination.k8s.io/v1'],
  ])('ends when the release has no %s', async (kind, name, apiVersion) => {
    const cluster = releaseIn(['gpu-1']);
    cluster.drop({ apiVersion, kind, namespace: 'assay', name });
    const run = start(cluster);

    expect(await run.ended).toEqual({ exit: undefined, code: 'CONFIG_INVALID' });
    expect(run.read('ended.json')).toMatchObject({ runId: run.runId });
  });

  it('does not begin while another run holds the lease and renews it', async () => {
    const cluster = releaseIn(['gpu-1']);
    const first = start(cluster, { jobUid: 'job-1' });
    await first.event('listening');
    const second = start(cluster, { jobUid: 'job-2' });
    // A renewal of the first one; the second looks every 2 s.
    const seen = setInterval(
      () =>
        cluster.put({
          ...LEASE,
          metadata: { name: 'assay', namespace: 'assay' },
          spec: { holderIdentity: 'job-1', renewTime: String(Date.now()) },
        }),
      100,
    );
    const end = await second.ended;
    clearInterval(seen);

    expect(end).toEqual({ exit: undefined, code: 'RUN_BUSY' });
    expect((await statusOf(cluster)).status?.jobUid).toBe('job-1');
  });
});

describe('a run in a cluster that is interrupted', () => {
  it('goes on with its ledger', async () => {
    const cluster = releaseIn(['gpu-1', 'gpu-2']);
    const first = start(cluster);
    await reportAll(first, ['gpu-1']);
    expect((await first.stop()).exit).toBeUndefined();
    const second = start(cluster, { directory: first.directory });
    await reportAll(second, ['gpu-2']);

    expect(await second.ended).toEqual({ exit: 0, code: undefined });
    expect(second.events.some((event) => event.event === 'node-connected' && event.node === 'gpu-1')).toBe(false);
    expect((await statusOf(cluster)).status?.checks.passed).toBe(4 + (await countCluster(second)));
  });

  it('keeps run and nonce when its disk is lost, and is filled again', async () => {
    const cluster = releaseIn(['gpu-1']);
    const first = start(cluster);
    const agent = await first.connect('gpu-1', PASSING);
    await agent.send(1, 3);
    const before = (await statusOf(cluster)).status;
    await first.stop();
    const second = start(cluster);
    const again = await second.connect('gpu-1', PASSING);
    await again.send(1, PASSING.length);

    expect(again.signed.nonce).toEqual(agent.signed.nonce);
    expect(await second.ended).toEqual({ exit: 0, code: undefined });
    const { results } = second.read('summary-bundle/ctrf/deployment.json') as { results: { tests: { name: string; extra: unknown }[] } };
    expect(results.tests.find(({ name }) => name === 'agent-sessions')?.extra).toMatchObject({
      observed: { refilled: true, collectorRestarts: 0 },
    });
    expect((await statusOf(cluster)).status).toMatchObject({ runId: before?.runId, nonce: before?.nonce, openedAt: before?.openedAt });
  });

  it('begins anew, with another nonce, for another Job', async () => {
    const cluster = releaseIn(['gpu-1']);
    const first = start(cluster);
    const { nonce } = (await first.connect('gpu-1', PASSING)).signed;
    await first.stop();
    cluster.put({ ...LEASE, metadata: { name: 'assay', namespace: 'assay' }, spec: {} });
    const second = start(cluster, { jobUid: 'job-2' });

    expect((await second.connect('gpu-1', PASSING)).signed.nonce).not.toEqual(nonce);
  });

  it('stops at once when another run has taken its lease', async () => {
    const cluster = releaseIn(['gpu-1']);
    const run = start(cluster);
    await run.event('listening');
    cluster.put({ ...LEASE, metadata: { name: 'assay', namespace: 'assay' }, spec: { holderIdentity: 'job-2', renewTime: 'now' } });

    expect(await run.ended).toEqual({ exit: undefined, code: 'RUN_BUSY' });
    expect(await holder(cluster)).toBe('job-2');
  }, 15_000);
});

describe('what becomes of the evidence', () => {
  const DIGEST = `sha256:${'a'.repeat(64)}` as DeliveryReport['digest'];
  const report = (runId: string, change: Partial<DeliveryReport> = {}): DeliveryReport => ({
    schemaVersion: '1.0.0',
    runId,
    state: 'published',
    final: true,
    digest: DIGEST,
    signer: { identity: 'system:serviceaccount:assay:assay-collector', issuer: 'https://issuer.example' },
    oci: 'registry.example/evidence:1',
    pointer: 'schemaVersion: 1.0.0\n',
    ...change,
  });

  it('is told in the status with the pointer, and the next run names it as its predecessor', async () => {
    const cluster = releaseIn(['gpu-1']);
    const run = start(cluster, { flags: ['--delivery-wait', '1m'] });
    await reportAll(run, ['gpu-1']);
    await run.event('assembled');
    await writeDelivery(run.out, report(run.runId, { state: 'pending', final: false, reason: 'FULCIO_UNAVAILABLE: down' }));
    await run.event('delivery', ({ state }) => state === 'pending');
    await writeDelivery(run.out, report(run.runId));

    expect(await run.ended).toEqual({ exit: 0, code: undefined });
    const { status, pointer } = await statusOf(cluster);
    expect(status).toMatchObject({
      state: 'published',
      digest: DIGEST,
      oci: 'registry.example/evidence:1',
      signer: { issuer: 'https://issuer.example' },
    });
    expect(status?.reason).toBeUndefined();
    expect(pointer).toBe('schemaVersion: 1.0.0\n');

    const next = start(cluster, { jobUid: 'job-2' });
    await reportAll(next, ['gpu-1']);
    await next.ended;
    expect((await statusOf(cluster)).status?.previousDigest).toBe(DIGEST);
    const statement = next.read('summary-bundle/statement.intoto.json') as { predicate: { 'x-assay': { previousBundle: string } } };
    expect(statement.predicate['x-assay'].previousBundle).toBe(DIGEST);
  });

  it('is left alone by a collector that is started again after the seal', async () => {
    const cluster = releaseIn(['gpu-1']);
    const first = start(cluster, { flags: ['--delivery-wait', '1m'] });
    await reportAll(first, ['gpu-1']);
    await first.event('assembled');
    await first.event('sealed');
    while ((await readSealed(first.out)) === undefined) await first.event('assembled');
    await first.stop();
    writeFileSync(join(first.out, 'summary-bundle', 'marker'), 'signed meanwhile');
    await writeDelivery(first.out, report(first.runId));
    const second = start(cluster, { directory: first.directory, flags: ['--delivery-wait', '1m'] });

    expect(await second.ended).toEqual({ exit: 0, code: undefined });
    expect(second.events.map(({ event }) => event)).toEqual(['sealed', 'delivery']);
    expect((await statusOf(cluster)).status?.state).toBe('published');
  });

  it('is not asked for again when an earlier pod of the Job has published it and its disk is gone', async () => {
    const cluster = releaseIn(['gpu-1']);
    const first = start(cluster, { flags: ['--delivery-wait', '1m'] });
    await reportAll(first, ['gpu-1']);
    await first.event('assembled');
    await writeDelivery(first.out, report(first.runId));
    await first.ended;
    const second = start(cluster);

    expect(await second.ended).toEqual({ exit: 0, code: undefined });
    expect(second.events).toEqual([]);
  });

  it('of another run is not taken for that of this one', async () => {
    const cluster = releaseIn(['gpu-1']);
    const first = start(cluster, { flags: ['--delivery-wait', '1m'] });
    await writeDelivery(first.out, report('run-of-another-job'));
    await reportAll(first, ['gpu-1']);
    await first.event('assembled');
    await writeDelivery(first.out, report('run-of-another-job'));
    await writeDelivery(first.out, report(first.runId, { state: 'signed' }));
    await first.ended;

    expect((await statusOf(cluster)).status?.state).toBe('signed');
  });
});

async function countCluster(run: ClusterRun): Promise<number> {
  await run.ended;
  const files = ['deployment', 'conformance', 'performance'];
  const tests = files.flatMap((phase) => {
    try {
      return (run.read(`summary-bundle/ctrf/${phase}.json`) as { results: { tests: { status: string; extra: { origin: string } }[] } })
        .results.tests;
    } catch {
      return [];
    }
  });
  return tests.filter(({ status, extra }) => status === 'passed' && extra.origin === 'cluster').length;
}
