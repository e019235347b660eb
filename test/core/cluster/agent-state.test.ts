import { describe, expect, it } from 'vitest';
import { agentState, type AgentSituation, type AgentState } from '#core/cluster/agent-state.ts';
import type { ClusterObject } from '#core/cluster/cluster.ts';
import { daemonSetFacts } from '#core/cluster/daemon-set-facts.ts';
import { nodeFacts } from '#core/cluster/node-facts.ts';
import { podFacts } from '#core/cluster/pod-facts.ts';
import { agentDaemonSet, agentPod, gpuNode, waitingPod } from '../../fixture/cluster/objects.ts';

interface Told {
  readonly node?: ClusterObject | undefined;
  readonly pods?: readonly ClusterObject[];
  readonly daemonSet?: ClusterObject | undefined;
  readonly createFailure?: string;
}

function stateOf(told: Told): AgentState {
  const { node, daemonSet } = { node: gpuNode('gpu-1'), daemonSet: agentDaemonSet(), ...told };
  const situation: AgentSituation = {
    name: 'gpu-1',
    uid: 'uid-gpu-1',
    node: node === undefined ? undefined : nodeFacts(node),
    pods: (told.pods ?? []).map(podFacts),
    daemonSet: daemonSet === undefined ? undefined : daemonSetFacts(daemonSet),
    release: 'assay',
    ...(told.createFailure === undefined ? {} : { createFailure: told.createFailure }),
  };
  return agentState(situation);
}

const taint = (key: string, effect: string, value?: string): Record<string, string> => ({
  key,
  effect,
  ...(value === undefined ? {} : { value }),
});
const DESCRIBE = 'kubectl -n assay describe pod assay-agent-gpu-1';
const RUNNING = { state: 'running', detail: 'the pod assay-agent-gpu-1 runs: kubectl -n assay logs assay-agent-gpu-1' };
const LOGS = 'kubectl -n assay logs assay-agent-gpu-1 --previous';

describe('state of the agent of a node', () => {
  it('is running with a ready pod', () => {
    expect(stateOf({ pods: [agentPod('gpu-1')] })).toEqual(RUNNING);
  });

  it.each<[string, Told, string]>([
    ['no pod was made yet', {}, 'the DaemonSet has not made a pod for this node yet'],
    [
      'the container is being made',
      { pods: [waitingPod('gpu-1', { reason: 'ContainerCreating' })] },
      'the pod assay-agent-gpu-1 is ContainerCreating',
    ],
    [
      'the only pod is ending',
      { pods: [agentPod('gpu-1', { metadata: { deletionTimestamp: '2026-01-02T03:05:05Z' } })] },
      'the pod assay-agent-gpu-1 is being deleted',
    ],
    [
      'the pod runs but is not ready',
      { pods: [agentPod('gpu-1', { status: { conditions: [{ type: 'Ready', status: 'False' }] } })] },
      'the pod assay-agent-gpu-1 is Running',
    ],
    [
      'the agent ended once',
      {
        pods: [
          agentPod('gpu-1', {
            status: {
              conditions: [],
              containerStatuses: [
                { name: 'agent', restartCount: 1, lastState: { terminated: { reason: 'Error', exitCode: 1 } }, state: { running: {} } },
              ],
            },
          }),
        ],
      },
      'the pod assay-agent-gpu-1 is Running',
    ],
    ['the pod has no status at all', { pods: [agentPod('gpu-1', { status: undefined })] }, 'the pod assay-agent-gpu-1 is Unknown'],
    [
      'the node has taints that every DaemonSet pod tolerates',
      {
        node: gpuNode('gpu-1', {
          spec: { taints: [taint('node.kubernetes.io/disk-pressure', 'NoSchedule'), taint('nvidia.com/gpu', 'NoSchedule')] },
        }),
      },
      'the DaemonSet has not made a pod for this node yet',
    ],
    [
      'a taint only asks to stay away',
      { node: gpuNode('gpu-1', { spec: { taints: [taint('team', 'PreferNoSchedule', 'a')] } }) },
      'the DaemonSet has not made a pod for this node yet',
    ],
  ])('is starting while %s', (_, told, detail) => {
    expect(stateOf(told)).toEqual({ state: 'starting', detail });
  });

  it.each<[string, Told, Omit<AgentState & { state: 'absent' }, 'state'>]>([
    [
      'gone when the cluster has no such node',
      { node: undefined },
      { reason: 'gone', mayHeal: false, detail: 'the node left the cluster: kubectl get node gpu-1 -o wide' },
    ],
    [
      'gone when another machine has its name, even with a running agent',
      { node: gpuNode('gpu-1', { metadata: { uid: 'uid-new' } }), pods: [agentPod('gpu-1')] },
      {
        reason: 'gone',
        mayHeal: false,
        detail: 'the node of this name is another machine now (UID uid-new, was uid-gpu-1): kubectl get node gpu-1 -o wide',
      },
    ],
    [
      'never connected without a DaemonSet',
      { daemonSet: undefined },
      { reason: 'never-connected', mayHeal: true, detail: 'the DaemonSet assay-agent does not exist: helm list --all-namespaces' },
    ],
    [
      'unlabelled, with the label of the maker of its GPUs',
      { node: gpuNode('gpu-1', { metadata: { labels: { 'nvidia.com/gpu.present': 'false' } } }) },
      {
        reason: 'unlabelled',
        mayHeal: false,
        detail:
          'no label that assay-agent selects (feature.node.kubernetes.io/amd-gpu=true or nvidia.com/gpu.present=true): kubectl label node gpu-1 nvidia.com/gpu.present=true',
      },
    ],
    [
      'unlabelled when the node selector asks for more than one thing',
      {
        daemonSet: agentDaemonSet({
          spec: { template: { spec: { affinity: null, nodeSelector: { pool: 'gpu', 'kubernetes.io/hostname': 'gpu-1', zone: 'a' } } } },
        }),
      },
      {
        reason: 'unlabelled',
        mayHeal: false,
        detail:
          'no label that assay-agent selects (pool=gpu,kubernetes.io/hostname=gpu-1,zone=a): kubectl label node gpu-1 pool=gpu zone=a',
      },
    ],
    [
      'tainted, with every taint that keeps the agent away and the whole list of tolerations',
      {
        node: gpuNode('gpu-1', {
          spec: { taints: [taint('team', 'NoSchedule', 'a'), taint('nvidia.com/gpu', 'NoSchedule'), taint('lost', 'NoExecute')] },
        }),
      },
      {
        reason: 'tainted',
        mayHeal: false,
        detail:
          'the agent does not tolerate team=a:NoSchedule and lost:NoExecute: helm upgrade assay charts/assay --reuse-values --set-json ' +
          `'agent.tolerations=[{"key":"nvidia.com/gpu","operator":"Exists","effect":"NoSchedule"},{"key":"team","operator":"Equal","value":"a","effect":"NoSchedule"},{"key":"lost","operator":"Exists","effect":"NoExecute"}]'`,
      },
    ],
    [
      'tainted when the taint has another effect than the one that is tolerated',
      { node: gpuNode('gpu-1', { spec: { taints: [taint('nvidia.com/gpu', 'NoExecute')] } }) },
      {
        reason: 'tainted',
        mayHeal: false,
        detail:
          'the agent does not tolerate nvidia.com/gpu:NoExecute: helm upgrade assay charts/assay --reuse-values --set-json ' +
          `'agent.tolerations=[{"key":"nvidia.com/gpu","operator":"Exists","effect":"NoSchedule"},{"key":"nvidia.com/gpu","operator":"Exists","effect":"NoExecute"}]'`,
      },
    ],
    [
      'cordoned without a pod',
      { node: gpuNode('gpu-1', { spec: { unschedulable: true } }) },
      { reason: 'cordoned', mayHeal: false, detail: 'the node is cordoned and has no agent: kubectl uncordon gpu-1' },
    ],
    [
      'unschedulable when no pod may be made',
      { createFailure: 'pods "assay-agent-x" is forbidden: exceeded quota' },
      {
        reason: 'unschedulable',
        mayHeal: true,
        detail: 'no pod can be made, pods "assay-agent-x" is forbidden: exceeded quota: kubectl describe daemonset assay-agent',
      },
    ],
    [
      'unschedulable when the scheduler finds no place',
      {
        pods: [
          agentPod('gpu-1', {
            spec: { nodeName: undefined },
            status: {
              phase: 'Pending',
              containerStatuses: [],
              conditions: [
                {
                  type: 'PodScheduled',
                  status: 'False',
                  reason: 'Unschedulable',
                  message: '0/3 nodes are available: 1 Insufficient memory.',
                },
              ],
            },
          }),
        ],
      },
      {
        reason: 'unschedulable',
        mayHeal: true,
        detail: `the pod has no place, 0/3 nodes are available: 1 Insufficient memory.: ${DESCRIBE}`,
      },
    ],
    [
      'unschedulable when the kubelet turns the pod away',
      {
        pods: [
          agentPod('gpu-1', {
            status: { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: ephemeral-storage. ' },
          }),
        ],
      },
      {
        reason: 'unschedulable',
        mayHeal: true,
        detail: `the pod was turned away, Evicted: The node was low on resource: ephemeral-storage: ${DESCRIBE}`,
      },
    ],
    [
      'image-pull while the kubelet backs off',
      { pods: [waitingPod('gpu-1', { reason: 'ImagePullBackOff', message: 'Back-off pulling image "registry.example/agent:1"' })] },
      {
        reason: 'image-pull',
        mayHeal: true,
        detail: `registry.example/agent:1 cannot be pulled, ImagePullBackOff: Back-off pulling image "registry.example/agent:1": ${DESCRIBE}`,
      },
    ],
    [
      'image-pull at the first failure',
      { pods: [waitingPod('gpu-1', { reason: 'ErrImagePull' })] },
      { reason: 'image-pull', mayHeal: true, detail: `registry.example/agent:1 cannot be pulled, ErrImagePull: ${DESCRIBE}` },
    ],
    [
      'agent-failed in a crash loop, with how it ended',
      {
        pods: [
          waitingPod(
            'gpu-1',
            { reason: 'CrashLoopBackOff', message: 'back-off 20s restarting failed container' },
            { restartCount: 3, lastState: { terminated: { reason: 'OOMKilled', exitCode: 137 } } },
          ),
        ],
      },
      { reason: 'agent-failed', mayHeal: true, detail: `the agent ended 3 times, last with OOMKilled (exit 137): ${LOGS}` },
    ],
    [
      'agent-failed after the second restart, though it runs at this moment',
      {
        pods: [
          agentPod('gpu-1', {
            status: {
              containerStatuses: [
                {
                  name: 'agent',
                  ready: true,
                  restartCount: 2,
                  state: { running: {} },
                  lastState: { terminated: { reason: 'Error', exitCode: 64 } },
                },
              ],
            },
          }),
        ],
      },
      { reason: 'agent-failed', mayHeal: true, detail: `the agent ended 2 times, last with Error (exit 64): ${LOGS}` },
    ],
    [
      'agent-failed when its container cannot be made',
      { pods: [waitingPod('gpu-1', { reason: 'CreateContainerConfigError', message: 'configmap "assay-agent" not found' })] },
      {
        reason: 'agent-failed',
        mayHeal: true,
        detail: `the agent cannot be started, CreateContainerConfigError: configmap "assay-agent" not found: ${DESCRIBE}`,
      },
    ],
    [
      'not-ready, whatever its stale pod says',
      {
        node: gpuNode('gpu-1', {
          status: {
            conditions: [
              { type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' },
            ],
          },
        }),
        pods: [agentPod('gpu-1')],
      },
      {
        reason: 'not-ready',
        mayHeal: true,
        detail: 'the node is not ready, NodeStatusUnknown: Kubelet stopped posting node status.: kubectl describe node gpu-1',
      },
    ],
    [
      'not-ready when its kubelet never spoke',
      { node: gpuNode('gpu-1', { status: { conditions: [] } }) },
      {
        reason: 'not-ready',
        mayHeal: true,
        detail: 'the node is not ready, its kubelet has never said that it is ready: kubectl describe node gpu-1',
      },
    ],
  ])('is %s', (_, told, expected) => {
    expect(stateOf(told)).toEqual({ state: 'absent', ...expected });
  });

  it('is what the newest pod says that is not ending', () => {
    const old = agentPod('gpu-1', { metadata: { name: 'old', creationTimestamp: '2026-01-01T00:00:00Z' } });
    const newer = waitingPod('gpu-1', { reason: 'ErrImagePull' });
    const ending = agentPod('gpu-1', {
      metadata: { name: 'ending', creationTimestamp: '2026-01-03T00:00:00Z', deletionTimestamp: '2026-01-03T00:00:01Z' },
    });

    expect([old, newer, ending].map((_, index, all) => stateOf({ pods: [...all.slice(index), ...all.slice(0, index)] }).state)).toEqual([
      'absent',
      'absent',
      'absent',
    ]);
    expect(stateOf({ pods: [ending, old] })).toEqual({ state: 'running', detail: 'the pod old runs: kubectl -n assay logs old' });
  });

  it('blames the pod and not the label of a node that lost it while its agent runs on', () => {
    const node = gpuNode('gpu-1', { metadata: { labels: { 'nvidia.com/gpu.present': 'no' } } });

    expect(stateOf({ node, pods: [agentPod('gpu-1')] })).toEqual(RUNNING);
    expect(stateOf({ node }).state).toBe('absent');
  });
});

describe('pod of an agent', () => {
  it('is meant for the node in its affinity while it is not scheduled', () => {
    const affinity = {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['gpu-7'] }] }],
        },
      },
    };

    expect(podFacts(agentPod('x', { spec: { nodeName: undefined, affinity } })).node).toBe('gpu-7');
    expect(podFacts(agentPod('x', { spec: { nodeName: undefined } })).node).toBeUndefined();
  });

  it.each([
    [{ spec: null, status: null }],
    [{ spec: [], status: 'x' }],
    [{ status: { containerStatuses: [null, 7, {}], conditions: [null] } }],
  ])('is read whatever shape it has: %j', (change) => {
    expect(podFacts(agentPod('x', change)).name).toBe('assay-agent-x');
  });
});
