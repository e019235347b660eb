import type { NodeName, SealedRun } from '#core/wire/run.ts';

const MIN_DIGITS = 4;

/** Maps node names to the names a bundle shows. */
export type Pseudonyms = ReadonlyMap<NodeName, string>;

/**
 * Pseudonyms `node-0001`, `node-0002`, … in the byte order of the real names. An ordinal gives nothing to guess a name
 * from, where a hash of a short name could be searched.
 * @param run expected nodes, plus any that reported without being expected
 */
export function pseudonymsOf(run: Pick<SealedRun, 'expected' | 'reports'>): Pseudonyms {
  const names = [...new Set([...run.expected, ...run.reports.map((report) => report.node)])].sort(byBytes);
  const digits = Math.max(MIN_DIGITS, String(names.length).length);
  return new Map(names.map((name, index) => [name, `node-${String(index + 1).padStart(digits, '0')}`]));
}

/** The pseudonym of a node of the run. */
export function pseudonymOf(pseudonyms: Pseudonyms, node: NodeName): string {
  return pseudonyms.get(node) ?? 'node-unknown';
}

function byBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}
