import { AssayError } from '#core/error.ts';
import type { NodeName, NodeReport, RunId, SealedRun } from '#core/wire/run.ts';
import type { LedgerEntry } from './entry.ts';
import { RunReplay } from './replay.ts';

/**
 * The immutable run that a sealed ledger holds: a pure function of its entries.
 * @throws LEDGER_CORRUPT when there is no seal, or entries that cannot follow one another
 */
export function sealedRunFrom(entries: Iterable<LedgerEntry>): SealedRun {
  const replay = new RunReplay(true);
  for (const entry of entries) replay.add(entry);
  return sealedRunOf(replay);
}

/** The immutable run of a replay that kept its records. @throws LEDGER_CORRUPT when the run is not sealed */
export function sealedRunOf(replay: RunReplay): SealedRun {
  const { run, seal } = replay;
  if (run === undefined || seal === undefined)
    throw new AssayError('LEDGER_CORRUPT', 'the ledger is not sealed', { hint: 'Let the collector end the run.' });
  return {
    runId: run.runId as RunId,
    nonce: run.nonce,
    openedAtMs: run.openedAtMs,
    sealedAtMs: seal.sealedAtMs,
    expected: run.expected as readonly NodeName[],
    reports: run.expected.flatMap((node) => reportOf(replay, node)),
    absences: seal.absences,
    collectorRestarts: replay.restarts,
  };
}

/** An agent that signed two histories proves nothing: a rejected node has no report, only its absence. */
function reportOf(replay: RunReplay, node: string): readonly NodeReport[] {
  const agent = replay.lastAgentOf(node);
  if (agent === undefined || replay.rejected.has(node)) return [];
  const { entry, stream, records } = agent;
  return [
    {
      node: node as NodeName,
      agentVersion: entry.agentVersion,
      records,
      complete: stream.finished,
      attempt: entry.attempt,
      clockSkewMs: entry.clockSkewMs,
    },
  ];
}
