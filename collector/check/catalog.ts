import type { ClusterCheck } from './cluster-check.ts';

/** Every cluster check; within a phase, this order is evidence order. Each has a row in docs/reference/cluster-check.md. */
export const CLUSTER_CHECKS: readonly ClusterCheck[] = [];
