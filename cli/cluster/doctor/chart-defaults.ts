/** Labels that select GPU nodes when their value is `true`, as the chart has them: devices of NVIDIA and AMD by NFD, GPU feature discovery, AMD's operator, Intel's plug-ins. */
export const GPU_LABELS: readonly string[] = [
  'feature.node.kubernetes.io/pci-10de.present',
  'feature.node.kubernetes.io/pci-1002.present',
  ...['0300', '0302', '0380', '1200'].flatMap((device) =>
    ['10de', '1002'].map((maker) => `feature.node.kubernetes.io/pci-${device}_${maker}.present`),
  ),
  'nvidia.com/gpu.present',
  'feature.node.kubernetes.io/amd-gpu',
  'intel.feature.node.kubernetes.io/gpu',
];

/** Labels of AMD's node labeller that select GPU nodes whatever their value is. */
export const AMD_LABELS: readonly string[] = ['device-id', 'family', 'product-name', 'vram'].map((name) => `amd.com/gpu.${name}`);

/** Taints that agents tolerate unless the values say otherwise. */
export const TOLERATIONS: readonly Readonly<Record<string, string>>[] = [
  { key: 'nvidia.com/gpu', operator: 'Exists' },
  { key: 'amd.com/gpu', operator: 'Exists' },
  { key: 'sku', operator: 'Equal', value: 'gpu', effect: 'NoSchedule' },
];

/** What one agent, and the pod of the collector, ask for. */
export const REQUESTS = {
  agent: { requests: { cpu: '10m', memory: '96Mi' }, limits: { memory: '160Mi' } },
  collect: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } },
  sign: { requests: { cpu: '10m', memory: '96Mi' }, limits: { memory: '384Mi' } },
} as const;

/** Name of the chart, which the names of objects have in them. */
export const CHART = 'assay';
/** RuntimeClass that `gpuAccess: auto` looks for. */
export const RUNTIME_CLASS = 'nvidia';
/** Audience of the identity token. */
export const AUDIENCE = 'sigstore';
