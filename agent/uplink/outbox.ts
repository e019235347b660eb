import { sign } from 'node:crypto';
import { AssayError } from '#core/error.ts';
import { encodeAgentMessage } from '#core/wire/agent-message.ts';
import { batchToSign, firstLink, nextLink } from '#core/wire/chain.ts';
import { WIRE_LIMITS } from '#core/wire/limits.ts';
import type { Welcome } from '#core/wire/message.ts';
import type { Journal } from './journal.ts';

/** Bytes of records that one batch holds, unless one record alone is larger. */
const BATCH_BYTES = 64 * 1024;
/** Bytes that a batch adds to its records: signature, link, lengths. */
const BATCH_OVERHEAD = 256;
const RECORD_OVERHEAD = 8;

/** Turns the records of a journal into signed batches, from where the collector stands. */
export class Outbox {
  readonly #journal: Journal;
  readonly #nonce: Buffer;
  /** Chain links; link n is at n. */
  readonly #links: Buffer[];
  #sentSeq = 0;
  #ackedSeq = 0;

  constructor(journal: Journal, node: string) {
    this.#journal = journal;
    this.#nonce = Buffer.from(journal.run?.nonce ?? '', 'hex');
    this.#links = [firstLink({ nonce: this.#nonce, publicKey: journal.publicKey, node })];
  }

  /** Highest record that the collector has on stable storage, as far as it said. */
  get ackedSeq(): number {
    return this.#ackedSeq;
  }

  /**
   * Goes on where the collector stands.
   * @returns false when the collector holds records that this journal does not: it has another history
   */
  resume({ resumeSeq, resumeLink }: Welcome): boolean {
    this.#extendLinks();
    if (this.#links[resumeSeq]?.equals(resumeLink) !== true) return false;
    this.#sentSeq = resumeSeq;
    this.#ackedSeq = resumeSeq;
    return true;
  }

  /** Notes what the collector has on stable storage. @throws WIRE_ORDER when that was never sent */
  acknowledge(durableSeq: number): void {
    if (durableSeq > this.#sentSeq)
      throw new AssayError('WIRE_ORDER', `the collector acknowledges record ${String(durableSeq)}, sent are ${String(this.#sentSeq)}`);
    this.#ackedSeq = Math.max(this.#ackedSeq, durableSeq);
  }

  /**
   * The next signed batch that fits, as a frame.
   * @param credit bytes that may be sent now
   * @returns undefined when everything is sent or the credit is used up
   */
  next(credit: number): Uint8Array | undefined {
    this.#extendLinks();
    const records = this.#take(credit - BATCH_OVERHEAD);
    if (records.length === 0) return undefined;
    const firstSeq = this.#sentSeq + 1;
    const lastSeq = this.#sentSeq + records.length;
    const prevLink = this.#links[this.#sentSeq] as Buffer;
    const claim = { nonce: this.#nonce, firstSeq, count: records.length, prevLink, lastLink: this.#links[lastSeq] as Buffer };
    const signature = sign(null, batchToSign(claim), this.#journal.key);
    this.#sentSeq = lastSeq;
    return encodeAgentMessage({ kind: 'batch', firstSeq, records, prevLink, signature });
  }

  #take(room: number): readonly Uint8Array[] {
    const { records } = this.#journal;
    let bytes = 0;
    let end = this.#sentSeq;
    for (; end < records.length && end - this.#sentSeq < WIRE_LIMITS.recordsPerBatch; end += 1) {
      bytes += (records[end] as Uint8Array).length + RECORD_OVERHEAD;
      if (bytes > room || (bytes > BATCH_BYTES && end > this.#sentSeq)) break;
    }
    return records.slice(this.#sentSeq, end);
  }

  #extendLinks(): void {
    const { records } = this.#journal;
    for (let n = this.#links.length; n <= records.length; n += 1)
      this.#links.push(nextLink(this.#links[n - 1] as Buffer, records[n - 1] as Uint8Array));
  }
}
