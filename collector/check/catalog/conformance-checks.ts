import type { ClusterCheck } from '../cluster-check.ts';
import { checkAcceleratorMetrics, checkAmdAcceleratorMetrics } from '../conformance/accelerator-metrics.ts';
import { checkAiServiceMetrics } from '../conformance/ai-service-metrics.ts';
import { checkClusterAutoscaling } from '../conformance/cluster-autoscaling.ts';
import { checkDraSupport } from '../conformance/dra-support.ts';
import { checkGangScheduling } from '../conformance/gang-scheduling.ts';
import { checkGpuOperatorHealth } from '../conformance/gpu-operator-health.ts';
import { checkInferenceGateway } from '../conformance/inference-gateway.ts';
import { checkPlatformHealth } from '../conformance/platform-health.ts';
import { checkPodAutoscaling } from '../conformance/pod-autoscaling.ts';
import { checkRobustController } from '../conformance/robust-controller.ts';
import { checkSecureAcceleratorAccess } from '../conformance/secure-accelerator-access.ts';
import { checkSlinkySlurmHealth, checkSlinkySlurmImexChannel } from '../conformance/slinky.ts';

const MINUTE = 60_000;
const OFF = 'the readable part holds and checks that write are off';

/** What the platform can do. A check that has to try something first looks at what can be read: that can fail without trying. */
export const CONFORMANCE_CHECKS: readonly ClusterCheck[] = [
  {
    name: 'dra-support',
    phase: 'conformance',
    summary:
      'The DRA driver is ready on every node that it wants and advertises a usable device; where the recipe uses claims, a pod gets one GPU by claim',
    reads: ['deployments.apps', 'daemonsets.apps', 'resourceslices.resource.k8s.io', 'pods', 'pods/log'],
    writes: ['resourceclaims.resource.k8s.io', 'pods'],
    skipped: `the recipe has no nvidia-dra-driver-gpu; with claims also when ${OFF}`,
    origin: 'recipe',
    source: 'upstream dra-support',
    deadlineMs: 5 * MINUTE,
    run: checkDraSupport,
  },
  {
    name: 'gang-scheduling',
    phase: 'conformance',
    summary:
      'All parts of the KAI scheduler are available, its CRDs established, and two pods of one group are placed within 30 s of each other',
    reads: ['deployments.apps', 'customresourcedefinitions.apiextensions.k8s.io', 'pods'],
    writes: ['podgroups.scheduling.run.ai', 'pods'],
    skipped: `no Deployment kai-scheduler-default; ${OFF}`,
    origin: 'recipe',
    source: 'upstream gang-scheduling',
    deadlineMs: 10 * MINUTE,
    run: checkGangScheduling,
  },
  {
    name: 'accelerator-metrics',
    phase: 'conformance',
    summary: 'Every DCGM exporter that may be asked gives utilisation, memory, temperature and power',
    reads: ['pods', 'pods/proxy', 'services/proxy'],
    writes: [],
    skipped: 'neither pods/proxy nor services/proxy is allowed',
    origin: 'recipe',
    source: 'upstream accelerator-metrics; every exporter instead of one where pods/proxy is allowed',
    deadlineMs: 5 * MINUTE,
    run: checkAcceleratorMetrics,
  },
  {
    name: 'amd-accelerator-metrics',
    phase: 'conformance',
    summary: 'Every AMD device metrics exporter that may be asked gives utilisation, memory, temperature and power',
    reads: ['pods', 'pods/proxy', 'services/proxy'],
    writes: [],
    skipped: 'neither pods/proxy nor services/proxy is allowed',
    origin: 'recipe',
    source: 'Assay, after accelerator-metrics; metric names of the AMD device metrics exporter',
    deadlineMs: 5 * MINUTE,
    run: checkAmdAcceleratorMetrics,
  },
  {
    name: 'ai-service-metrics',
    phase: 'conformance',
    summary: 'Prometheus has series of DCGM_FI_DEV_GPU_UTIL within 2 min, and custom.metrics.k8s.io answers',
    reads: ['services', 'services/proxy', '/apis/custom.metrics.k8s.io/v1beta1'],
    writes: [],
    skipped: 'services/proxy is not allowed',
    origin: 'recipe',
    source: 'upstream ai-service-metrics',
    deadlineMs: 5 * MINUTE,
    run: checkAiServiceMetrics,
  },
  {
    name: 'inference-gateway',
    phase: 'conformance',
    summary:
      'GatewayClass agentgateway is accepted, Gateway inference-gateway programmed, with a ready endpoint; a load balancer open to all is a warning',
    reads: [
      'customresourcedefinitions.apiextensions.k8s.io',
      'gatewayclasses.gateway.networking.k8s.io',
      'gateways.gateway.networking.k8s.io',
      'endpointslices.discovery.k8s.io',
      'services',
    ],
    writes: [],
    skipped: 'the recipe has no agentgateway',
    origin: 'recipe',
    source: 'upstream inference-gateway',
    deadlineMs: 5 * MINUTE,
    run: checkInferenceGateway,
  },
  {
    name: 'pod-autoscaling',
    phase: 'conformance',
    summary: 'The external metric dcgm_gpu_power_usage has values, and an autoscaler on it scales a Deployment up and down again',
    reads: [
      'pods',
      '/apis/custom.metrics.k8s.io/v1beta1',
      '/apis/external.metrics.k8s.io/v1beta1',
      'horizontalpodautoscalers.autoscaling',
      'deployments.apps',
    ],
    writes: ['deployments.apps', 'horizontalpodautoscalers.autoscaling'],
    skipped: `no nvidia-dcgm-exporter runs; ${OFF}`,
    origin: 'recipe',
    source: 'upstream pod-autoscaling',
    deadlineMs: 10 * MINUTE,
    run: checkPodAutoscaling,
  },
  {
    name: 'cluster-autoscaling',
    phase: 'conformance',
    summary:
      'A Karpenter NodePool has a GPU limit and adds a node for pods that wait; without Karpenter on EKS and GKE, node groups are sized by an autoscaler',
    reads: [
      'nodepools.karpenter.sh',
      'nodes',
      'deployments.apps',
      'configmaps',
      'horizontalpodautoscalers.autoscaling',
      'pods',
      '/apis/external.metrics.k8s.io/v1beta1',
    ],
    writes: ['deployments.apps', 'horizontalpodautoscalers.autoscaling'],
    skipped: `no Karpenter on other services; nothing in the cluster shows that autoscaling is on; ${OFF}`,
    origin: 'recipe',
    source: 'upstream cluster-autoscaling; on GKE it does not pass unseen',
    deadlineMs: 10 * MINUTE,
    run: checkClusterAutoscaling,
  },
  {
    name: 'robust-controller',
    phase: 'conformance',
    summary:
      "The platform's controller is available with its CRD and validating webhook, and the webhook refuses an object that makes no sense",
    reads: [
      'deployments.apps',
      'customresourcedefinitions.apiextensions.k8s.io',
      'validatingwebhookconfigurations.admissionregistration.k8s.io',
    ],
    writes: ['dynamographdeployments.nvidia.com', 'trainjobs.trainer.kubeflow.org'],
    skipped: `the recipe has neither dynamo-platform nor kubeflow-trainer; ${OFF}`,
    origin: 'recipe',
    source: 'upstream robust-controller',
    deadlineMs: 5 * MINUTE,
    run: checkRobustController,
  },
  {
    name: 'secure-accelerator-access',
    phase: 'conformance',
    summary: 'A container sees exactly the GPU that it was given; its sibling and a pod on the same node without a GPU see none',
    reads: ['nodes', 'pods', 'pods/log'],
    writes: ['pods'],
    skipped: 'no NVIDIA node; checks that write are off; no node is idle',
    origin: 'recipe',
    source: 'upstream secure-accelerator-access',
    deadlineMs: 10 * MINUTE,
    run: checkSecureAcceleratorAccess,
  },
  {
    name: 'slinky-slurm-health',
    phase: 'conformance',
    summary: 'Never passes: Controller, workers and login pods are looked at, the rest needs commands inside a pod',
    reads: ['nodes', 'pods', 'controllers.slinky.slurm.net', 'nodesets.slinky.slurm.net'],
    writes: [],
    skipped: 'no component or API, only simulated nodes, or all that can be seen from outside is up (pods/exec is never asked for)',
    origin: 'recipe',
    source: 'upstream slinky-slurm-health',
    deadlineMs: 5 * MINUTE,
    run: checkSlinkySlurmHealth,
  },
  {
    name: 'slinky-slurm-imex-channel',
    phase: 'conformance',
    summary: 'Never passes: compute domain and claim template are looked at, the rest needs commands inside a pod',
    reads: ['nodes', 'controllers.slinky.slurm.net', 'computedomains.resource.nvidia.com', 'resourceclaimtemplates.resource.k8s.io'],
    writes: [],
    skipped: 'no component or API, only simulated nodes, or all that can be seen from outside is there (pods/exec is never asked for)',
    origin: 'recipe',
    source: 'upstream slinky-slurm-imex-channel',
    deadlineMs: 5 * MINUTE,
    run: checkSlinkySlurmImexChannel,
  },
  {
    name: 'gpu-operator-health',
    phase: 'conformance',
    summary: 'The GPU operator is available, its ClusterPolicy ready, and every metrics exporter that should run is ready',
    reads: ['deployments.apps', 'daemonsets.apps', 'clusterpolicies.nvidia.com'],
    writes: [],
    skipped: 'never',
    origin: 'recipe',
    source: 'upstream gpu-operator-health; all exporters instead of one',
    deadlineMs: 2 * MINUTE,
    run: checkGpuOperatorHealth,
  },
  {
    name: 'platform-health',
    phase: 'conformance',
    summary: 'Namespaces of all components are active, expected resources are ready',
    reads: ['namespaces', 'deployments.apps', 'daemonsets.apps', 'statefulsets.apps', 'services', 'configmaps'],
    writes: [],
    skipped: 'the recipe deploys no component',
    origin: 'recipe',
    source: 'upstream platform-health',
    deadlineMs: 5 * MINUTE,
    run: checkPlatformHealth,
  },
];
