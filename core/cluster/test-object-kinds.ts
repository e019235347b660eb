import type { ObjectKind } from './cluster.ts';

/** Label of every object that a check made, with the run's id as its value. */
export const RUN_LABEL = 'assay.dev/run';

/** Every kind of object that a check may make, all of them in the namespace of the checks: what teardown and deletion look for. */
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
