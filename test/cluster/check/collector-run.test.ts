import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster, NewObject } from '#core/cluster/cluster.ts';
import { connectCluster } from '#core/cluster/connect.ts';
import { textAt } from '#core/cluster/object-value.ts';
import type { RecordBody } from '#core/wire/record.ts';
import { agentDaemonSet, gpuNode } from '../../fixture/cluster/objects.ts';
import { ClusterRun, statusOf } from '../../fixture/cluster/cluster-run.ts';
import { driverRecords } from '../../fixture/uplink/records.ts';
import { openApi, type Api } from '../bed/api.ts';

const kubeconfig = process.env['ASSAY_TEST_KUBECONFIG'] ?? '';
const AUDIENCE = 'assay.assay.assay';
const NODES = ['run-1', 'run-2', 'run-3'] as const;
const PASSING: readonly RecordBody[] = driverRecords('node', 6).map((body) =>
  body.kind === 'check' ? { ...body, result: { ...body.result, status: 'passed' } } : body,
);

/** What the chart makes, with an image that kwok never pulls; it selects only the nodes of these tests. */
function release(): readonly NewObject[] {
  const labels = { 'app.kubernetes.io/instance': 'assay', 'app.kubernetes.io/component': 'agent' };
  const daemonSet = agentDaemonSet({
    metadata: { uid: undefined, generation: undefined },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: 'assay-agent',
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: 1,
          nodeSelector: { 'test.assay.dev/run': 'true' },
          containers: [{ name: 'agent', image: 'registry.example/agent:1' }],
        },
      },
    },
    status: undefined,
  });
  const metadata = (name: string) => ({ name, namespace: 'assay' });
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'assay' } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: metadata('assay-agent') },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata('assay-status') },
    { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: metadata('assay') },
    daemonSet,
  ];
}

function node(name: string, change: object = {}): NewObject {
  const labels = { 'test.assay.dev/run': 'true' };
  return gpuNode(name, {
    metadata: { uid: undefined, labels, annotations: { 'kwok.x-k8s.io/node': 'fake' } },
    status: { capacity: { pods: '110' }, allocatable: { pods: '110' }, conditions: undefined },
    ...change,
  });
}

describe.skipIf(kubeconfig === '')('a run against a real API server (skipped without ASSAY_TEST_KUBECONFIG: npm run test:cluster)', () => {
  let cluster: Cluster;
  let api: Api;
  let jobs = 0;
  const runs: ClusterRun[] = [];

  beforeAll(async () => {
    cluster = await connectCluster({ kubeconfig });
    api = openApi(kubeconfig);
    for (const object of [...release(), ...NODES.map((name) => node(name))]) await cluster.create(object);
    for (const name of NODES) await podOf(name);
  }, 120_000);

  afterEach(async () => {
    for (const run of runs.splice(0)) {
      await run.stop();
      run.discard();
    }
    await cluster.patch(
      { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace: 'assay', name: 'assay' },
      { spec: { holderIdentity: '' } },
    );
  });

  afterAll(async () => {
    for (const name of NODES) await cluster.remove({ apiVersion: 'v1', kind: 'Node', name });
    await cluster.remove({ apiVersion: 'v1', kind: 'Namespace', name: 'assay' });
    api.close();
  });

  /** The running agent pod of a node, as soon as there is one. */
  async function podOf(name: string): Promise<{ readonly name: string; readonly uid: string }> {
    const over = new AbortController();
    try {
      for await (const event of cluster.watch({ apiVersion: 'v1', kind: 'Pod', namespace: 'assay' }, over.signal)) {
        const pod = event.change === 'present' ? event.object : undefined;
        const isLive = textAt(pod, 'status', 'phase') === 'Running' && pod?.metadata.deletionTimestamp === undefined;
        if (pod !== undefined && isLive && textAt(pod, 'spec', 'nodeName') === name)
          return { name: pod.metadata.name, uid: pod.metadata.uid ?? '' };
      }
    } finally {
      over.abort();
    }
    throw new Error(`no pod on ${name}`);
  }

  /** A token as the kubelet projects it. */
  async function token(nodeName: string, audience = AUDIENCE): Promise<string> {
    const { name, uid } = await podOf(nodeName);
    const spec = { audiences: [audience], expirationSeconds: 600, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid } };
    const answer = await api.post('/api/v1/namespaces/assay/serviceaccounts/assay-agent/token', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec,
    });
    return String(answer.status.token);
  }

  function start(options: { audience?: string; directory?: string; jobUid?: string; flags?: readonly string[] } = {}): ClusterRun {
    jobs += 1;
    const { audience, ...rest } = options;
    const run = new ClusterRun(cluster, { jobUid: `job-${String(jobs)}`, ...rest, token: (name) => token(name, audience) });
    runs.push(run);
    return run;
  }

  async function report(run: ClusterRun, names: readonly string[]): Promise<void> {
    for (const name of names) {
      const agent = await run.connect(name, PASSING);
      await agent.send(1, PASSING.length);
    }
  }

  it('hears every node by the token of its pod, and writes a status', async () => {
    const run = start();
    await report(run, NODES);

    expect(await run.ended).toMatchObject({ code: undefined });
    expect(run.events.filter(({ event }) => event === 'incident' || event === 'absent')).toEqual([]);
    expect((await statusOf(cluster)).status).toMatchObject({ runId: run.runId, nodes: { expected: 3, finished: 3, absent: {} } });
  }, 60_000);

  it('refuses a token for another audience', async () => {
    const run = start({ audience: 'somebody.else' });

    await expect(run.connect('run-1', PASSING)).rejects.toMatchObject({ code: 'UPLINK_REFUSED' });
    expect(await run.event('incident')).toMatchObject({ code: 'CREDENTIAL_AUDIENCE' });
  }, 60_000);

  it('says why nodes cannot report, and that one was removed during the run', async () => {
    await cluster.create(node('run-4', { spec: { taints: [{ key: 'team', value: 'a', effect: 'NoSchedule' }] } }));
    await cluster.create(
      node('run-5', {
        metadata: { uid: undefined, labels: { 'test.assay.dev/run': 'no' }, annotations: { 'kwok.x-k8s.io/node': 'fake' } },
      }),
    );
    await cluster.create(node('run-6'));
    await podOf('run-6');
    const run = start();
    const agent = await run.connect('run-6', PASSING);
    await agent.send(1, 2);
    agent.client.socket.terminate();
    await report(run, NODES);
    await run.event('waiting', (event) => event.node === 'run-4' && event.reason === 'tainted');
    await run.event('waiting', (event) => event.node === 'run-5' && event.reason === 'unlabelled');
    await cluster.remove({ apiVersion: 'v1', kind: 'Node', name: 'run-6' });
    await run.event('waiting', (event) => event.node === 'run-6' && event.reason === 'gone');
    run.advance(21_000);
    await run.ended;
    for (const name of ['run-4', 'run-5']) await cluster.remove({ apiVersion: 'v1', kind: 'Node', name });

    expect((await statusOf(cluster)).status?.nodes).toEqual({
      expected: 6,
      connected: 0,
      finished: 3,
      absent: { tainted: 1, unlabelled: 1, gone: 1 },
    });
    expect(run.events.find((event) => event.event === 'absent' && event.node === 'run-6')).toMatchObject({ reason: 'gone' });
  }, 120_000);

  it('goes on after a lost disk with the nonce of the status, and lets one run at a time', async () => {
    const first = start();
    const agent = await first.connect('run-1', PASSING);
    await agent.send(1, 3);
    await first.stop();
    const second = start({ jobUid: first.jobUid });
    const again = await second.connect('run-1', PASSING);
    const other = start();

    expect(again.signed.nonce).toEqual(agent.signed.nonce);
    expect(await other.ended).toEqual({ exit: undefined, code: 'RUN_BUSY' });
  }, 120_000);

  it('goes on when a pod is deleted: the new one counts', async () => {
    const run = start();
    const old = await run.connect('run-2', PASSING);
    await old.send(1, 3);
    const pod = await podOf('run-2');
    await cluster.remove({ apiVersion: 'v1', kind: 'Pod', namespace: 'assay', name: pod.name });
    await report(run, NODES);

    expect(await run.ended).toMatchObject({ code: undefined });
    expect(run.events).toContainEqual(expect.objectContaining({ event: 'node-connected', node: 'run-2', attempt: 2 }));
    expect((await statusOf(cluster)).status?.nodes.finished).toBe(3);
  }, 120_000);
});
