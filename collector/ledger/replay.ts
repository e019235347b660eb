import { decodeAgentMessage } from '#core/wire/agent-message.ts';
import type { AgentEntry, BatchEntry, LedgerEntry, RejectedEntry, RunEntry, SealEntry } from './entry.ts';
import { CheckTally } from './check-tally.ts';
import { ReceivedStream, linksOf } from './received-stream.ts';
import { outOfPlace, RunOutline } from './run-outline.ts';

/** One agent as the ledger knows it. */
export interface ReplayedAgent {
  readonly entry: AgentEntry;
  readonly stream: ReceivedStream;
  readonly tally: CheckTally;
}

/** Rebuilds the state of a collector from the entries of its ledger, with the same sequence rules that took them in. */
export class RunReplay {
  /** By agent number. */
  readonly agents: ReplayedAgent[] = [];
  readonly #outline = new RunOutline();

  /** The run's header, or undefined for an empty ledger. */
  get run(): RunEntry | undefined {
    return this.#outline.run;
  }

  get seal(): SealEntry | undefined {
    return this.#outline.seal;
  }

  get restarts(): number {
    return this.#outline.restarts;
  }

  /** What is known of the cluster as a whole; checks by name were already run. */
  get cluster(): Pick<RunOutline, 'clusterChecks' | 'clusterFacts' | 'incidents'> {
    return this.#outline;
  }

  /** First rejection of each node. */
  get rejected(): ReadonlyMap<string, RejectedEntry> {
    return this.#outline.rejected;
  }

  /** Applies the next entry. @throws LEDGER_CORRUPT when it cannot follow the ones before */
  add(entry: LedgerEntry): void {
    this.#outline.add(entry);
    if (entry.kind === 'agent') this.#addAgent(entry);
    else if (entry.kind === 'batch') this.#addBatch(entry);
  }

  #addAgent(entry: AgentEntry): void {
    const nonce = Buffer.from(this.run?.nonce ?? '', 'hex');
    const stream = new ReceivedStream({ nonce, publicKey: Buffer.from(entry.publicKey, 'hex'), node: entry.node });
    this.agents.push({ entry, stream, tally: new CheckTally() });
  }

  #addBatch(entry: BatchEntry): void {
    const message = decodeAgentMessage(entry.frame);
    if (message.kind !== 'batch') throw outOfPlace(entry, 'holds no batch');
    const agent = this.agents[entry.agent];
    for (const { body } of agent?.stream.take(message, linksOf(message)) ?? []) agent?.tally.add(body);
  }
}
