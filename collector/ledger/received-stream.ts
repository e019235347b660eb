import { AssayError } from '#core/error.ts';
import { firstLink, nextLink, type ChainStart } from '#core/wire/chain.ts';
import { WIRE_LIMITS } from '#core/wire/limits.ts';
import type { Batch } from '#core/wire/message.ts';
import { decodeRecord, type SequencedRecord } from '#core/wire/record-codec.ts';

const LINK_LENGTH = 32;
const INITIAL_LINKS = 64;

/** The chain links after each record of a batch, from the link that the batch itself names as its start. */
export function linksOf(batch: Batch): readonly Buffer[] {
  let link: Uint8Array = batch.prevLink;
  return batch.records.map((record) => {
    const next = nextLink(link, record);
    link = next;
    return next;
  });
}

/**
 * What one agent has sent: the sequence rules. A record is taken once; the same record again is dropped; another record
 * with a taken number is equivocation; a gap is an error. Keeps one link per record, not the records.
 */
export class ReceivedStream {
  #links = Buffer.alloc(INITIAL_LINKS * LINK_LENGTH);
  #receivedSeq = 0;
  #bytes = 0;
  #finished = false;

  constructor(start: ChainStart) {
    firstLink(start).copy(this.#links);
  }

  /** Highest sequence number taken. */
  get receivedSeq(): number {
    return this.#receivedSeq;
  }

  /** True when the agent's last record, `finished`, was taken. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Chain link after a taken record, or link 0. */
  linkAt(seq: number): Buffer {
    return this.#links.subarray(seq * LINK_LENGTH, (seq + 1) * LINK_LENGTH);
  }

  /**
   * Takes a batch whose signature was verified. Nothing changes when it throws.
   * @param links of {@link linksOf}
   * @returns the records that are new
   * @throws WIRE_GAP, WIRE_EQUIVOCATION, WIRE_MALFORMED, WIRE_ORDER, WIRE_LIMIT
   */
  take(batch: Batch, links: readonly Buffer[]): readonly SequencedRecord[] {
    this.#checkStart(batch);
    const fresh: SequencedRecord[] = [];
    let bytes = this.#bytes;
    for (const [index, record] of batch.records.entries()) {
      const seq = batch.firstSeq + index;
      if (seq <= this.#receivedSeq) this.#checkSame(seq, links[index] as Buffer);
      else {
        fresh.push(readRecord(record, seq));
        bytes += record.length;
      }
    }
    this.#checkEnd(fresh, bytes);
    for (const { seq, body } of fresh) {
      this.#keep(seq, links[seq - batch.firstSeq] as Buffer);
      this.#finished ||= body.kind === 'finished';
    }
    this.#bytes = bytes;
    return fresh;
  }

  #checkStart({ firstSeq, prevLink }: Batch): void {
    if (firstSeq > this.#receivedSeq + 1)
      throw new AssayError(
        'WIRE_GAP',
        `the batch starts at record ${String(firstSeq)}, the last one taken is ${String(this.#receivedSeq)}`,
      );
    if (!this.linkAt(firstSeq - 1).equals(prevLink)) throw equivocation(firstSeq - 1, this.linkAt(firstSeq - 1), prevLink);
  }

  #checkSame(seq: number, link: Buffer): void {
    if (!this.linkAt(seq).equals(link)) throw equivocation(seq, this.linkAt(seq), link);
  }

  #checkEnd(fresh: readonly SequencedRecord[], bytes: number): void {
    const last = fresh.at(-1)?.seq ?? this.#receivedSeq;
    if (last > WIRE_LIMITS.recordsPerNode) throw new AssayError('WIRE_LIMIT', `more than ${String(WIRE_LIMITS.recordsPerNode)} records`);
    if (bytes > WIRE_LIMITS.bytesPerNode)
      throw new AssayError('WIRE_LIMIT', `more than ${String(WIRE_LIMITS.bytesPerNode)} bytes of records`);
    const end = fresh.findIndex(({ body }) => body.kind === 'finished');
    if ((this.#finished && fresh.length > 0) || (end !== -1 && end < fresh.length - 1))
      throw new AssayError('WIRE_ORDER', 'a record follows the one that finishes the report');
  }

  #keep(seq: number, link: Buffer): void {
    if ((seq + 1) * LINK_LENGTH > this.#links.length) this.#links = Buffer.concat([this.#links], this.#links.length * 2);
    link.copy(this.#links, seq * LINK_LENGTH);
    this.#receivedSeq = seq;
  }
}

function readRecord(bytes: Uint8Array, seq: number): SequencedRecord {
  const record = decodeRecord(bytes);
  if (record.seq !== seq) throw new AssayError('WIRE_MALFORMED', `record ${String(seq)} of the batch says it is ${String(record.seq)}`);
  return record;
}

function equivocation(seq: number, kept: Uint8Array, sent: Uint8Array): AssayError {
  const hex = (link: Uint8Array): string => Buffer.from(link).toString('hex');
  return new AssayError('WIRE_EQUIVOCATION', `up to record ${String(seq)} the agent signed two histories: ${hex(kept)} and ${hex(sent)}`, {
    details: { seq, kept: hex(kept), sent: hex(sent) },
  });
}
