import { describe, expect, it } from 'vitest';
import type { NewObject } from '#core/cluster/cluster.ts';
import { adviseValues } from '../../../../cli/cluster/doctor/advise-values.ts';
import { accessLines, adviseAccess, resolvedAccess } from '../../../../cli/cluster/doctor/access-lines.ts';
import { planFromValues, type ChartPlan } from '../../../../cli/cluster/doctor/chart-plan.ts';
import { readCluster, type ClusterReading } from '../../../../cli/cluster/doctor/cluster-reading.ts';
import { nodeLines } from '../../../../cli/cluster/doctor/node-lines.ts';
import { MemoryCluster } from '../../../fixture/cluster/memory-cluster.ts';
import { gpuNode, plainNode } from '../../../fixture/cluster/objects.ts';

const INSTANCE = 'node.kubernetes.io/instance-type';

function plan(values: object = {}): ChartPlan {
  return planFromValues(values, { namespace: 'assay', helmRelease: 'assay' });
}

function reading(objects: readonly NewObject[], forPlan = plan()): Promise<ClusterReading> {
  return readCluster(new MemoryCluster({ objects }), forPlan);
}

/** A GPU node that only its capacity gives away. */
function unlabelled(name: string, labels: Readonly<Record<string, string>> = {}): NewObject {
  return gpuNode(name, { metadata: { labels: { 'nvidia.com/gpu.present': 'false', ...labels } } });
}

function tainted(name: string, ...taints: readonly object[]): NewObject {
  return gpuNode(name, { spec: { taints } });
}

function amd(name: string): NewObject {
  return plainNode(name, {
    metadata: { labels: { 'feature.node.kubernetes.io/amd-gpu': 'true' } },
    status: { capacity: { 'amd.com/gpu': '8' } },
  });
}

function runtimeClass(name: string): NewObject {
  return { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name } };
}

describe('which nodes would report', () => {
  const short = (lines: ReturnType<typeof nodeLines>): readonly unknown[] => lines.map(({ level, id, nodes }) => [level, id, nodes ?? []]);

  it.each<[string, readonly NewObject[], object, readonly unknown[]]>([
    ['all of them', [gpuNode('a'), gpuNode('b'), plainNode('c')], {}, [['ok', 'reporting', ['a', 'b']]]],
    ['none, because there is no GPU', [plainNode('c')], {}, [['fail', 'gpu-nodes', []]]],
    ['none, because there is no node', [], {}, [['fail', 'gpu-nodes', []]]],
    [
      'not one with a taint of its own',
      [gpuNode('a'), tainted('b', { key: 'team', value: 'ml', effect: 'NoSchedule' })],
      {},
      [
        ['ok', 'reporting', ['a']],
        ['fail', 'tainted', ['b']],
      ],
    ],
    [
      'one with the taint of GPU operators',
      [tainted('a', { key: 'nvidia.com/gpu', effect: 'NoSchedule' })],
      {},
      [['ok', 'reporting', ['a']]],
    ],
    [
      'not one with that taint when the values tolerate nothing',
      [tainted('a', { key: 'nvidia.com/gpu', effect: 'NoSchedule' })],
      { agent: { tolerations: [] } },
      [['fail', 'tainted', ['a']]],
    ],
    ['one whose taint only prefers others', [tainted('a', { key: 'team', effect: 'PreferNoSchedule' })], {}, [['ok', 'reporting', ['a']]]],
    ['not one without a label', [unlabelled('a')], {}, [['fail', 'unlabelled', ['a']]]],
    [
      'one without a label that the values name',
      [unlabelled('a', { pool: 'gpu' })],
      { agent: { extraNodes: [{ key: 'pool', operator: 'In', values: ['gpu'] }] } },
      [['ok', 'reporting', ['a']]],
    ],
    [
      'one without GPUs that the values name',
      [plainNode('a', { metadata: { labels: { pool: 'gpu' } } }), plainNode('b')],
      { agent: { extraNodes: [{ key: 'pool', operator: 'Exists' }] } },
      [['ok', 'reporting', ['a']]],
    ],
    [
      'not one that the node selector leaves out',
      [gpuNode('a')],
      { agent: { nodeSelector: { zone: 'x' } } },
      [['fail', 'unlabelled', ['a']]],
    ],
    [
      'not one that is not ready',
      [gpuNode('a', { status: { conditions: [{ type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown' }] } })],
      {},
      [['fail', 'not-ready', ['a']]],
    ],
    ['not one that is cordoned', [gpuNode('a', { spec: { unschedulable: true } })], {}, [['fail', 'cordoned', ['a']]]],
    [
      'one whose device plug-in is broken, with a warning',
      [gpuNode('a', { status: { capacity: { 'nvidia.com/gpu': '0' } } })],
      {},
      [
        ['ok', 'reporting', ['a']],
        ['warn', 'device-plugin', ['a']],
      ],
    ],
    [
      'one of a maker that no check knows, with a warning',
      [
        gpuNode('a', {
          metadata: { labels: { 'intel.feature.node.kubernetes.io/gpu': 'true', 'nvidia.com/gpu.present': 'false' } },
          status: { capacity: { 'nvidia.com/gpu': undefined, 'gpu.intel.com/i915': '2' } },
        }),
      ],
      {},
      [
        ['ok', 'reporting', ['a']],
        ['warn', 'vendor', ['a']],
      ],
    ],
  ])('%s', async (_, objects, values, expected) => {
    const asked = plan(values);

    expect(short(nodeLines(await reading(objects, asked), asked, undefined))).toEqual(expected);
  });

  it('says what helps, as a command line', async () => {
    const asked = plan();
    const lines = nodeLines(await reading([unlabelled('a'), tainted('b', { key: 'team', effect: 'NoSchedule' })]), asked, undefined);

    expect(lines.map(({ fix }) => fix?.split(' ').slice(0, 3).join(' '))).toEqual(['kubectl label node', 'helm upgrade assay']);
  });
});

describe('how agents reach the tools of GPUs', () => {
  it.each<[string, readonly NewObject[], object, readonly string[]]>([
    ['the RuntimeClass where it is there', [gpuNode('a'), runtimeClass('nvidia')], {}, ['runtimeClass', 'ok gpu-access-nvidia']],
    ['not at all without it', [gpuNode('a')], {}, ['none', 'warn gpu-access-nvidia']],
    [
      'a RuntimeClass that is missing',
      [gpuNode('a')],
      { gpuAccess: 'runtimeClass' },
      ['runtimeClass', 'fail runtime-class', 'ok gpu-access-nvidia'],
    ],
    [
      'the default runtime',
      [gpuNode('a')],
      { gpuAccess: 'runtimeClass', gpu: { runtimeClassName: '' } },
      ['runtimeClass', 'ok gpu-access-nvidia'],
    ],
    ['the way of the other maker', [amd('a')], { gpuAccess: 'driverRoot' }, ['driverRoot', 'warn gpu-access-amd']],
    ['AMD devices', [amd('a')], { gpuAccess: 'amd' }, ['amd', 'ok gpu-access-amd']],
    ['two makers', [gpuNode('a'), amd('b'), runtimeClass('nvidia')], {}, ['runtimeClass', 'ok gpu-access-nvidia', 'warn gpu-access-amd']],
  ])('%s', async (_, objects, values, expected) => {
    const asked = plan(values);
    const read = await reading(objects, asked);

    expect([resolvedAccess(asked, read), ...accessLines(asked, read).map(({ level, id }) => `${level} ${id}`)]).toEqual(expected);
  });

  it.each<[string, readonly NewObject[], string, string | undefined]>([
    ['the RuntimeClass', [gpuNode('a'), runtimeClass('nvidia')], 'runtimeClass', undefined],
    [
      'the directory of GKE',
      [gpuNode('a', { metadata: { labels: { 'cloud.google.com/gke-accelerator': 'nvidia-h100' } } })],
      'driverRoot',
      '/home/kubernetes/bin/nvidia',
    ],
    [
      'the directory of the GPU Operator',
      [
        gpuNode('a'),
        { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'nvidia-driver-daemonset', namespace: 'gpu-operator' } },
      ],
      'driverRoot',
      '/run/nvidia/driver',
    ],
    ['the devices of AMD', [amd('a')], 'amd', undefined],
    ['nothing that is known', [gpuNode('a')], 'none', undefined],
  ])('is best by %s', async (_, objects, gpuAccess, driverRoot) => {
    const { why: _why, ...advised } = adviseAccess(await reading(objects), 'nvidia');

    expect(advised).toEqual({ gpuAccess, ...(driverRoot === undefined ? {} : { driverRoot }) });
  });
});

describe('the values that a cluster needs', () => {
  const DEFAULTS = [
    { key: 'nvidia.com/gpu', operator: 'Exists' },
    { key: 'amd.com/gpu', operator: 'Exists' },
    { key: 'sku', operator: 'Equal', value: 'gpu', effect: 'NoSchedule' },
  ];

  it('tolerate every taint of a GPU node once, besides the usual ones, and none that means that nothing can run', async () => {
    const { agent } = adviseValues(
      plan(),
      await reading([
        tainted('a', { key: 'team', value: 'ml', effect: 'NoSchedule' }, { key: 'spot', effect: 'NoExecute' }),
        tainted('b', { key: 'team', value: 'ml', effect: 'NoSchedule' }),
        tainted('c', { key: 'node.kubernetes.io/network-unavailable', effect: 'NoSchedule' }),
        plainNode('d', { spec: { taints: [{ key: 'control-plane', effect: 'NoSchedule' }] } }),
      ]),
    );

    expect(agent).toEqual({
      tolerations: [
        ...DEFAULTS,
        { key: 'spot', operator: 'Exists', effect: 'NoExecute' },
        { key: 'team', operator: 'Equal', value: 'ml', effect: 'NoSchedule' },
      ],
    });
  });

  it.each<[string, readonly NewObject[], unknown]>([
    [
      'their machine type, when only they have it',
      [unlabelled('a', { [INSTANCE]: 'p5' }), plainNode('b', { metadata: { labels: { [INSTANCE]: 'm5' } } })],
      { key: INSTANCE, operator: 'In', values: ['p5'] },
    ],
    [
      'their pool, when others have the same machine type',
      [
        unlabelled('a', { [INSTANCE]: 'p5', 'eks.amazonaws.com/nodegroup': 'gpus' }),
        plainNode('b', { metadata: { labels: { [INSTANCE]: 'p5', 'eks.amazonaws.com/nodegroup': 'others' } } }),
      ],
      { key: 'eks.amazonaws.com/nodegroup', operator: 'In', values: ['gpus'] },
    ],
    [
      'their host names, when nothing else tells them apart',
      [unlabelled('a', { [INSTANCE]: 'p5' }), unlabelled('c'), plainNode('b', { metadata: { labels: { [INSTANCE]: 'p5' } } })],
      { key: 'kubernetes.io/hostname', operator: 'In', values: ['a', 'c'] },
    ],
  ])('select GPU nodes without a label by %s', async (_, objects, expected) => {
    const advised = adviseValues(plan(), await reading(objects));

    expect(advised.agent.extraNodes).toEqual([expected]);
  });

  it('lead to a plan in which every node reports', async () => {
    const objects = [
      gpuNode('a'),
      unlabelled('b', { [INSTANCE]: 'p5' }),
      tainted('c', { key: 'team', value: 'ml', effect: 'NoSchedule' }),
      plainNode('d', { metadata: { labels: { [INSTANCE]: 'm5' } } }),
      runtimeClass('nvidia'),
    ];
    const advised = adviseValues(plan(), await reading(objects));
    const next = plan(advised);

    expect(nodeLines(await reading(objects, next), next, undefined).map(({ level, id }) => `${level} ${id}`)).toEqual(['ok reporting']);
    expect(adviseValues(next, await reading(objects, next))).toEqual(advised);
  });
});
