import type { ClusterObject } from '#core/cluster/cluster.ts';
import { compareText } from '#core/digest/compare-text.ts';
import type { Measurement } from '#core/snapshot/measurement.ts';

/** Keys of one policy; the largest known one has about 300. */
const MAX_KEYS = 2000;

/**
 * The specification of the GPU operator's policies as dotted keys: scalars as text, lists as JSON, empty lists left out.
 * @source upstream snapshot, K8s.policy
 */
export function policyFacts(policies: readonly ClusterObject[]): readonly Measurement[] {
  const flat = new Map(policies.flatMap((policy) => flatten(policy['spec'], '')));
  return [...flat]
    .sort(([left], [right]) => compareText(left, right))
    .slice(0, MAX_KEYS)
    .map(([key, value]) => ({
      type: 'K8s',
      subtype: 'policy',
      key,
      reading: { state: 'read', value },
      source: 'nvidia.com/v1 ClusterPolicy',
    }));
}

function flatten(value: unknown, path: string): readonly (readonly [string, string])[] {
  if (Array.isArray(value)) return value.length === 0 ? [] : [[path, JSON.stringify(value)]];
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([key, inner]) => flatten(inner, path === '' ? key : `${path}.${key}`));
  return path === '' || value === undefined || value === null ? [] : [[path, String(value)]];
}
