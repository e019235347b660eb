import type { ClusterCheck } from '../cluster-check.ts';
import { checkInferencePerf } from '../performance/inference-perf.ts';
import { checkNccl } from '../performance/nccl.ts';
import type { NcclVariant } from '../performance/nccl-objects.ts';
import { checkNodeNccl, checkRccl } from '../performance/single-node.ts';

const MINUTE = 60_000;
const NCCL_READS: readonly string[] = ['trainjobs.trainer.kubeflow.org', 'nodes', 'pods', 'pods/log'];
const NCCL_WRITES: readonly string[] = ['trainingruntimes.trainer.kubeflow.org', 'trainjobs.trainer.kubeflow.org'];
const NCCL_SKIPPED =
  'no constraint of that name, another service or accelerator, GKE, no TrainJob API, fewer than 2 idle nodes that are alike, checks that write are off';
const NCCL_SOURCE = 'upstream NCCL checks: 0.9 of the constraint; wrong values and an unknown transport do not pass';

/** How fast it is. Only with `checks.active`, and only what the recipe's performance phase asks for; only on idle nodes. */
export const PERFORMANCE_CHECKS: readonly ClusterCheck[] = [
  nccl('nccl-all-reduce-bw', 'Bus bandwidth of all-reduce over two or more nodes reaches 0.9 of the constraint; the network is recorded'),
  {
    name: 'inference-perf',
    phase: 'performance',
    summary:
      'A model served on one idle node gives the tokens per second and the time to the first token that the recipe asks for, within a tenth',
    reads: ['dynamographdeployments.nvidia.com', 'nodes', 'pods', 'pods/log'],
    writes: ['dynamographdeployments.nvidia.com', 'jobs.batch'],
    skipped: 'no inference constraint, no dynamo-platform or its API, no idle node, checks that write are off',
    origin: 'recipe',
    source: 'upstream inference-perf; without its model cache, so the model is fetched at each run',
    deadlineMs: 65 * MINUTE,
    run: checkInferencePerf,
  },
  nccl('nccl-all-reduce-bw-net', 'The same over the network alone, and the log proves that it was no TCP socket'),
  {
    ...nccl('nccl-all-reduce-bw-nvls', 'The same over NVLink between nodes, and the log proves it'),
    reads: [...NCCL_READS, 'computedomains.resource.nvidia.com'],
    writes: ['computedomains.resource.nvidia.com', ...NCCL_WRITES],
  },
  {
    name: 'rccl-all-reduce-bw',
    phase: 'performance',
    summary:
      'On each idle AMD node all values of an all-reduce over its GPUs are right; the slowest node reaches 0.9 of the constraint, if there is one',
    reads: ['nodes', 'pods', 'pods/log'],
    writes: ['jobs.batch'],
    skipped: 'no AMD node with two idle GPUs, no image named, checks that write are off',
    origin: 'recipe',
    source: 'Assay, after upstream NCCL checks; rccl-tests',
    deadlineMs: 30 * MINUTE,
    run: checkRccl,
  },
  {
    name: 'node-all-reduce-bw',
    phase: 'performance',
    summary: 'On each idle NVIDIA node all values of an all-reduce over its GPUs are right; bandwidth and transport are recorded',
    reads: ['nodes', 'pods', 'pods/log'],
    writes: ['jobs.batch'],
    skipped: "the recipe's performance phase asks for nothing, no NVIDIA node with two idle GPUs, checks that write are off",
    origin: 'cluster',
    source: 'Assay; nccl-tests',
    deadlineMs: 30 * MINUTE,
    run: checkNodeNccl,
  },
];

function nccl(name: NcclVariant, summary: string): ClusterCheck {
  return {
    name,
    phase: 'performance',
    summary,
    reads: NCCL_READS,
    writes: NCCL_WRITES,
    skipped: NCCL_SKIPPED,
    origin: 'recipe',
    source: NCCL_SOURCE,
    deadlineMs: 30 * MINUTE,
    run: (context) => checkNccl(name, context),
  };
}
