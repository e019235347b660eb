import { snapshotData, type Snapshot, type SnapshotData } from '../snapshot/document.ts';
import { ACCELERATORS, amdAccelerator, nvidiaAccelerator } from './accelerator.ts';
import type { Dimension, Fingerprint } from './fingerprint.ts';
import { labelValues, nodeTotal, type LabelValue } from './topology-label.ts';

const NVIDIA_LABEL = 'nvidia.com/gpu.product';
const AMD_LABEL = 'amd.com/gpu.product-name';
const REGION_LABEL = 'topology.kubernetes.io/region';
const LABEL_SOURCE = 'nodeTopology.label.';
const UNKNOWN: Dimension = { value: '' };

const OS_IDS: ReadonlyMap<string, string> = new Map([
  ['ubuntu', 'ubuntu'],
  ['rhel', 'rhel'],
  ['redhatenterpriselinux', 'rhel'],
  ['redhat', 'rhel'],
  ['cos', 'cos'],
  ['amazonlinux', 'amazonlinux'],
  ['amzn', 'amazonlinux'],
  ['amazon', 'amazonlinux'],
  ['al2', 'amazonlinux'],
  ['al2023', 'amazonlinux'],
  ['ol', 'ol'],
  ['talos', 'talos'],
]);

/**
 * Derives the matchable identity of a cluster from its snapshot. All eight dimensions are always there; unknown is the
 * empty value without source. A value of the wrong type (a version that YAML read as a number) is not used.
 * @param snapshot the raw snapshot: a redacted one has lost the labels
 * @source recipe-evidence fingerprint rules; AMD labels and `mi300` are additions for snapshots without NVIDIA labels
 */
export function detectFingerprint(snapshot: Snapshot): Fingerprint {
  const labels = snapshotData(snapshot, 'NodeTopology', 'label');
  const gpuModel = textOf(snapshot, 'GPU.hardware.model', 'gpu.hardware.model');
  const products = gpuProducts(labels);
  return {
    service: service(textOf(snapshot, 'K8s.node.provider', 'k8s.node.provider')),
    accelerator: accelerator(products, gpuModel),
    gpuModel,
    os: operatingSystem(snapshotData(snapshot, 'OS', 'release')),
    k8sVersion: kubernetesVersion(textOf(snapshot, 'K8s.server.version', 'k8s.server.version')),
    region: region(labels),
    nodeCount: nodeCount(snapshotData(snapshot, 'NodeTopology', 'summary')),
    gpuNodeCount: labels === undefined ? { value: 0 } : { value: nodeTotal(products.values), source: `${LABEL_SOURCE}${products.label}` },
  };
}

interface Products {
  readonly label: string;
  readonly values: readonly LabelValue[];
  readonly normalise: (product: string) => string | undefined;
}

/** NVIDIA's label decides when it is there; AMD's is looked at only otherwise, so that upstream's answers stay. */
function gpuProducts(labels: SnapshotData | undefined): Products {
  const nvidia = labelValues(labels ?? {}, NVIDIA_LABEL);
  const amd = nvidia.length > 0 ? [] : labelValues(labels ?? {}, AMD_LABEL);
  if (amd.length > 0) return { label: AMD_LABEL, values: amd, normalise: amdAccelerator };
  return { label: NVIDIA_LABEL, values: nvidia, normalise: nvidiaAccelerator };
}

function accelerator(products: Products, gpuModel: Dimension): Dimension {
  if (products.values.length > 1) return { value: '', note: 'multi-gpu' };
  const [product] = products.values;
  const known = product === undefined ? undefined : products.normalise(product.value);
  if (known !== undefined) return { value: known, source: `${LABEL_SOURCE}${products.label}` };
  const model = ACCELERATORS.includes(gpuModel.value) ? gpuModel.value : amdAccelerator(gpuModel.value);
  if (model !== undefined) return { value: model, source: 'gpu.hardware.model' };
  return product === undefined && gpuModel.value === '' ? UNKNOWN : { value: '', note: 'unknown-sku' };
}

function service(provider: Dimension): Dimension {
  const { value } = provider;
  if (value === 'oci' || value.startsWith('ocid1.') || value.startsWith('oci://')) return { ...provider, value: 'oke' };
  return value === 'linode' || value.startsWith('linode://') ? { ...provider, value: 'lke' } : provider;
}

function operatingSystem(release: SnapshotData | undefined): Fingerprint['os'] {
  const id = release?.ID;
  const value = typeof id === 'string' ? OS_IDS.get(id.toLowerCase()) : undefined;
  if (value === undefined) return { value: '' };
  const version = release?.VERSION_ID;
  return { value, ...(typeof version === 'string' && version !== '' ? { version } : {}), source: 'os.release' };
}

function kubernetesVersion(version: Dimension): Dimension {
  return version.value.startsWith('v') ? { ...version, value: version.value.slice(1) } : version;
}

function region(labels: SnapshotData | undefined): Dimension {
  const values = labelValues(labels ?? {}, REGION_LABEL);
  if (values.length > 1) return { value: '', note: 'multi-region' };
  const value = values[0]?.value ?? '';
  return value === '' ? UNKNOWN : { value, source: `${LABEL_SOURCE}${REGION_LABEL}` };
}

function nodeCount(summary: SnapshotData | undefined): Fingerprint['nodeCount'] {
  const count = summary?.['node-count'];
  if (typeof count !== 'number' || !Number.isSafeInteger(count)) return { value: 0 };
  return { value: count, source: 'nodeTopology.summary.node-count' };
}

function textOf(snapshot: Snapshot, path: string, source: string): Dimension {
  const [type = '', subtype = '', key = ''] = path.split('.');
  const value = snapshotData(snapshot, type, subtype)?.[key];
  return typeof value === 'string' && value !== '' ? { value, source } : UNKNOWN;
}
