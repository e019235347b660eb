import { CONFORMANCE_CHECKS } from './catalog/conformance-checks.ts';
import { DEPLOYMENT_CHECKS } from './catalog/deployment-checks.ts';
import { PERFORMANCE_CHECKS } from './catalog/performance-checks.ts';
import type { ClusterCheck } from './cluster-check.ts';

/** Every cluster check but the teardown; within a phase, this order is evidence order. Each has a row in docs/reference/cluster-check.md. */
export const CLUSTER_CHECKS: readonly ClusterCheck[] = [...DEPLOYMENT_CHECKS, ...CONFORMANCE_CHECKS, ...PERFORMANCE_CHECKS];

/** The record of the teardown: judged by the run itself, after everything else. */
export const TEARDOWN_CHECK: Omit<ClusterCheck, 'run' | 'deadlineMs'> = {
  name: 'test-objects-removed',
  phase: 'deployment',
  summary: 'Every object that a check of this run made is gone again',
  reads: ['every kind that a check writes'],
  writes: [],
  skipped: 'no check may make objects, or none had to',
  origin: 'cluster',
  source: 'Assay: a run leaves nothing behind, and shows it',
};
