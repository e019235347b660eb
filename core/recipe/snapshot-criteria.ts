import { detectFingerprint } from '../fingerprint/detect.ts';
import type { Snapshot } from '../snapshot/document.ts';
import { knownOrAny, type CriteriaInput, type CriteriaScope } from './criteria.ts';

/**
 * Criteria that a snapshot answers by itself: service, accelerator, OS and number of nodes. Values that no recipe knows
 * become `any`; intent and platform cannot be seen.
 */
export function snapshotCriteria(snapshot: Snapshot, scope: CriteriaScope): CriteriaInput {
  const { service, accelerator, os, nodeCount } = detectFingerprint(snapshot);
  return {
    service: knownOrAny('service', service.value, scope),
    accelerator: knownOrAny('accelerator', accelerator.value, scope),
    os: knownOrAny('os', os.value, scope),
    nodes: nodeCount.value,
  };
}
