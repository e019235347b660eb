import { matchesLabels, type LabelRequirement } from './label-selector.ts';
import type { NodeFacts } from './node-facts.ts';

/**
 * Whether a node must report: it has accelerators, by capacity or label, or the selector adds it.
 * @param selector requirements that a further node must meet; undefined adds none
 */
export function isExpectedNode({ gpu, labels }: NodeFacts, selector: readonly LabelRequirement[] | undefined): boolean {
  return gpu !== undefined || (selector !== undefined && selector.length > 0 && matchesLabels(labels, selector));
}
