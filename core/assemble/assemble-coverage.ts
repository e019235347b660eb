import { MISSING_LISTED, type CoverageSummary } from '#core/attestation/predicate.ts';
import type { AbsenceReason, NodeName, SealedRun } from '#core/wire/run.ts';
import { pseudonymOf, type Pseudonyms } from './pseudonym.ts';
import type { Redaction } from './shown-report.ts';

/** `coverage.json`: every expected node in exactly one state. */
export interface CoverageFile {
  readonly schemaVersion: '1.0.0';
  readonly expected: number;
  readonly reported: number;
  readonly nodes: readonly { readonly node: string; readonly state: string; readonly detail?: string }[];
}

/** What coverage is told from. */
export interface CoverageInput {
  readonly run: Pick<SealedRun, 'expected' | 'absences'>;
  readonly pseudonyms: Pseudonyms;
  readonly redaction: Redaction;
  /** Whether the report of each node that sent anything is complete. */
  readonly complete: ReadonlyMap<NodeName, boolean>;
}

/**
 * Every expected node with its state: `reported`, or the reason of its absence. Only a complete report counts as one,
 * whatever the list of absences says. Details may name the node or its address, so a minimal bundle goes without them.
 */
export function coverageFile({ run, pseudonyms, redaction, complete }: CoverageInput): CoverageFile {
  const absences = new Map(run.absences.map((absence) => [absence.node, absence]));
  const nodes = [...pseudonyms.keys()].map((node) => {
    const absence = absences.get(node);
    const row = { node: pseudonymOf(pseudonyms, node), state: absence?.reason ?? stateOf(complete.get(node)) };
    return absence === undefined || redaction === 'minimal' ? row : { ...row, detail: absence.detail };
  });
  const reported = nodes.filter(({ state }) => state === 'reported').length;
  return { schemaVersion: '1.0.0', expected: run.expected.length, reported, nodes };
}

function stateOf(complete: boolean | undefined): 'reported' | AbsenceReason {
  if (complete === undefined) return 'never-connected';
  return complete ? 'reported' : 'incomplete';
}

/** The short form for the predicate: counts, and the first absences. */
export function coverageSummary(file: CoverageFile): CoverageSummary {
  const missing = file.nodes.filter((row) => row.state !== 'reported').map(({ node, state }) => ({ node, reason: state }));
  return { expected: file.expected, reported: file.reported, missing: missing.slice(0, MISSING_LISTED) };
}
