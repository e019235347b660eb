import { verify, type KeyObject } from 'node:crypto';
import { AssayError } from '#core/error.ts';
import { publicKeyFromRaw } from '#core/wire/agent-key.ts';
import { batchToSign } from '#core/wire/chain.ts';
import type { Batch, CollectorMessage } from '#core/wire/message.ts';
import type { AgentEntry } from '../ledger/entry.ts';
import type { CheckTally } from '../ledger/check-tally.ts';
import type { ReplayedAgent } from '../ledger/replay.ts';
import { linksOf, type ReceivedStream } from '../ledger/received-stream.ts';
import type { SequencedRecord } from '#core/wire/record-codec.ts';

/** A live connection as the run sees it. */
export interface Link {
  readonly send: (message: CollectorMessage) => void;
  /** Closes with a websocket close code. */
  readonly end: (close: number, reason: string) => void;
  /** Closes for a cause, which is recorded. */
  readonly refuse: (error: AssayError) => void;
}

/** An agent that takes part in the run, connected or not. */
export class Member {
  readonly entry: AgentEntry;
  readonly stream: ReceivedStream;
  /** Of what is on stable storage. */
  readonly tally: CheckTally;
  readonly #nonce: Uint8Array;
  readonly #key: KeyObject;
  /** The one live connection, if any. */
  link: Link | undefined;
  /** Highest sequence number on stable storage. */
  durableSeq: number;
  /** Resolves when everything taken so far is on stable storage. */
  settled: Promise<void> = Promise.resolve();

  constructor({ entry, stream, tally }: ReplayedAgent, nonce: Uint8Array) {
    this.entry = entry;
    this.stream = stream;
    this.tally = tally;
    this.#nonce = nonce;
    this.#key = publicKeyFromRaw(Buffer.from(entry.publicKey, 'hex'));
    this.durableSeq = stream.receivedSeq;
  }

  /** True when the whole report is on stable storage. */
  get complete(): boolean {
    return this.stream.finished && this.durableSeq === this.stream.receivedSeq;
  }

  /**
   * Verifies a batch and takes what is new in it. Nothing changes when it throws.
   * @throws WIRE_SIGNATURE, and what {@link ReceivedStream.take} throws
   */
  take(batch: Batch): readonly SequencedRecord[] {
    const links = linksOf(batch);
    const claim = { nonce: this.#nonce, firstSeq: batch.firstSeq, count: links.length, prevLink: batch.prevLink };
    if (!verify(null, batchToSign({ ...claim, lastLink: links.at(-1) as Buffer }), this.#key, batch.signature))
      throw new AssayError('WIRE_SIGNATURE', `the batch at record ${String(batch.firstSeq)} is not signed by this agent for this run`);
    return this.stream.take(batch, links);
  }
}
