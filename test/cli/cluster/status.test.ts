import { describe, expect, it } from 'vitest';
import type { NewObject } from '#core/cluster/cluster.ts';
import { AssayError } from '#core/error.ts';
import type { RunEvent } from '#core/wire/run-event.ts';
import { readRun } from '../../../cli/cluster/read-view.ts';
import { readTrace } from '../../../cli/cluster/read-trace.ts';
import { runView, viewExit, type RunView } from '../../../cli/cluster/run-view.ts';
import { statusLine, statusText } from '../../../cli/output/status-text.ts';
import { MemoryCluster, type MemoryClusterOptions } from '../../fixture/cluster/memory-cluster.ts';
import { agentDaemonSet, agentPod, gpuNode, plainNode, waitingPod } from '../../fixture/cluster/objects.ts';
import { eventLog, OPENED_AT, RUN_ID, runJob, runPod, runStatus, statusMap } from '../../fixture/cluster/release-objects.ts';
import { codeOfPromise } from '../../fixture/uplink/code-of.ts';

const NODES: readonly NewObject[] = [
  gpuNode('gpu-1'),
  gpuNode('gpu-2', { spec: { taints: [{ key: 'team', value: 'ml', effect: 'NoSchedule' }] } }),
  gpuNode('gpu-3', { metadata: { labels: { 'nvidia.com/gpu.present': 'false' } } }),
  plainNode('cpu-1'),
];
const EVENTS: readonly RunEvent[] = [
  { event: 'listening', url: 'wss://x', key: 'sha256:00', runId: RUN_ID },
  { event: 'node-connected', node: 'gpu-1', attempt: 1, agentVersion: '0.1.0' },
  { event: 'phase-started', node: 'gpu-1', phase: 'deployment' },
  { event: 'check', node: 'gpu-1', phase: 'deployment', check: 'gpu-count', status: 'passed' },
];

async function view(
  objects: readonly NewObject[],
  options: Omit<MemoryClusterOptions, 'objects'> & { readonly run?: string; readonly release?: string } = {},
): Promise<RunView> {
  const { run, release, ...others } = options;
  const cluster = new MemoryCluster({ logs: { 'assay/assay-run-1-x': eventLog(EVENTS) }, ...others, objects: [...NODES, ...objects] });
  const place = { cluster, namespace: 'assay' };
  const flags = { ...(run === undefined ? {} : { run }), ...(release === undefined ? {} : { release }) };
  const signal = new AbortController().signal;
  const reading = await readRun(place, flags, (found) => readTrace(place, found, signal));
  return runView({ ...reading, nowMs: Date.parse(OPENED_AT) + 60_000 });
}

const codes = ({ findings }: RunView): readonly string[] => findings.map(({ severity, code }) => `${severity} ${code}`);

describe('assay status of a run that goes on', () => {
  it('is its own word, what its log tells, and what keeps agents away with the line that helps', async () => {
    const seen = await view([statusMap(runStatus()), agentDaemonSet(), agentPod('gpu-1'), runJob(), runPod()]);

    expect(seen).toMatchObject({
      namespace: 'assay',
      release: 'assay',
      run: RUN_ID,
      state: 'gathering',
      ended: false,
      recipe: 'h100-eks-training',
      nodes: { expected: 3, connected: 1, finished: 1, absent: { tainted: 1 } },
      checks: { passed: 7, failed: 0, skipped: 2, other: 0 },
      phases: [{ phase: 'deployment', nodesDone: 0, nodesRunning: 1, passed: 1, failed: 0, skipped: 0, other: 0 }],
      slowest: [{ node: 'gpu-1', phase: 'deployment', connectedForMs: 59_000 }],
      agents: { desired: 3, ready: 1 },
      collector: [{ pod: 'assay-run-1-x', phase: 'Running', waiting: [] }],
      findings: [],
    });
    expect(
      seen.agents.problems.map(({ reason, nodes, detail }) => [
        reason,
        nodes,
        detail.includes('kubectl label') || detail.includes('helm upgrade'),
      ]),
    ).toEqual([
      ['tainted', ['gpu-2'], true],
      ['unlabelled', ['gpu-3'], true],
    ]);
    expect(viewExit(seen)).toBe(0);
  });

  it('is red when the DaemonSet wants no pod, with what would change that', async () => {
    const seen = await view([statusMap(runStatus()), agentDaemonSet({ status: { desiredNumberScheduled: 0 } }), runJob(), runPod()]);

    expect([codes(seen), viewExit(seen)]).toEqual([['error NO_AGENT_WANTED'], 1]);
    expect(seen.findings[0]?.hint).toMatch(/kubectl label node|helm upgrade/);
    expect(statusText(seen, 0)).toContain('✗ NO_AGENT_WANTED');
  });

  it('tells of agents whose image cannot be pulled, together by reason', async () => {
    const waiting = { reason: 'ImagePullBackOff', message: 'Back-off pulling image' };
    const labels = { metadata: { labels: { 'nvidia.com/gpu.present': 'true' } } };
    const seen = await view([
      statusMap(runStatus()),
      agentDaemonSet(),
      gpuNode('gpu-4', labels),
      ...['gpu-1', 'gpu-4'].map((node) => waitingPod(node, waiting)),
      runJob(),
      runPod(),
    ]);

    expect(seen.agents.problems[0]).toMatchObject({ reason: 'image-pull', count: 2, nodes: ['gpu-1', 'gpu-4'] });
  });

  it('tells what the pod of the collector waits for', async () => {
    const status = {
      phase: 'Pending',
      conditions: [{ type: 'PodScheduled', status: 'False', message: '0/4 nodes are available: insufficient memory' }],
      containerStatuses: [
        { name: 'collect', state: { waiting: { reason: 'CreateContainerConfigError', message: 'secret "x" not found' } } },
      ],
    };
    const seen = await view([statusMap(), agentDaemonSet(), runJob(), runPod({ status })], { logs: {} });

    expect([seen.state, codes(seen)]).toEqual(['waiting', ['warning COLLECTOR_WAITING']]);
    expect(seen.collector[0]?.waiting).toEqual([
      'no place: 0/4 nodes are available: insufficient memory',
      'collect: CreateContainerConfigError: secret "x" not found',
    ]);
  });

  it('does without the log when that cannot be read', async () => {
    const fault = ({ verb }: { verb: string }): AssayError | undefined =>
      verb === 'podLog' ? new AssayError('CLUSTER_FORBIDDEN', 'pods/log is forbidden') : undefined;
    const seen = await view([statusMap(runStatus()), agentDaemonSet(), runJob(), runPod()], { fault });

    expect([seen.state, seen.nodes.finished, codes(seen)]).toEqual(['gathering', 1, ['warning LOG_UNREADABLE']]);
  });

  it('does without the nodes for whose rights end at the namespace', async () => {
    const fault = ({ what }: { what: string }): AssayError | undefined =>
      what === 'v1/Node' ? new AssayError('CLUSTER_FORBIDDEN', 'nodes is forbidden') : undefined;
    const seen = await view([statusMap(runStatus()), agentDaemonSet(), agentPod('gpu-1'), runJob(), runPod()], { fault });

    expect([seen.state, seen.agents, codes(seen)]).toEqual([
      'gathering',
      { desired: 3, ready: 1, problems: [] },
      ['warning NODES_UNREADABLE'],
    ]);
  });

  it('counts incidents and says that the disk is full', async () => {
    const events: readonly RunEvent[] = [
      ...EVENTS,
      { event: 'incident', code: 'NODE_REJECTED', detail: 'x' },
      { event: 'incident', code: 'NODE_REJECTED', node: 'gpu-1', detail: 'y' },
      { event: 'stalled', code: 'DISK_FULL', message: 'no space' },
    ];
    const seen = await view([statusMap(runStatus()), agentDaemonSet(), runJob(), runPod()], {
      logs: { 'assay/assay-run-1-x': eventLog(events) },
    });

    expect([seen.incidents, codes(seen)]).toEqual([{ NODE_REJECTED: 2 }, ['warning DISK_FULL', 'warning INCIDENTS']]);
  });

  it('goes by the log alone before the collector has written its status', async () => {
    const seen = await view([statusMap(), agentDaemonSet(), runJob(), runPod()]);

    expect([seen.state, seen.nodes, seen.checks]).toEqual([
      'gathering',
      { expected: 3, connected: 1, finished: 0, absent: {} },
      { passed: 1, failed: 0, skipped: 0, other: 0 },
    ]);
  });
});

describe('assay status of a run that ended', () => {
  it.each<[string, Partial<ReturnType<typeof runStatus>>, 'Complete' | 'Failed', readonly string[]]>([
    ['published and all well', { state: 'published', nodes: { expected: 3, connected: 0, finished: 3, absent: {} } }, 'Complete', []],
    ['published with a node missing', { state: 'published' }, 'Failed', ['error NODES_ABSENT']],
    [
      'published with a failed check',
      {
        state: 'published',
        nodes: { expected: 3, connected: 0, finished: 3, absent: {} },
        checks: { passed: 1, failed: 2, skipped: 0, other: 0 },
      },
      'Failed',
      ['error CHECKS_FAILED'],
    ],
    [
      'pending for good',
      { state: 'pending', nodes: { expected: 3, connected: 0, finished: 3, absent: {} }, reason: 'IDENTITY_MISSING: none' },
      'Failed',
      ['error SIGNATURE_PENDING'],
    ],
    ['failed', { state: 'failed', reason: 'NO_GPU_NODE: none' }, 'Failed', ['error RUN_FAILED']],
  ])('%s', async (_, change, ended, expected) => {
    const seen = await view([statusMap(runStatus(change)), agentDaemonSet(), runJob({ ended }), runPod()]);

    expect([seen.ended, codes(seen), viewExit(seen)]).toEqual([true, expected, expected.length === 0 ? 0 : 1]);
  });

  it('is not over while a service is out and the Job goes on', async () => {
    const seen = await view([
      statusMap(runStatus({ state: 'pending', reason: 'FULCIO_UNAVAILABLE: down' })),
      agentDaemonSet(),
      runJob(),
      runPod(),
    ]);

    expect([seen.ended, codes(seen), viewExit(seen)]).toEqual([false, ['warning DELIVERY_RETRIED'], 0]);
  });

  it('failed before it could say why: what the Job says', async () => {
    const seen = await view([statusMap(), agentDaemonSet(), runJob({ ended: 'Failed' })], { logs: {} });

    expect([seen.state, seen.findings[0]]).toMatchObject(['failed', { code: 'RUN_FAILED', detail: 'the Job failed: PodFailurePolicy' }]);
  });

  it('is still there when its Job was removed', async () => {
    const seen = await view([statusMap(runStatus({ state: 'published' })), agentDaemonSet()]);

    expect([seen.run, seen.state, seen.ended]).toEqual([RUN_ID, 'published', true]);
  });

  it('can be asked of an earlier run, whose status a later one has replaced', async () => {
    const earlier = runJob({ uid: 'uid-job-0', name: 'assay-run-0', createdAt: '2026-11-20T12:00:00Z', ended: 'Complete' });
    const pod = runPod({ name: 'assay-run-0-x', uid: 'uid-job-0' });
    const events: readonly RunEvent[] = [
      ...EVENTS,
      { event: 'delivery', state: 'published', final: true, oci: 'registry.example/e:v1', digest: `sha256:${'ef'.repeat(32)}` },
    ];
    const run = (await import('#core/cluster/run-status.ts')).runIdOfJob('uid-job-0');
    const seen = await view([statusMap(runStatus()), agentDaemonSet(), earlier, pod, runJob(), runPod()], {
      run,
      logs: { 'assay/assay-run-0-x': eventLog(events) },
    });

    expect([seen.run, seen.state, seen.oci]).toEqual([run, 'published', 'registry.example/e:v1']);
  });
});

describe('a release', () => {
  it.each<[string, readonly NewObject[], { run?: string; release?: string }, string]>([
    ['is not there', [], {}, 'RUN_NOT_FOUND'],
    ['has another name', [statusMap()], { release: 'other' }, 'RUN_NOT_FOUND'],
    ['is one of several', [statusMap(), { ...statusMap(), metadata: { ...statusMap().metadata, name: 'b-assay-status' } }], {}, 'USAGE'],
    ['has no such run', [statusMap(), runJob()], { run: 'run-0' }, 'RUN_NOT_FOUND'],
  ])('that %s is told so', async (_, objects, flags, code) => {
    expect(await codeOfPromise(view(objects, flags))).toBe(code);
  });

  it('is found by its full name and by the name that Helm has', async () => {
    const other = {
      ...statusMap(),
      metadata: {
        ...statusMap().metadata,
        name: 'b-assay-status',
        labels: { 'app.kubernetes.io/name': 'assay', 'app.kubernetes.io/instance': 'b' },
      },
    };
    const names = await Promise.all(
      ['b', 'b-assay', 'assay'].map(async (release) => (await view([statusMap(), other], { release })).release),
    );

    expect(names).toEqual(['b-assay', 'b-assay', 'assay']);
  });

  it('without any run says so, and what would keep agents away', async () => {
    const seen = await view([statusMap(), agentDaemonSet()]);

    expect([seen.run, seen.state, seen.agents.problems.length, viewExit(seen)]).toEqual([null, 'none', 2, 0]);
    expect(statusText(seen, 0).split('\n')[0]).toBe('release assay in assay · no run yet');
  });

  it('whose status object holds something else says that it can be reset', async () => {
    const seen = await view([statusMap(undefined, { 'status.json': '{"schemaVersion":"9"}' }), agentDaemonSet(), runJob(), runPod()]);

    expect(codes(seen)).toEqual(['error STATUS_UNREADABLE']);
  });

  it('cannot put anything on a terminal', async () => {
    const hostile = '\u001B[2J';
    const status = runStatus({
      state: 'pending',
      recipe: hostile,
      reason: `X: ${hostile}`,
      oci: hostile,
      signer: { identity: hostile, issuer: hostile },
    });
    const seen = await view([statusMap(status), agentDaemonSet(), runJob({ ended: 'Failed' }), runPod()]);

    expect([statusText(seen, 0).includes('\u001B'), statusLine(seen).includes('\u001B')]).toEqual([false, false]);
  });
});
