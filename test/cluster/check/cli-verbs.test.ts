import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '#core/cluster/cluster.ts';
import { connectCluster } from '#core/cluster/connect.ts';
import { conditionOf, numberAt, textAt } from '#core/cluster/object-value.ts';
import type { RunStatus } from '#core/cluster/run-status.ts';
import { CHART, findProgram, kubeconfig, skipServer, WHY_NO_SERVER } from '../../chart/helm.ts';
import { startAssay } from '../../fixture/delivery.ts';
import { gpuNode, plainNode } from '../../fixture/cluster/objects.ts';
import { runStatus } from '../../fixture/cluster/release-objects.ts';
import { assay, type Ended } from '../../fixture/services.ts';

const NS = `assay-cli-${process.pid}`;
const KWOK = { metadata: { uid: undefined, annotations: { 'kwok.x-k8s.io/node': 'fake' } } };
const SIZE = { capacity: { cpu: '64', memory: '256Gi', pods: '110' }, allocatable: { cpu: '64', memory: '256Gi', pods: '110' } };
const DIGEST = `sha256:${'5'.repeat(64)}`;
const INSTANCE = 'node.kubernetes.io/instance-type';

/** A node that kwok plays: alive, with pods that run at once. */
function played(
  make: typeof gpuNode,
  name: string,
  labels: Readonly<Record<string, string>>,
  spec: object = {},
): ReturnType<typeof gpuNode> {
  return make(name, { ...KWOK, metadata: { ...KWOK.metadata, labels }, spec, status: { ...SIZE, conditions: undefined } });
}

const NODES = [
  played(gpuNode, `${NS}-1`, { [INSTANCE]: `${NS}-gpu` }),
  played(gpuNode, `${NS}-2`, { [INSTANCE]: `${NS}-gpu` }, { taints: [{ key: 'test.assay.dev/team', value: 'ml', effect: 'NoSchedule' }] }),
  played(gpuNode, `${NS}-3`, { [INSTANCE]: `${NS}-old`, 'nvidia.com/gpu.present': 'false' }),
  played(plainNode, `${NS}-4`, { [INSTANCE]: `${NS}-cpu` }),
];

interface StatusDocument {
  readonly exit: number;
  readonly run: string | null;
  readonly state: string;
  readonly agents: {
    readonly desired: number;
    readonly problems: readonly { readonly reason: string; readonly nodes: readonly string[] }[];
  };
  readonly findings: readonly { readonly code: string }[];
}

// Pods end, controllers act and programs start at their own pace.
describe.skipIf(skipServer)(`the command line against a real API server ${WHY_NO_SERVER}`, { timeout: 180_000 }, () => {
  let cluster: Cluster;
  let work: string;
  const flags = ['-n', NS, '--kubeconfig', kubeconfig, '--format', 'json'];

  beforeAll(async () => {
    work = mkdtempSync(join(tmpdir(), 'assay-cli-verbs-'));
    cluster = await connectCluster({ kubeconfig });
    for (const node of NODES) await cluster.create(node);
    await ready(new Set(NODES.map(({ metadata }) => metadata.name)));
  }, 60_000);

  afterAll(async () => {
    for (const { metadata } of NODES) await cluster.remove({ apiVersion: 'v1', kind: 'Node', name: metadata.name });
    told('helm', 'uninstall', 'assay', '-n', NS, '--ignore-not-found');
    await cluster.remove({ apiVersion: 'v1', kind: 'Namespace', name: NS });
    rmSync(work, { recursive: true, force: true });
  }, 60_000);

  /** Calls helm or kubectl, which keep files in their user's home. */
  function told(name: 'helm' | 'kubectl', ...args: readonly string[]): string {
    const env = { PATH: process.env['PATH'], HOME: work, KUBECONFIG: kubeconfig };
    return execFileSync(findProgram(name) ?? name, args, { stdio: 'pipe', env, encoding: 'utf8' });
  }

  function install(...more: readonly string[]): void {
    const images = ['agent', 'collector', 'cli'].flatMap((name) => [
      '--set',
      `images.${name}.repository=r.example/${name},images.${name}.digest=${DIGEST}`,
    ]);
    const values = ['--set', 'recipe.criteria.accelerator=h100,recipe.criteria.service=eks,recipe.criteria.intent=training', ...images];
    told('helm', 'upgrade', '--install', 'assay', CHART, '-n', NS, '--create-namespace', ...values, ...more);
  }

  const documentOf = <T>({ stdout }: Ended): T => JSON.parse(stdout) as T;
  const mine = (nodes: readonly string[]): readonly string[] => nodes.filter((name) => name.startsWith(NS));

  async function status(): Promise<StatusDocument> {
    return documentOf<StatusDocument>(await assay(['status', ...flags]));
  }

  /** Resolves when the nodes say that they are ready. */
  async function ready(waiting: Set<string>): Promise<void> {
    const over = new AbortController();
    for await (const change of cluster.watch({ apiVersion: 'v1', kind: 'Node' }, over.signal)) {
      if (change.change === 'present' && conditionOf(change.object, 'Ready')?.status === 'True')
        waiting.delete(change.object.metadata.name);
      if (waiting.size === 0) over.abort();
    }
  }

  /** Resolves when the controller has looked at the present version of the DaemonSet. */
  async function settled(desired: (count: number) => boolean): Promise<void> {
    const over = new AbortController();
    const selection = { apiVersion: 'apps/v1', kind: 'DaemonSet', namespace: NS, fields: 'metadata.name=assay-agent' };
    for await (const change of cluster.watch(selection, over.signal)) {
      if (change.change !== 'present') continue;
      const { object } = change;
      const isCurrent = numberAt(object, 'status', 'observedGeneration') === object.metadata.generation;
      if (isCurrent && desired(numberAt(object, 'status', 'desiredNumberScheduled') ?? -1)) over.abort();
    }
  }

  async function tell(change: Partial<RunStatus>): Promise<void> {
    const { run } = await status();
    const text = JSON.stringify(runStatus({ runId: run ?? '', ...change }));
    await cluster.patch({ apiVersion: 'v1', kind: 'ConfigMap', namespace: NS, name: 'assay-status' }, { data: { 'status.json': text } });
  }

  it('predicts before an install what then is', async () => {
    const predicted = documentOf<{
      exit: number;
      installed: boolean;
      lines: readonly { id: string; level: string; nodes?: readonly string[] }[];
    }>(await assay(['doctor', '--offline', ...flags]));
    const outcomes = predicted.lines.filter(({ id }) => ['tainted', 'unlabelled'].includes(id));
    expect([predicted.exit, predicted.installed, outcomes.map(({ id, level, nodes = [] }) => [id, level, mine(nodes)])]).toEqual([
      1,
      false,
      [
        ['tainted', 'fail', [`${NS}-2`]],
        ['unlabelled', 'fail', [`${NS}-3`]],
      ],
    ]);

    install();
    await settled((count) => count >= 1);

    const { exit, agents } = await status();
    expect([exit, agents.problems.map(({ reason, nodes }) => [reason, mine(nodes)])]).toEqual([
      0,
      [
        ['tainted', [`${NS}-2`]],
        ['unlabelled', [`${NS}-3`]],
      ],
    ]);
  });

  it('prints values with which every GPU node gets an agent, and no other node', async () => {
    const { stdout, exit } = await assay(['doctor', '--values', '--offline', ...flags.slice(0, -1), 'yaml']);
    const file = join(work, 'values.yaml');
    writeFileSync(file, stdout);
    expect(exit).toBe(0);

    install('-f', file);
    await settled((count) => count >= 3);

    expect((await status()).agents.problems.flatMap(({ nodes }) => mine(nodes))).toEqual([]);
    const pods = (await cluster.list({ apiVersion: 'v1', kind: 'Pod', namespace: NS, labels: 'app.kubernetes.io/component=agent' })) ?? [];
    const wanted = pods.map((pod) => textAt(pod, 'spec', 'nodeName') ?? '').filter((node) => node === `${NS}-4`);
    expect(wanted).toEqual([]);
  });

  it('reads a snapshot of the whole cluster that the fingerprint understands', async () => {
    const file = join(work, 'snapshot.yaml');
    const taken = await assay(['snapshot', '--kubeconfig', kubeconfig, '-o', file]);
    const fingerprint = await assay(['fingerprint', '-s', file, '--format', 'json']);
    const nodes = (await cluster.list({ apiVersion: 'v1', kind: 'Node' })) ?? [];

    expect([taken.exit, fingerprint.exit, documentOf<{ nodeCount: unknown }>(fingerprint).nodeCount], taken.stderr).toMatchObject([
      0,
      0,
      { value: nodes.length },
    ]);
  });

  it('is red when no agent is wanted', async () => {
    install('--set', 'agent.nodeSelector.nobody=has-it');
    await settled((count) => count === 0);

    const { exit, findings } = await status();
    expect([exit, findings.map(({ code }) => code)]).toMatchObject([1, expect.arrayContaining(['NO_AGENT_WANTED'])]);
  });

  it('watches a run until it ends, one document per line, and waits for what it reaches', async () => {
    // A pod that finds no node neither writes a status of its own nor ends: the status of this run is what the test tells.
    install('--set', 'collector.nodeSelector.assay-test=nowhere');
    const { run } = await status();
    expect(run).toMatch(/^run-[0-9a-f]{16}$/);
    const waiting = startAssay(['wait', '--for', 'published', '--timeout', '60s', ...flags]);
    const watching = startAssay(['status', '--watch', ...flags]);

    await tell({ state: 'gathering' });
    await tell({
      state: 'published',
      oci: 'r.example/e:v1',
      digest: DIGEST,
      nodes: { expected: 3, connected: 0, finished: 3, absent: {} },
    });

    expect(documentOf(await waiting.ended)).toMatchObject({ exit: 0, reached: true, run, state: 'published', oci: 'r.example/e:v1' });
    const { stdout, exit } = await watching.ended;
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as StatusDocument);
    expect([exit, lines.at(-1)?.state, new Set(lines.map((line) => line.run))]).toEqual([0, 'published', new Set([run])]);
  });

  it.each([
    ['wait', ['--for', 'published', '--timeout', '100ms', '--run', 'none'], 2, 'RUN_NOT_FOUND'],
    ['status', ['--run', 'none'], 2, 'RUN_NOT_FOUND'],
    ['results', ['--release', 'none'], 2, 'RUN_NOT_FOUND'],
    ['logs', ['no-such-node'], 3, 'PROGRAM_FAILED'],
  ])('says what is not there: %s %j', async (verb, args, exit, code) => {
    const ended = await assay([verb, ...args, ...flags]);

    expect([ended.exit, documentOf<{ exit: number; error: { code: string } }>(ended)]).toMatchObject([exit, { exit, error: { code } }]);
  });

  it('reads as a user of the namespace alone, and says what it may not see', async () => {
    const made = [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'viewer', namespace: NS } },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: 'viewer', namespace: NS },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
        subjects: [{ kind: 'ServiceAccount', name: 'viewer', namespace: NS }],
      },
    ];
    for (const object of made) await cluster.create(object);
    const token = told('kubectl', 'create', 'token', 'viewer', '-n', NS).trim();
    const file = join(work, 'viewer');
    const server = told('kubectl', 'config', 'view', '--raw', '-o', 'jsonpath={.clusters[0].cluster}');
    writeFileSync(
      file,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [{ name: 'c', cluster: JSON.parse(server) as unknown }],
        users: [{ name: 'u', user: { token } }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: NS } }],
        'current-context': 'x',
      }),
    );

    const ended = await assay(['status', '--kubeconfig', file, '--format', 'json']);
    const { run, state, findings } = documentOf<StatusDocument>(ended);
    const refused = await assay(['delete', '--kubeconfig', file, '--timeout', '1s', '--format', 'json']);

    expect([run, state, findings.map(({ code }) => code)], ended.stderr).toMatchObject([
      expect.any(String),
      'published',
      expect.arrayContaining(['NODES_UNREADABLE']),
    ]);
    expect([refused.exit, refused.stdout + refused.stderr]).toMatchObject([3, expect.not.stringContaining(token)]);
  });

  it('deletes the run, and nothing of it is left', async () => {
    const { exit, stdout } = await assay(['delete', '--all-runs', ...flags]);
    const deletion = JSON.parse(stdout) as { left: readonly string[]; removed: readonly string[]; statusReset: boolean };

    expect([exit, deletion.left, deletion.statusReset]).toEqual([0, [], true]);
    const left = await Promise.all(
      [
        { apiVersion: 'batch/v1', kind: 'Job' },
        { apiVersion: 'v1', kind: 'Pod' },
      ].map(async (kind) => (await cluster.list({ ...kind, namespace: NS, labels: 'app.kubernetes.io/component=collector' }))?.length),
    );
    expect([left, (await status()).run]).toEqual([[0, 0], null]);
  });

  it.each([
    ['a server that is not there', { server: 'https://127.0.0.1:1' }, 3, 'CLUSTER_UNREACHABLE'],
    ['a kubeconfig that is none', undefined, 64, 'KUBECONFIG_INVALID'],
  ])('tells %s apart', async (_, place, exit, code) => {
    const file = join(work, `bad-${exit}`);
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: place }],
      users: [{ name: 'u', user: { token: 'x' } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    };
    writeFileSync(file, place === undefined ? 'apiVersion: v1\nkind: Config\n' : JSON.stringify(config));

    const ended = await assay(['status', '--kubeconfig', file, '--format', 'json']);

    expect([ended.exit, documentOf<{ error: { code: string } }>(ended).error.code]).toEqual([exit, code]);
  });
});
