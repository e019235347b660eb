import { compareText } from '#core/digest/compare-text.ts';
import type { NodeName } from '#core/wire/run.ts';

const MIN_DIGITS = 4;

/** Maps node names to the names a bundle shows, in the order of those. */
export type Pseudonyms = ReadonlyMap<NodeName, string>;

/**
 * Pseudonyms `node-0001`, `node-0002`, … in the byte order of the real names. An ordinal gives nothing to guess a name
 * from, where a hash of a short name could be searched.
 * @param nodes the frozen set of expected nodes, plus any that reported without being expected
 */
export function pseudonymsOf(nodes: Iterable<NodeName>): Pseudonyms {
  const names = [...new Set(nodes)].sort(compareText);
  const digits = Math.max(MIN_DIGITS, String(names.length).length);
  return new Map(names.map((name, index) => [name, pseudonym(index + 1, digits)]));
}

/** The pseudonym of a node of the run. */
export function pseudonymOf(pseudonyms: Pseudonyms, node: NodeName): string {
  return pseudonyms.get(node) ?? 'node-unknown';
}

/** @param ordinal from 1 @param digits least number of digits */
function pseudonym(ordinal: number, digits: number): string {
  return `node-${String(ordinal).padStart(digits, '0')}`;
}
