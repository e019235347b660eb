import type { Criteria } from '../recipe/document.ts';
import type { Fingerprint } from './fingerprint.ts';
import type { CriteriaMatch, DimensionMatch } from './match.ts';

/**
 * Compares a recipe's criteria with what a cluster is. A recipe value that is absent or `any` always matches; what the
 * fingerprint does not know is `unknown`; node counts must be equal. Matched = no dimension mismatches.
 * @source recipe-evidence criteria match
 */
export function matchCriteria(criteria: Criteria | null, fingerprint: Fingerprint): CriteriaMatch {
  const { service, accelerator, os, intent, platform, nodes } = criteria ?? {};
  const perDimension = [
    compare('service', service, fingerprint.service.value),
    compare('accelerator', accelerator, fingerprint.accelerator.value),
    compare('os', os, fingerprint.os.value),
    compare('intent', intent, ''),
    compare('platform', platform, ''),
    compare('nodes', countText(nodes), countText(fingerprint.nodeCount.value) ?? ''),
  ];
  return { matched: perDimension.every(({ match }) => match !== 'mismatched'), perDimension };
}

function compare(dimension: DimensionMatch['dimension'], required: string | undefined, provided: string): DimensionMatch {
  const any = required === undefined || required === '' || required === 'any';
  const match = any ? 'matched' : provided === '' ? 'unknown' : required === provided ? 'matched' : 'mismatched';
  return {
    dimension,
    ...(required === undefined || required === '' ? {} : { recipeRequires: required }),
    ...(provided === '' ? {} : { fingerprintProvides: provided }),
    match,
  };
}

function countText(count: number | undefined): string | undefined {
  return count === undefined || count <= 0 ? undefined : String(count);
}
