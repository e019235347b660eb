import { expect, test } from 'vitest';
import type { NewObject } from '#core/cluster/cluster.ts';
import { AssayError } from '#core/error.ts';
import { groupMeasurements } from '#core/assemble/assemble-snapshot.ts';
import { detectFingerprint } from '#core/fingerprint/detect.ts';
import type { Measurement } from '#core/snapshot/measurement.ts';
import { serviceOf } from '#core/cluster/facts/provider.ts';
import { readClusterFacts } from '#core/cluster/facts/read-cluster-facts.ts';
import { MemoryCluster, type MemoryClusterOptions } from '../../fixture/cluster/memory-cluster.ts';
import { gpuNode, plainNode } from '../../fixture/cluster/objects.ts';
import { pod } from '../../fixture/cluster/workload-objects.ts';

const VERSION = {
  '/version': { status: 200, text: JSON.stringify({ gitVersion: 'v1.36.3-eks-1', platform: 'linux/amd64', goVersion: 'go1.26' }) },
};
const INFO = {
  kubeletVersion: 'v1.36.3',
  kernelVersion: '6.8.0',
  osImage: 'Ubuntu 24.04',
  operatingSystem: 'linux',
  architecture: 'amd64',
  containerRuntimeVersion: 'containerd://2.1.4',
};

function node(name: string, change: Readonly<Record<string, unknown>> = {}, labels: Readonly<Record<string, string>> = {}): NewObject {
  const made = gpuNode(name);
  const status = { ...(made['status'] as object), nodeInfo: { ...INFO, ...change } };
  return {
    ...made,
    metadata: { name, labels: { 'nvidia.com/gpu.product': 'NVIDIA-H100-80GB-HBM3', ...labels } },
    spec: { providerID: 'aws:///eu-west-1a/i-0' },
    status,
  };
}

async function facts(options: MemoryClusterOptions): Promise<readonly Measurement[]> {
  return readClusterFacts(new MemoryCluster({ paths: VERSION, ...options }));
}

/** Values by subtype and key. */
function valuesOf(measurements: readonly Measurement[], subtype: string): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    measurements
      .filter((each) => each.subtype === subtype)
      .map(({ key, reading }) => [key, reading.state === 'read' ? reading.value : reading.state]),
  );
}

test('a cluster is described as upstream describes it', async () => {
  const policy = {
    apiVersion: 'nvidia.com/v1',
    kind: 'ClusterPolicy',
    metadata: { name: 'p' },
    spec: { driver: { enabled: true, version: '580.1' }, list: [1, 'a'], none: [], nothing: null },
  };
  const pods = [
    pod('a/p', {
      spec: {
        containers: [{ image: 'nvcr.io/nvidia/driver:580' }, { image: 'registry:5000/x/tool' }],
        initContainers: [{ image: 'busybox:1.37@sha256:0' }],
      },
    }),
    pod('b/p', { spec: { containers: [{ image: 'other/driver:570' }] } }),
  ];
  const measurements = await facts({ objects: [node('node-b'), node('node-a', {}, { zone: 'x' }), policy, ...pods] });
  expect(valuesOf(measurements, 'server')).toEqual({ version: 'v1.36.3-eks-1', platform: 'linux/amd64', goVersion: 'go1.26' });
  expect(valuesOf(measurements, 'image')).toEqual({ busybox: '1.37', driver: '570,580', tool: 'latest' });
  expect(valuesOf(measurements, 'policy')).toEqual({ 'driver.enabled': 'true', 'driver.version': '580.1', list: '[1,"a"]' });
  expect(valuesOf(measurements, 'node')).toEqual({
    'source-node': 'node-a',
    provider: 'eks',
    'provider-id': 'aws:///eu-west-1a/i-0',
    'container-runtime-id': 'containerd://2.1.4',
    'container-runtime-name': 'containerd',
    'container-runtime-version': '2.1.4',
    'kubelet-version': 'v1.36.3',
    'kernel-version': '6.8.0',
    'operating-system': 'linux',
    'os-image': 'Ubuntu 24.04',
  });
  expect(valuesOf(measurements, 'summary')).toEqual({ 'node-count': 2, 'taint-count': 0, 'label-count': 2 });
  expect(valuesOf(measurements, 'label')).toEqual({ 'nvidia.com/gpu.product': 'NVIDIA-H100-80GB-HBM3|node-a,node-b', zone: 'x|node-a' });
});

test('the fingerprint of a cluster is found in its facts', async () => {
  const measurements = await facts({ objects: [node('a'), node('b'), plainNode('control')] });
  const fingerprint = detectFingerprint({
    apiVersion: 'aicr.run/v1alpha2',
    kind: 'Snapshot',
    metadata: {},
    measurements: groupMeasurements(measurements),
  });
  expect([
    fingerprint.service.value,
    fingerprint.accelerator.value,
    fingerprint.k8sVersion.value,
    fingerprint.nodeCount.value,
    fingerprint.gpuNodeCount.value,
  ]).toEqual(['eks', 'h100', '1.36.3-eks-1', 3, 2]);
});

test('a node that differs is seen, not the one that was sampled', async () => {
  const nodes = [node('a'), node('b'), node('c', { kubeletVersion: 'v1.35.0', kernelVersion: '5.15.0' })];
  const { distribution } = { distribution: valuesOf(await facts({ objects: nodes }), 'distribution') };
  expect(distribution).toEqual({
    'kubelet-version.v1.35.0': 1,
    'kubelet-version.v1.36.3': 2,
    'kernel-version.5.15.0': 1,
    'kernel-version.6.8.0': 2,
    'os-image.Ubuntu 24.04': 3,
    'container-runtime-version.containerd://2.1.4': 3,
    'architecture.amd64': 3,
  });
});

test('labels and taints with several values stand under their values', async () => {
  const tainted = (name: string, taints: readonly unknown[], zone: string): NewObject => ({
    ...node(name, {}, { zone }),
    spec: { taints },
  });
  const gpu = { key: 'gpu', value: 'yes', effect: 'NoSchedule' };
  const measurements = await facts({
    objects: [
      tainted('a', [gpu], 'x'),
      tainted('b', [gpu], 'y'),
      tainted(
        'c',
        [
          { key: 'drain', effect: 'NoExecute' },
          { key: 'drain', effect: 'NoSchedule', value: 'v' },
        ],
        'y',
      ),
    ],
  });
  expect(valuesOf(measurements, 'label')).toMatchObject({ 'zone.x': 'x|a', 'zone.y': 'y|b,c' });
  expect(valuesOf(measurements, 'taint')).toEqual({ gpu: 'NoSchedule|yes|a,b', 'drain.NoExecute': '|c', 'drain.NoSchedule': 'v|c' });
});

test('five thousand nodes stay within bounds, and are still counted', async () => {
  const objects = Array.from({ length: 5000 }, (_, index) => node(`node-${index}`, {}, { 'kubernetes.io/hostname': `node-${index}` }));
  const measurements = await facts({ objects });
  expect(Buffer.byteLength(JSON.stringify(measurements))).toBeLessThan(1024 * 1024);
  expect(valuesOf(measurements, 'summary')).toEqual({
    'node-count': 5000,
    'taint-count': 0,
    'label-count': 5001,
    'label-entries-left-out': 5000,
  });
  expect(String(valuesOf(measurements, 'label')['nvidia.com/gpu.product'])).toMatch(/,node-\d+ \(\+4900 more\)$/);
  const fingerprint = detectFingerprint({
    apiVersion: 'aicr.run/v1alpha2',
    kind: 'Snapshot',
    metadata: {},
    measurements: groupMeasurements(measurements),
  });
  expect(fingerprint.gpuNodeCount.value).toBe(5000);
});

test('OpenShift is told by its API, whatever cloud is below', async () => {
  const paths = { ...VERSION, '/apis/config.openshift.io/v1': { status: 200, text: '{}' } };
  expect(valuesOf(await facts({ objects: [node('a')], paths }), 'node')['provider']).toBe('ocp');
});

test('what was refused is unreadable, what nobody says is absent, and nothing is thrown', async () => {
  const refused = await facts({ paths: {}, fault: () => new AssayError('CLUSTER_FORBIDDEN', 'no') });
  expect(refused.map(({ subtype, reading }) => `${subtype} ${reading.state}`)).toEqual([
    'server unreadable',
    'summary unreadable',
    'image unreadable',
    'policy unreadable',
  ]);
  const bare = await facts({ objects: [{ apiVersion: 'v1', kind: 'Node', metadata: { name: 'a' } }] });
  expect(valuesOf(bare, 'node')).toMatchObject({ 'source-node': 'a', provider: 'absent', 'kubelet-version': 'absent' });
  expect(valuesOf(await facts({ paths: { '/version': { status: 200, text: '<html>' } } }), 'server')).toEqual({ version: 'unreadable' });
  expect(valuesOf(await facts({}), 'summary')).toEqual({ 'node-count': 0, 'taint-count': 0, 'label-count': 0 });
});

test('the order in which the API server lists changes nothing', async () => {
  const nodes = [node('a', {}, { zone: 'x' }), node('b', {}, { zone: 'y' }), node('c', {}, { zone: 'x' })];
  expect(await facts({ objects: nodes })).toEqual(await facts({ objects: nodes.toReversed() }));
});

test.each([
  ['aws:///eu-west-1a/i-0', 'eks'],
  ['gce://project/zone/name', 'gke'],
  ['azure:///subscriptions/0', 'aks'],
  ['ocid1.instance.oc1.iad.x', 'oke'],
  ['oci://ocid1.instance', 'oke'],
  ['linode://123', 'lke'],
  ['kind://docker/kind/node', 'kind'],
  ['Metal3://x', 'metal3'],
  ['k3s://node', 'k3s'],
  ['', undefined],
  ['node-1', undefined],
  ['://x', undefined],
])('provider id %s is %s', (id, service) => {
  expect(serviceOf(id)).toBe(service);
});
