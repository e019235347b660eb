import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { detectFingerprint } from '#core/fingerprint/detect.ts';
import type { Fingerprint } from '#core/fingerprint/fingerprint.ts';
import { matchCriteria } from '#core/fingerprint/match-criteria.ts';
import { parseSnapshot } from '#core/snapshot/document.ts';

/** Fingerprint of a snapshot with these facts: `Type.subtype` to flow-style data. */
function detect(facts: Readonly<Record<string, string>>): Fingerprint {
  const measurements = Object.entries(facts).map(([place, data]) => {
    const [type, subtype] = place.split('.');
    return `  - {type: ${type}, subtypes: [{subtype: ${subtype}, data: ${data}}]}`;
  });
  return detectFingerprint(parseSnapshot(`kind: Snapshot\nmeasurements:\n${measurements.join('\n')}\n`, 's'));
}

const PRODUCT = 'nvidia.com/gpu.product';
const LABEL = `nodeTopology.label.${PRODUCT}`;

describe('fingerprint', () => {
  it('of a whole snapshot', () => {
    expect(detectFingerprint(parseSnapshot(readFileSync('test/fixture/recipe/snapshot.yaml'), 's'))).toEqual({
      service: { value: 'eks', source: 'k8s.node.provider' },
      accelerator: { value: 'h100', source: LABEL },
      gpuModel: { value: 'h100', source: 'gpu.hardware.model' },
      os: { value: 'ubuntu', version: '24.04', source: 'os.release' },
      k8sVersion: { value: '1.33.4-eks-1', source: 'k8s.server.version' },
      region: { value: 'region-1', source: 'nodeTopology.label.topology.kubernetes.io/region' },
      nodeCount: { value: 3, source: 'nodeTopology.summary.node-count' },
      gpuNodeCount: { value: 2, source: LABEL },
    });
  });

  it('of an empty snapshot has all dimensions, unknown', () => {
    expect(detectFingerprint(parseSnapshot('kind: Snapshot', 's'))).toEqual({
      service: { value: '' },
      accelerator: { value: '' },
      gpuModel: { value: '' },
      os: { value: '' },
      k8sVersion: { value: '' },
      region: { value: '' },
      nodeCount: { value: 0 },
      gpuNodeCount: { value: 0 },
    });
  });

  it.each([
    ['eks', 'eks'],
    ['oci', 'oke'],
    ['ocid1.instance.oc1.x', 'oke'],
    ['"oci://x"', 'oke'],
    ['linode', 'lke'],
    ['"linode://5"', 'lke'],
    ['aws', 'aws'],
    ['EKS', 'EKS'],
  ])('service of provider %s is %s', (provider, service) => {
    expect(detect({ 'K8s.node': `{provider: ${provider}}` }).service).toEqual({ value: service, source: 'k8s.node.provider' });
  });

  it.each([
    ['NVIDIA-H100-80GB-HBM3', 'h100'],
    ['NVIDIA-H200', 'h200'],
    ['NVIDIA-GB200', 'gb200'],
    ['NVIDIA-GB300-NVL', 'gb300'],
    ['NVIDIA B200', 'b200'],
    ['NVIDIA-A100-SXM4-40GB-MIG-1g.5gb', 'a100'],
    ['NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition', 'rtx-pro-6000'],
    ['NVIDIA-L40S', 'l40s'],
    ['nvidia-l40', 'l40'],
  ])('accelerator of product %s is %s', (product, accelerator) => {
    expect(detect({ 'NodeTopology.label': `{${PRODUCT}: "${product}|n1"}` }).accelerator).toEqual({ value: accelerator, source: LABEL });
  });

  it.each(['NVIDIA-A100X', 'Tesla-T4', 'NVIDIA-RTX-6000', 'H1000', ''])('product %j is no accelerator of a recipe', (product) => {
    expect(detect({ 'NodeTopology.label': `{${PRODUCT}: "${product}|n1"}` }).accelerator).toEqual({ value: '', note: 'unknown-sku' });
  });

  it('falls back to the model that PCI names', () => {
    expect([detect({ 'GPU.hardware': '{model: h200}' }).accelerator, detect({ 'GPU.hardware': '{model: t4}' }).accelerator]).toEqual([
      { value: 'h200', source: 'gpu.hardware.model' },
      { value: '', note: 'unknown-sku' },
    ]);
  });

  it('of a cluster with two products is unknown, whatever PCI says, and counts each node once', () => {
    const { accelerator, gpuNodeCount } = detect({
      'NodeTopology.label': `{${PRODUCT}.A: "NVIDIA-H100|n1,n2", ${PRODUCT}.B: "NVIDIA-A100|n2,n3"}`,
      'GPU.hardware': '{model: h100}',
    });

    expect([accelerator, gpuNodeCount]).toEqual([
      { value: '', note: 'multi-gpu' },
      { value: 3, source: LABEL },
    ]);
  });

  it.each([
    ['AMD_Instinct_MI300X_OAM', 'mi300'],
    ['AMD_Instinct_MI300X_VF', 'mi300'],
    ['AMD_Instinct_MI300A', 'mi300'],
    ['AMD-Instinct-MI325X', undefined],
    ['AMD_Instinct_MI3000', undefined],
  ])('accelerator of the AMD product %s is %s', (product, accelerator) => {
    const { accelerator: found, gpuNodeCount } = detect({ 'NodeTopology.label': `{amd.com/gpu.product-name: "${product}|n1,n2"}` });
    const source = 'nodeTopology.label.amd.com/gpu.product-name';

    expect([found, gpuNodeCount]).toEqual([
      accelerator === undefined ? { value: '', note: 'unknown-sku' } : { value: accelerator, source },
      { value: 2, source },
    ]);
  });

  it('does not look at AMD labels when there is an NVIDIA one', () => {
    const { accelerator } = detect({
      'NodeTopology.label': `{${PRODUCT}: "NVIDIA-H100|n1", amd.com/gpu.product-name: "AMD_Instinct_MI300X_OAM|n2"}`,
    });

    expect(accelerator).toEqual({ value: 'h100', source: LABEL });
  });

  it('counts the nodes that a shortened list leaves out', () => {
    expect(detect({ 'NodeTopology.label': `{${PRODUCT}: "NVIDIA-H100|n1,n2 (+30 more)"}` }).gpuNodeCount.value).toBe(32);
  });

  it('takes a label subtype without GPU labels for zero GPU nodes, with a source', () => {
    expect(detect({ 'NodeTopology.label': '{a: "b|n1"}' }).gpuNodeCount).toEqual({ value: 0, source: LABEL });
  });

  it.each([
    ['{ID: Ubuntu, VERSION_ID: "24.04"}', { value: 'ubuntu', version: '24.04', source: 'os.release' }],
    ['{ID: rhel}', { value: 'rhel', source: 'os.release' }],
    ['{ID: amzn, VERSION_ID: "2023"}', { value: 'amazonlinux', version: '2023', source: 'os.release' }],
    ['{ID: ubuntu, VERSION_ID: 24.04}', { value: 'ubuntu', source: 'os.release' }],
    ['{ID: debian, VERSION_ID: "12"}', { value: '' }],
    ['{ID: constructor}', { value: '' }],
  ])('OS of %s', (release, os) => {
    expect(detect({ 'OS.release': release }).os).toEqual(os);
  });

  it.each([
    ['{version: v1.33.4-eks-1}', { value: '1.33.4-eks-1', source: 'k8s.server.version' }],
    ['{version: "1.33"}', { value: '1.33', source: 'k8s.server.version' }],
    ['{version: 1.33}', { value: '' }],
  ])('Kubernetes version of %s', (server, version) => {
    expect(detect({ 'K8s.server': server }).k8sVersion).toEqual(version);
  });

  it.each([
    ['3', { value: 3, source: 'nodeTopology.summary.node-count' }],
    ['3.0', { value: 3, source: 'nodeTopology.summary.node-count' }],
    ['3.5', { value: 0 }],
    ['"3"', { value: 0 }],
  ])('node count of %s', (count, nodeCount) => {
    expect(detect({ 'NodeTopology.summary': `{node-count: ${count}}` }).nodeCount).toEqual(nodeCount);
  });

  it('of a cluster in two regions has no region', () => {
    const region = 'topology.kubernetes.io/region';

    expect(detect({ 'NodeTopology.label': `{${region}.a: "a|n1", ${region}.b: "b|n2"}` }).region).toEqual({
      value: '',
      note: 'multi-region',
    });
  });
});

describe('match of criteria', () => {
  const found = detectFingerprint(parseSnapshot(readFileSync('test/fixture/recipe/snapshot.yaml'), 's'));

  it('names every dimension in order', () => {
    expect(matchCriteria({ service: 'eks', accelerator: 'h200', intent: 'training', platform: 'any', nodes: 3 }, found)).toEqual({
      matched: false,
      perDimension: [
        { dimension: 'service', recipeRequires: 'eks', fingerprintProvides: 'eks', match: 'matched' },
        { dimension: 'accelerator', recipeRequires: 'h200', fingerprintProvides: 'h100', match: 'mismatched' },
        { dimension: 'os', fingerprintProvides: 'ubuntu', match: 'matched' },
        { dimension: 'intent', recipeRequires: 'training', match: 'unknown' },
        { dimension: 'platform', recipeRequires: 'any', match: 'matched' },
        { dimension: 'nodes', recipeRequires: '3', fingerprintProvides: '3', match: 'matched' },
      ],
    });
  });

  it.each([
    [{ nodes: 2 }, false],
    [{ nodes: 4 }, false],
    [{ nodes: 3 }, true],
    [{ os: 'rhel' }, false],
    [{ platform: 'slurm' }, true],
    [{}, true],
    [null, true],
  ])('%j: %s', (criteria, matched) => {
    expect(matchCriteria(criteria, found).matched).toBe(matched);
  });

  it('of a cluster that nothing is known of is unknown, not mismatched', () => {
    const nothing = detectFingerprint(parseSnapshot('kind: Snapshot', 's'));
    const { matched, perDimension } = matchCriteria({ service: 'eks', nodes: 3 }, nothing);

    expect([matched, perDimension.filter(({ match }) => match === 'unknown').map(({ dimension }) => dimension)]).toEqual([
      true,
      ['service', 'nodes'],
    ]);
  });
});
