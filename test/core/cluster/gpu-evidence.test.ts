import { describe, expect, it } from 'vitest';
import { gpuEvidence } from '#core/cluster/gpu-evidence.ts';
import { plainNode } from '../../fixture/cluster/objects.ts';

const withCapacity = (capacity: Record<string, unknown>) => plainNode('n', { status: { capacity } });
const withLabels = (labels: Record<string, string>) => plainNode('n', { metadata: { labels } });

describe('evidence of accelerators', () => {
  it.each([
    ['nvidia', 'nvidia.com/gpu'],
    ['nvidia', 'nvidia.com/gpu.shared'],
    ['nvidia', 'nvidia.com/mig-1g.10gb'],
    ['amd', 'amd.com/gpu'],
    ['amd', 'amd.com/cpx_nps4'],
    ['intel', 'gpu.intel.com/i915'],
    ['intel', 'gpu.intel.com/xe'],
    ['habana', 'habana.ai/gaudi'],
    ['other', 'metax-tech.com/gpu'],
  ])('is, for %s, the resource %s', (vendor, resource) => {
    expect(gpuEvidence(withCapacity({ [resource]: '8' }))).toEqual({ vendor, resources: { [resource]: 8 }, labels: [] });
  });

  it.each([
    ['nvidia', 'nvidia.com/gpu.present'],
    ['nvidia', 'feature.node.kubernetes.io/pci-10de.present'],
    ['nvidia', 'feature.node.kubernetes.io/pci-0302_10de.present'],
    ['nvidia', 'feature.node.kubernetes.io/pci-0380_10de.present'],
    ['amd', 'feature.node.kubernetes.io/pci-1200_1002.present'],
    ['amd', 'feature.node.kubernetes.io/pci-1002.present'],
    ['amd', 'feature.node.kubernetes.io/amd-gpu'],
    ['amd', 'amd.com/gpu.product-name'],
    ['intel', 'intel.feature.node.kubernetes.io/gpu'],
  ])('is, for %s, the label %s', (vendor, label) => {
    expect(gpuEvidence(withLabels({ [label]: 'true' }))).toEqual({ vendor, resources: {}, labels: [label] });
  });

  it('is a resource whose plug-in fell silent, with the number 0', () => {
    expect(gpuEvidence(withCapacity({ 'nvidia.com/gpu': '0' }))).toEqual({
      vendor: 'nvidia',
      resources: { 'nvidia.com/gpu': 0 },
      labels: [],
    });
  });

  it('is of the maker of most of what is advertised', () => {
    expect(gpuEvidence(withCapacity({ 'nvidia.com/gpu': '0', 'amd.com/gpu': '8' }))?.vendor).toBe('amd');
  });

  it.each([
    ['no capacity', plainNode('n', { status: null })],
    [
      'capacity of other things',
      withCapacity({ cpu: '8', 'rdma/hca_shared': '1', 'nvidia.com/gpu-memory': '80', 'vpc.amazonaws.com/pod-eni': '9' }),
    ],
    ['a label that says no', withLabels({ 'nvidia.com/gpu.present': 'false', 'feature.node.kubernetes.io/pci-10de.present': 'false' })],
    [
      'an NVIDIA network card',
      withLabels({
        'feature.node.kubernetes.io/pci-0200_15b3.present': 'true',
        'feature.node.kubernetes.io/pci-0200_10de.present': 'true',
      }),
    ],
    ['an AMD processor', withLabels({ 'feature.node.kubernetes.io/cpu-model.vendor_id': 'AMD', 'amd.com/cpu': 'x' })],
    ['labels of the wrong type', plainNode('n', { metadata: { labels: 'nvidia.com/gpu.present' } })],
  ])('is not there with %s', (_, node) => {
    expect(gpuEvidence(node)).toBeUndefined();
  });
});
