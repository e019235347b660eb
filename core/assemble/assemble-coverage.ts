import { MISSING_LISTED, type CoverageSummary } from '#core/attestation/predicate.ts';
import type { SealedRun } from '#core/wire/run.ts';
import type { Redaction } from './compose-bundle.ts';
import { pseudonymOf, type Pseudonyms } from './pseudonym.ts';

/** `coverage.json`: every expected node in exactly one state. */
export interface CoverageFile {
  readonly schemaVersion: '1.0.0';
  readonly expected: number;
  readonly reported: number;
  readonly nodes: readonly { readonly node: string; readonly state: string; readonly detail?: string }[];
}

/**
 * Every expected node with its state: `reported`, or the reason of its absence.
 * Details may name the node or its address, so a minimal bundle goes without them.
 */
export function coverageFile(run: SealedRun, pseudonyms: Pseudonyms, redaction: Redaction): CoverageFile {
  const absences = new Map(run.absences.map((absence) => [absence.node, absence]));
  const nodes = [...pseudonyms.keys()].map((node) => {
    const absence = absences.get(node);
    const row = { node: pseudonymOf(pseudonyms, node), state: absence?.reason ?? 'reported' };
    return absence === undefined || redaction === 'minimal' ? row : { ...row, detail: absence.detail };
  });
  return { schemaVersion: '1.0.0', expected: run.expected.length, reported: run.reports.filter((report) => report.complete).length, nodes };
}

/** The short form for the predicate: counts, and the first absences. */
export function coverageSummary(file: CoverageFile): CoverageSummary {
  const missing = file.nodes.filter((row) => row.state !== 'reported').map(({ node, state }) => ({ node, reason: state }));
  return { expected: file.expected, reported: file.reported, missing: missing.slice(0, MISSING_LISTED) };
}
