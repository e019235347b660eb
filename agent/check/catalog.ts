import { AMD_CHECKS } from './catalog/amd-checks.ts';
import { GPU_CHECKS } from './catalog/gpu-checks.ts';
import { LINK_CHECKS } from './catalog/link-checks.ts';
import { NODE_CHECKS } from './catalog/node-checks.ts';
import { NVIDIA_HEALTH_CHECKS } from './catalog/nvidia-health-checks.ts';
import { RDMA_CHECKS } from './catalog/rdma-checks.ts';
import type { Check } from './check.ts';

/** Every node check; within a phase, this order is evidence order. Each has a row in docs/reference/check.md. */
export const CHECKS: readonly Check[] = [
  ...NODE_CHECKS,
  ...GPU_CHECKS,
  ...NVIDIA_HEALTH_CHECKS,
  ...LINK_CHECKS,
  ...AMD_CHECKS,
  ...RDMA_CHECKS,
];
