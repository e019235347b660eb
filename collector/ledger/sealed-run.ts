import { AssayError } from '#core/error.ts';
import { decodeAgentMessage } from '#core/wire/agent-message.ts';
import type { Batch } from '#core/wire/message.ts';
import type { RecordBody } from '#core/wire/record.ts';
import type { ClusterFindings, NodeName, NodeReport, RunId, SealedFrame } from '#core/wire/run.ts';
import { decodeEntry, type AgentEntry, type LedgerEntry } from './entry.ts';
import { linksOf, ReceivedStream } from './received-stream.ts';
import { outOfPlace, RunOutline } from './run-outline.ts';

/** Where an entry stands in the ledger file. */
export interface EntryPlace {
  readonly at: number;
  readonly length: number;
}

/** A sealed run that is read node by node, so that its size does not matter. */
export interface SealedSource {
  readonly run: SealedFrame;
  /** Records of all reports together. */
  readonly records: number;
  /**
   * Everything the nodes sent, one node at a time; nodes that sent nothing and rejected ones are left out.
   * @param order nodes of the run, in the order in which they are wanted
   * @throws LEDGER_CORRUPT, and the codes of the sequence rules for a ledger that was edited
   */
  readonly reports: (order: readonly NodeName[]) => AsyncGenerator<NodeReport>;
}

interface IndexedAgent {
  readonly entry: AgentEntry;
  readonly batches: EntryPlace[];
  lastSeq: number;
}

/** Notes where the batches of each agent stand in a sealed ledger. Holds no record. */
export class SealedIndex {
  readonly #outline = new RunOutline();
  readonly #agents: IndexedAgent[] = [];

  /** Takes the next entry of the ledger. @throws LEDGER_CORRUPT when it cannot follow the ones before */
  add(entry: LedgerEntry, place: EntryPlace): void {
    this.#outline.add(entry);
    if (entry.kind === 'agent') this.#agents.push({ entry, batches: [], lastSeq: 0 });
    if (entry.kind !== 'batch') return;
    const { firstSeq, records } = batchOf(entry);
    const agent = this.#agents[entry.agent];
    agent?.batches.push(place);
    if (agent !== undefined) agent.lastSeq = Math.max(agent.lastSeq, firstSeq + records.length - 1);
  }

  /**
   * The run, once the last entry was taken.
   * @param readEntry reads an entry back from its place
   * @throws LEDGER_CORRUPT when the run is not sealed
   */
  toSource(readEntry: (place: EntryPlace) => Promise<Buffer>): SealedSource {
    const run = this.#frame();
    const counted = this.#countedAgents();
    const nonce = Buffer.from(run.nonce, 'hex');
    async function* reports(order: readonly NodeName[]): AsyncGenerator<NodeReport> {
      for (const node of order) {
        const agent = counted.get(node);
        if (agent !== undefined) yield await readReport(agent, nonce, readEntry);
      }
    }
    return { run, records: [...counted.values()].reduce((sum, { lastSeq }) => sum + lastSeq, 0), reports };
  }

  #frame(): SealedFrame {
    const { run, seal, restarts } = this.#outline;
    if (run === undefined || seal === undefined)
      throw new AssayError('LEDGER_CORRUPT', 'the ledger is not sealed', { hint: 'Let the collector end the run.' });
    return {
      runId: run.runId as RunId,
      nonce: run.nonce,
      openedAtMs: run.openedAtMs,
      sealedAtMs: seal.sealedAtMs,
      expected: run.expected as readonly NodeName[],
      absences: seal.absences,
      collectorRestarts: restarts,
      ...(run.cluster === undefined ? {} : { cluster: this.#findings() }),
      ...(run.previous === undefined ? {} : { previous: run.previous }),
    };
  }

  #findings(): ClusterFindings {
    const { run, agents, clusterChecks, clusterFacts, incidents, seal } = this.#outline;
    return {
      checks: clusterChecks,
      measurements: clusterFacts ?? [],
      incidents,
      incidentCounts: seal?.incidentCounts ?? {},
      refilled: run?.cluster?.refilled === true,
      startedOver: new Set(agents.filter(({ attempt }) => attempt > 1).map(({ node }) => node)).size,
    };
  }

  /** The last agent of each node counts. One that signed two histories proves nothing: a rejected node has only its absence. */
  #countedAgents(): ReadonlyMap<string, IndexedAgent> {
    const { rejected } = this.#outline;
    return new Map(this.#agents.filter(({ entry }) => !rejected.has(entry.node)).map((agent) => [agent.entry.node, agent]));
  }
}

async function readReport(
  { entry, batches }: IndexedAgent,
  nonce: Buffer,
  readEntry: (place: EntryPlace) => Promise<Buffer>,
): Promise<NodeReport> {
  const stream = new ReceivedStream({ nonce, publicKey: Buffer.from(entry.publicKey, 'hex'), node: entry.node });
  const records: RecordBody[] = [];
  for (const place of batches) {
    const batch = batchOf(decodeEntry(await readEntry(place)));
    for (const { body } of stream.take(batch, linksOf(batch))) records.push(body);
  }
  const { agentVersion, attempt, clockSkewMs } = entry;
  return { node: entry.node as NodeName, agentVersion, records, complete: stream.finished, attempt, clockSkewMs };
}

function batchOf(entry: LedgerEntry): Batch {
  const message = entry.kind === 'batch' ? decodeAgentMessage(entry.frame) : undefined;
  if (message?.kind !== 'batch') throw outOfPlace(entry, 'holds no batch');
  return message;
}
