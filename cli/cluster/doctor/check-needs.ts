/** What a cluster must have for a check to run; without it the check is skipped with that reason. */
export type CheckNeed =
  /** `checks.active`: the check makes objects. */
  | { readonly kind: 'writes' }
  | { readonly kind: 'api'; readonly apiVersion: string; readonly resource: string }
  | { readonly kind: 'workload'; readonly name: string }
  | { readonly kind: 'vendor'; readonly vendor: 'nvidia' | 'amd' };

/** Needs of one cluster check. */
export interface CheckNeeds {
  readonly check: string;
  readonly needs: readonly CheckNeed[];
  /** Runs whatever the recipe names. */
  readonly always?: true;
}

const WRITES: CheckNeed = { kind: 'writes' };
const NVIDIA: CheckNeed = { kind: 'vendor', vendor: 'nvidia' };
const AMD: CheckNeed = { kind: 'vendor', vendor: 'amd' };
const TRAINER: CheckNeed = { kind: 'api', apiVersion: 'trainer.kubeflow.org/v1alpha1', resource: 'TrainJob' };
const DYNAMO: CheckNeed = { kind: 'api', apiVersion: 'nvidia.com/v1beta1', resource: 'DynamoGraphDeployment' };
const SLURM: CheckNeed = { kind: 'api', apiVersion: 'slinky.slurm.net/v1beta1', resource: 'Controller' };

/**
 * Cluster checks that need more than a cluster, as far as it can be seen from outside. Whether a check runs at all is the
 * recipe's to say.
 * @source collector/check/catalog: the reasons for which each is skipped
 */
export const CHECK_NEEDS: readonly CheckNeeds[] = [
  { check: 'check-nvidia-smi', needs: [WRITES, NVIDIA] },
  { check: 'check-amd-smi', needs: [WRITES, AMD] },
  { check: 'dra-support', needs: [{ kind: 'api', apiVersion: 'resource.k8s.io/v1', resource: 'ResourceSlice' }] },
  { check: 'gang-scheduling', needs: [WRITES, { kind: 'workload', name: 'kai-scheduler-default' }] },
  { check: 'pod-autoscaling', needs: [WRITES, { kind: 'workload', name: 'nvidia-dcgm-exporter' }] },
  { check: 'cluster-autoscaling', needs: [WRITES] },
  { check: 'robust-controller', needs: [WRITES] },
  { check: 'secure-accelerator-access', needs: [WRITES, NVIDIA] },
  { check: 'slinky-slurm-health', needs: [SLURM] },
  { check: 'slinky-slurm-imex-channel', needs: [SLURM] },
  { check: 'inference-perf', needs: [WRITES, DYNAMO] },
  { check: 'nccl-all-reduce-bw', needs: [WRITES, TRAINER, NVIDIA] },
  { check: 'nccl-all-reduce-bw-net', needs: [WRITES, TRAINER, NVIDIA] },
  { check: 'nccl-all-reduce-bw-nvls', needs: [WRITES, TRAINER, NVIDIA] },
  { check: 'rccl-all-reduce-bw', needs: [WRITES, AMD] },
  { check: 'node-all-reduce-bw', needs: [WRITES, NVIDIA], always: true },
];
