import { AssayError } from '#core/error.ts';
import { decodeAgentMessage } from '#core/wire/agent-message.ts';
import type { RecordBody } from '#core/wire/record.ts';
import type { AgentEntry, BatchEntry, LedgerEntry, RejectedEntry, RunEntry, SealEntry } from './entry.ts';
import { ReceivedStream, linksOf } from './received-stream.ts';

/** One agent as the ledger knows it. */
export interface ReplayedAgent {
  readonly entry: AgentEntry;
  readonly stream: ReceivedStream;
  /** Bodies in sequence order; empty when the replay does not keep them. */
  readonly records: RecordBody[];
}

/** Rebuilds a run from the entries of its ledger, with the same sequence rules that took them in. */
export class RunReplay {
  /** By agent number. */
  readonly agents: ReplayedAgent[] = [];
  /** First rejection of each node. */
  readonly rejected = new Map<string, RejectedEntry>();
  seal: SealEntry | undefined;
  restarts = 0;
  readonly #keepRecords: boolean;
  #run: RunEntry | undefined;

  /** @param keepRecords false to rebuild a collector's state without holding every record */
  constructor(keepRecords: boolean) {
    this.#keepRecords = keepRecords;
  }

  /** The run's header, or undefined for an empty ledger. */
  get run(): RunEntry | undefined {
    return this.#run;
  }

  /** Applies the next entry. @throws LEDGER_CORRUPT when it cannot follow the ones before */
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
        break;
      case 'agent':
        this.#addAgent(entry);
        break;
      case 'batch':
        this.#addBatch(entry);
        break;
      case 'rejected':
        if (!this.rejected.has(entry.node)) this.rejected.set(entry.node, entry);
        break;
      case 'seal':
        this.seal = entry;
        break;
    }
  }

  /** The last agent of a node: the one that counts. */
  lastAgentOf(node: string): ReplayedAgent | undefined {
    return this.agents.findLast(({ entry }) => entry.node === node);
  }

  #addAgent(entry: AgentEntry): void {
    if (entry.agent !== this.agents.length) throw outOfPlace(entry, `has number ${String(entry.agent)}, not ${String(this.agents.length)}`);
    const nonce = Buffer.from(this.#run?.nonce ?? '', 'hex');
    const stream = new ReceivedStream({ nonce, publicKey: Buffer.from(entry.publicKey, 'hex'), node: entry.node });
    this.agents.push({ entry, stream, records: [] });
  }

  #addBatch(entry: BatchEntry): void {
    const agent = this.agents[entry.agent];
    const message = decodeAgentMessage(entry.frame);
    if (agent === undefined || message.kind !== 'batch') throw outOfPlace(entry, 'belongs to no agent');
    const fresh = agent.stream.take(message, linksOf(message));
    if (this.#keepRecords) agent.records.push(...fresh.map(({ body }) => body));
  }
}

function readHeader(entry: RunEntry): RunEntry {
  if (entry.format !== 1) throw outOfPlace(entry, `has format ${String(entry.format)}, this version reads 1`);
  return entry;
}

function outOfPlace(entry: LedgerEntry, what: string): AssayError {
  return new AssayError('LEDGER_CORRUPT', `the ledger entry "${entry.kind}" ${what}`, {
    hint: 'The ledger was edited or written by another version: move its directory away and start a new run.',
  });
}
