import type { ClusterCheck } from '../cluster-check.ts';
import { checkExpectedResources } from '../deployment/expected-resources.ts';
import { checkGpuCapacity } from '../deployment/gpu-capacity.ts';
import { checkGpuOperatorVersion } from '../deployment/gpu-operator-version.ts';
import { checkImageDigests } from '../deployment/image-digests.ts';
import { checkOperatorHealth } from '../deployment/operator-health.ts';
import { checkAmdSmi, checkNvidiaSmi } from '../deployment/smi.ts';

const MINUTE = 60_000;

/** What the cluster is made of: operators, components, versions, images, devices. Deadlines are those of the validator catalog. */
export const DEPLOYMENT_CHECKS: readonly ClusterCheck[] = [
  {
    name: 'operator-health',
    phase: 'deployment',
    summary: 'At least one pod of the NVIDIA GPU operator is ready; others that are not are a warning',
    reads: ['pods'],
    writes: [],
    skipped: 'never',
    origin: 'recipe',
    source: 'upstream operator-health; ready instead of running, namespace of the recipe instead of a fixed one',
    deadlineMs: 2 * MINUTE,
    run: checkOperatorHealth,
  },
  {
    name: 'expected-resources',
    phase: 'deployment',
    summary:
      'Namespaces of all components are active, expected resources are ready, Skyhook objects and the DRA plug-in stay ready, every health check of the catalog holds',
    reads: [
      'namespaces',
      'deployments.apps',
      'daemonsets.apps',
      'statefulsets.apps',
      'services',
      'configmaps',
      'skyhooks.skyhook.nvidia.com',
      'pods',
      'customresourcedefinitions.apiextensions.k8s.io',
      'whatever the health checks of the catalog name',
    ],
    writes: [],
    skipped: 'the recipe deploys no component',
    origin: 'recipe',
    source: 'upstream expected-resources; a workload that wants no pods fails, every document of a health check is run',
    deadlineMs: 8 * MINUTE,
    run: checkExpectedResources,
  },
  {
    name: 'gpu-operator-version',
    phase: 'deployment',
    summary: "The version of the GPU operator's Deployment satisfies the constraint `Deployment.gpu-operator.version`",
    reads: ['deployments.apps'],
    writes: [],
    skipped: 'the recipe has no such constraint',
    origin: 'recipe',
    source: 'upstream gpu-operator-version',
    deadlineMs: 2 * MINUTE,
    run: checkGpuOperatorVersion,
  },
  {
    name: 'check-nvidia-smi',
    phase: 'deployment',
    summary: 'A pod that was given all GPUs of a node sees all of them through nvidia-smi, on every idle NVIDIA node',
    reads: ['nodes', 'pods', 'pods/log'],
    writes: ['pods'],
    skipped: 'no NVIDIA node; checks that write are off; no node is idle. Busy nodes are left out one by one',
    origin: 'recipe',
    source: 'upstream check-nvidia-smi; all GPUs instead of one, nodes side by side, one busy node does not skip the others',
    deadlineMs: 10 * MINUTE,
    run: checkNvidiaSmi,
  },
  {
    name: 'check-amd-smi',
    phase: 'deployment',
    summary: 'A pod that was given all GPUs of a node sees all of them through amd-smi, on every idle AMD node',
    reads: ['nodes', 'pods', 'pods/log'],
    writes: ['pods'],
    skipped: 'no AMD node; checks that write are off; no node is idle. Busy nodes are left out one by one',
    origin: 'recipe',
    source: 'Assay, after check-nvidia-smi',
    deadlineMs: 10 * MINUTE,
    run: checkAmdSmi,
  },
  {
    name: 'gpu-capacity',
    phase: 'deployment',
    summary:
      'Every ready GPU node advertises as many GPUs as its labels say it has, by device plug-in or DRA driver, and none is unhealthy',
    reads: ['nodes', 'resourceslices.resource.k8s.io'],
    writes: [],
    skipped: 'no GPU node, or no label says how many GPUs a node has',
    origin: 'cluster',
    source: 'Assay; labels of GPU feature discovery and the AMD node labeller against capacity and allocatable',
    deadlineMs: 2 * MINUTE,
    run: checkGpuCapacity,
  },
  {
    name: 'image-digests',
    phase: 'deployment',
    summary: "Images that run in the components' namespaces have the digests that the catalog's image list or a supplied BOM pins",
    reads: ['pods'],
    writes: [],
    skipped: 'no pod of the components runs, or nothing pins an image that runs',
    origin: 'cluster',
    source: 'Assay; CycloneDX 1.6, package URLs of type oci',
    deadlineMs: 2 * MINUTE,
    run: checkImageDigests,
  },
];
