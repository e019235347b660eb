import { AssayError } from '#core/error.ts';
import type { Measurement } from '#core/snapshot/measurement.ts';
import type { CheckResult } from '#core/wire/record.ts';
import type { Absence, SessionIncident } from '#core/wire/run.ts';
import type {
  AgentEntry,
  ClusterCheckEntry,
  ClusterFactsEntry,
  IncidentEntry,
  LedgerEntry,
  RejectedEntry,
  RunEntry,
  SealEntry,
} from './entry.ts';

/** What a ledger says besides what the nodes sent, with the rules of which entry may follow which. */
export class RunOutline {
  /** By agent number. */
  readonly agents: AgentEntry[] = [];
  /** First rejection of each node. */
  readonly rejected = new Map<string, RejectedEntry>();
  /** Results of checks of the whole cluster. */
  readonly clusterChecks: CheckResult[] = [];
  readonly incidents: SessionIncident[] = [];
  /** Undefined as long as nothing was read about the whole cluster. */
  clusterFacts: readonly Measurement[] | undefined;
  /** With all absences, also those that stand in entries before it. */
  seal: SealEntry | undefined;
  restarts = 0;
  #absences: readonly Absence[] = [];
  #run: RunEntry | undefined;

  /** The run's header, or undefined for an empty ledger. */
  get run(): RunEntry | undefined {
    return this.#run;
  }

  /** Applies the next entry; of a batch only its place among the others is judged. @throws LEDGER_CORRUPT */
  add(entry: LedgerEntry): void {
    if (this.seal !== undefined) throw outOfPlace(entry, 'follows the seal');
    if ((entry.kind === 'run') === (this.#run !== undefined))
      throw outOfPlace(entry, entry.kind === 'run' ? 'is the second one' : 'comes before the run');
    switch (entry.kind) {
      case 'run':
        this.#run = readHeader(entry);
        break;
      case 'reopened':
        this.restarts += 1;
        // Whoever wrote them was killed before the seal: what they say is not final.
        this.#absences = [];
        break;
      case 'absences':
        this.#absences = [...this.#absences, ...entry.absences];
        break;
      case 'cluster-check':
      case 'cluster-facts':
      case 'incident':
        this.#addFinding(entry);
        break;
      case 'agent':
        this.#addAgent(entry);
        break;
      case 'batch':
        if (this.agents[entry.agent] === undefined) throw outOfPlace(entry, 'belongs to no agent');
        break;
      case 'rejected':
        if (!this.rejected.has(entry.node)) this.rejected.set(entry.node, entry);
        break;
      case 'seal':
        this.seal = { ...entry, absences: [...this.#absences, ...entry.absences] };
        break;
    }
  }

  #addAgent(entry: AgentEntry): void {
    if (entry.agent !== this.agents.length) throw outOfPlace(entry, `has number ${String(entry.agent)}, not ${String(this.agents.length)}`);
    this.agents.push(entry);
  }

  #addFinding(entry: ClusterCheckEntry | ClusterFactsEntry | IncidentEntry): void {
    if (entry.kind === 'cluster-check') this.clusterChecks.push(entry.result);
    else if (entry.kind === 'incident') this.incidents.push(entry.incident);
    else this.clusterFacts ??= entry.measurements;
  }
}

/** The error for an entry that cannot stand where it stands. */
export function outOfPlace(entry: LedgerEntry, what: string): AssayError {
  return new AssayError('LEDGER_CORRUPT', `the ledger entry "${entry.kind}" ${what}`, {
    hint: 'The ledger was edited or written by another version: move its directory away and start a new run.',
  });
}

function readHeader(entry: RunEntry): RunEntry {
  if (entry.format !== 1) throw outOfPlace(entry, `has format ${String(entry.format)}, this version reads 1`);
  return entry;
}
