import type { ObjectKind } from '#core/cluster/cluster.ts';

/** Every kind of object that a check may make, all of them in the namespace of the checks: what the teardown looks for. */
export const WRITTEN_KINDS: readonly ObjectKind[] = [
  { apiVersion: 'v1', kind: 'Pod' },
  { apiVersion: 'batch/v1', kind: 'Job' },
  { apiVersion: 'apps/v1', kind: 'Deployment' },
  { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' },
  { apiVersion: 'resource.k8s.io/v1', kind: 'ResourceClaim' },
  { apiVersion: 'resource.k8s.io/v1', kind: 'ResourceClaimTemplate' },
  { apiVersion: 'scheduling.run.ai/v2alpha2', kind: 'PodGroup' },
  { apiVersion: 'trainer.kubeflow.org/v1alpha1', kind: 'TrainJob' },
  { apiVersion: 'trainer.kubeflow.org/v1alpha1', kind: 'TrainingRuntime' },
  { apiVersion: 'resource.nvidia.com/v1beta1', kind: 'ComputeDomain' },
  { apiVersion: 'nvidia.com/v1beta1', kind: 'DynamoGraphDeployment' },
];
