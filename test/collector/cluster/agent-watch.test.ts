import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NewObject } from '#core/cluster/cluster.ts';
import { AssayError } from '#core/error.ts';
import { createLog } from '#core/log.ts';
import { AgentWatch } from '../../../collector/cluster/agent-watch.ts';
import { MemoryCluster, type MemoryClusterOptions } from '../../fixture/cluster/memory-cluster.ts';
import { agentDaemonSet, agentPod, gpuNode, waitingPod } from '../../fixture/cluster/objects.ts';
import { codeOfPromise } from '../../fixture/uplink/code-of.ts';

const OBJECTS: readonly NewObject[] = [agentDaemonSet(), gpuNode('gpu-1'), gpuNode('gpu-2'), gpuNode('other'), agentPod('gpu-1')];
const EVENT = {
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name: 'e', namespace: 'assay' },
  involvedObject: { kind: 'DaemonSet', name: 'assay-agent' },
  reason: 'FailedCreate',
  message: 'Error creating: pods "assay-agent-" is forbidden: exceeded quota',
  lastTimestamp: '2026-01-02T03:05:00Z',
};

describe('watch over agents', () => {
  let stop: AbortController;
  let changed: string[];
  beforeEach(() => {
    stop = new AbortController();
    changed = [];
  });
  afterEach(() => stop.abort());

  async function started(options: MemoryClusterOptions = {}): Promise<{ cluster: MemoryCluster; watch: AgentWatch }> {
    const cluster = new MemoryCluster({ namespace: 'assay', objects: OBJECTS, ...options });
    const expected = ['gpu-1', 'gpu-2'].map((name) => ({ name, uid: `uid-${name}` }));
    const log = createLog({ program: 'test', level: 'silent' });
    const watch = new AgentWatch({ cluster, namespace: 'assay', release: 'assay', expected, log, onChange: (node) => changed.push(node) });
    await watch.start(stop.signal);
    changed.length = 0;
    return { cluster, watch };
  }

  /** What was put into the cluster has reached the watch. */
  async function seen(): Promise<void> {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  it('knows the state of expected nodes as soon as it has started, and of no others', async () => {
    const { watch } = await started();

    expect(['gpu-1', 'gpu-2', 'other'].map((node) => watch.stateOf(node)?.state)).toEqual(['running', 'starting', undefined]);
  });

  it('follows node, pod and DaemonSet, and says which nodes that concerns', async () => {
    const { cluster, watch } = await started();
    cluster.put(waitingPod('gpu-2', { reason: 'ErrImagePull' }));
    await seen();
    expect([changed.splice(0), watch.stateOf('gpu-2')]).toMatchObject([['gpu-2'], { reason: 'image-pull' }]);
    cluster.drop({ apiVersion: 'v1', kind: 'Pod', namespace: 'assay', name: 'assay-agent-gpu-2' });
    cluster.put(gpuNode('gpu-2', { spec: { unschedulable: true } }));
    await seen();
    expect([changed.splice(0), watch.stateOf('gpu-2')]).toMatchObject([['gpu-2', 'gpu-2'], { reason: 'cordoned' }]);
    cluster.put(agentDaemonSet({ spec: { template: { spec: { nodeSelector: { pool: 'x' } } } } }));
    await seen();
    expect([changed.splice(0), watch.stateOf('gpu-2')]).toMatchObject([['gpu-1', 'gpu-2'], { reason: 'unlabelled' }]);
    cluster.drop({ apiVersion: 'v1', kind: 'Node', name: 'gpu-2' });
    await seen();
    expect([changed.splice(0), watch.stateOf('gpu-2')]).toMatchObject([['gpu-2'], { reason: 'gone' }]);
  });

  it('is not moved by the counters of the DaemonSet, nor by nodes and pods of others', async () => {
    const { cluster } = await started();
    cluster.put(agentDaemonSet({ status: { observedGeneration: 1, desiredNumberScheduled: 9 } }));
    cluster.put(gpuNode('other', { spec: { unschedulable: true } }));
    cluster.put(agentPod('gpu-2', { metadata: { name: 'somebody', ownerReferences: [{ kind: 'ReplicaSet', name: 'assay-agent' }] } }));
    await seen();

    expect(changed).toEqual([]);
  });

  it('moves a pod to the node where it is scheduled', async () => {
    const { cluster, watch } = await started();
    cluster.put(agentPod('gpu-2', { spec: { nodeName: undefined } }));
    await seen();
    const before = watch.stateOf('gpu-2')?.state;
    cluster.put(agentPod('gpu-2'));
    await seen();

    expect([before, watch.stateOf('gpu-2')?.state]).toEqual(['starting', 'running']);
  });

  it('explains a missing pod by the event of its controller, until one can be made', async () => {
    const { cluster, watch } = await started();
    cluster.put(EVENT);
    await seen();
    const during = watch.stateOf('gpu-2');
    cluster.put(agentPod('gpu-9', { metadata: { creationTimestamp: '2026-01-02T03:06:00Z' } }));
    await seen();

    expect(during).toMatchObject({ reason: 'unschedulable', detail: expect.stringContaining('exceeded quota') as unknown });
    expect(watch.stateOf('gpu-2')?.state).toBe('starting');
  });

  it('does not bring up an old event', async () => {
    const { watch } = await started({ objects: [...OBJECTS, { ...EVENT, lastTimestamp: '2026-01-01T00:00:00Z' }] });

    expect(watch.stateOf('gpu-2')?.state).toBe('starting');
  });

  it('finds live pods without asking, and asks for those that it does not know', async () => {
    const { cluster, watch } = await started();
    const reads = () => cluster.calls.filter(({ verb, what }) => verb === 'read' && what.startsWith('v1/Pod')).length;
    const known = await watch.pods.find('assay-agent-gpu-1', 'uid-pod-gpu-1');

    expect([known?.node, known?.daemonSet, reads()]).toEqual(['gpu-1', 'assay-agent', 0]);
    expect(await watch.pods.find('assay-agent-gpu-1', 'uid-of-another')).toBeUndefined();
    expect(await watch.pods.find('assay-agent-new', 'uid-new')).toBeUndefined();
    expect(reads()).toBe(2);
  });

  it('knows at once that a pod is ending', async () => {
    const { cluster, watch } = await started();
    cluster.put(agentPod('gpu-1', { metadata: { deletionTimestamp: '2026-01-02T03:07:00Z' } }));
    await seen();

    expect(await watch.pods.find('assay-agent-gpu-1', 'uid-pod-gpu-1')).toBeUndefined();
  });

  it.each(['v1/Node', 'v1/Pod', 'apps/v1/DaemonSet', 'v1/Event'])('ends at the start when it may not watch %s', async (kind) => {
    const fault = ({ verb, what }: { verb: string; what: string }) =>
      verb === 'watch' && what.split(' ')[0] === kind ? new AssayError('CLUSTER_FORBIDDEN', 'no') : undefined;

    expect(await codeOfPromise(started({ fault }))).toBe('CLUSTER_FORBIDDEN');
  });
});
