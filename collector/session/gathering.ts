import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '#core/clock.ts';
import { AssayError, isAssayError } from '#core/error.ts';
import type { Log } from '#core/log.ts';
import { CLOSE_REPLACED } from '#core/wire/close-code.ts';
import type { Batch, Hello } from '#core/wire/message.ts';
import type { SequencedRecord } from '#core/wire/record-codec.ts';
import type { RunEvent } from '#core/wire/run-event.ts';
import type { LedgerEntry, RunEntry } from '../ledger/entry.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { RunReplay } from '../ledger/replay.ts';
import type { Link, Member } from './member.ts';
import { recordEvent } from './record-event.ts';
import { Roster, type JoinRequest } from './roster.ts';

/** Websocket: the purpose of the connection is fulfilled. */
const NORMAL_CLOSE = 1000;
const SKEW_WARNING_MS = 60_000;

/** Prints one event for people and for `assay run`. */
export type Emit = (event: RunEvent) => void;

/** What gathering needs. */
export interface GatheringOptions {
  readonly ledger: Ledger;
  readonly run: RunEntry;
  readonly replay: RunReplay;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly log: Log;
  /** How long agents may take to finish after they were told to stop. */
  readonly graceMs: number;
}

/** Takes in the records of every agent until the run is settled or its time is over, then seals it. */
export class Gathering {
  readonly #options: GatheringOptions;
  readonly #roster: Roster;
  readonly #settled = Promise.withResolvers<true>();
  #state: 'open' | 'sealing' | 'sealed' = 'open';

  constructor(options: GatheringOptions) {
    this.#options = options;
    this.#roster = new Roster(options.run, options.replay);
    // gather() sees the same rejection; without a handler here it would end the process before that.
    this.#settled.promise.catch(() => undefined);
  }

  /** The run that agents are told about. */
  get run(): RunEntry {
    return this.#options.run;
  }

  /** Bytes received that wait for stable storage. */
  get pendingBytes(): number {
    return this.#options.ledger.pendingBytes;
  }

  /**
   * Waits until every expected node is complete or rejected, at most until the deadline; then seals.
   * @param signal ends the waiting without a seal: a restarted collector goes on
   * @throws STORAGE_FAILED; an AbortError after the signal
   */
  async gather(signal: AbortSignal): Promise<void> {
    this.#checkSettled();
    if (!(await this.#settledWithin(this.#remainingMs(), signal))) {
      this.#options.emit({ event: 'deadline' });
      for (const { link } of this.#roster.members) link?.send({ kind: 'stop', reason: 'deadline' });
      await this.#settledWithin(this.#options.graceMs, signal);
    }
    await this.#seal();
  }

  /**
   * Admits an agent; resolves with its member once the ledger knows it.
   * @throws what {@link Roster.join} throws; RUN_SEALED, STORAGE_FAILED
   */
  async join(request: JoinRequest, link: Link): Promise<Member> {
    this.#refuseWhenClosed();
    const { member, fresh, superseded } = this.#roster.join(request);
    const { link: replaced, entry } = member;
    member.link = link;
    replaced?.end(CLOSE_REPLACED, 'the agent connected again');
    superseded?.link?.refuse(new AssayError('POD_SUPERSEDED', `a newer pod reports for node ${entry.node}`));
    if (fresh) {
      member.settled = this.#append(entry);
      await member.settled;
    }
    const { node, attempt, agentVersion } = entry;
    const clockSkewMs = request.hello.clockMs - request.nowMs;
    if (Math.abs(clockSkewMs) > SKEW_WARNING_MS) this.#options.log.warn({ node, clockSkewMs }, 'clock skew');
    this.#options.emit({ event: 'node-connected', node, attempt, agentVersion });
    return member;
  }

  /** True when the run is sealed and this agent took part in it: it may delete its journal. */
  isOver(hello: Hello): boolean {
    const publicKey = Buffer.from(hello.publicKey).toString('hex');
    return this.#state === 'sealed' && this.#roster.members.some(({ entry }) => entry.publicKey === publicKey);
  }

  /** Forgets a connection that ended. */
  leave(member: Member, link: Link): void {
    if (member.link === link) member.link = undefined;
  }

  /**
   * Takes a batch; resolves with the sequence number of its last record when that is on stable storage.
   * @param frame the websocket frame the batch came in: what is stored
   * @throws the codes of {@link Member.take}; RUN_SEALED, STORAGE_FAILED
   */
  async receive(member: Member, batch: Batch, frame: Uint8Array): Promise<number> {
    this.#refuseWhenClosed();
    let fresh: readonly SequencedRecord[];
    try {
      fresh = member.take(batch);
    } catch (error) {
      if (isAssayError(error) && error.code === 'WIRE_EQUIVOCATION') await this.#exclude(member, error);
      throw error;
    }
    if (fresh.length > 0) {
      const stored = this.#append({ kind: 'batch', agent: member.entry.agent, receivedAtMs: this.#options.clock.nowMs(), frame });
      member.settled = stored.then(() => this.#onDurable(member, fresh));
    }
    await member.settled;
    return batch.firstSeq + batch.records.length - 1;
  }

  #onDurable(member: Member, fresh: readonly SequencedRecord[]): void {
    member.durableSeq = fresh.at(-1)?.seq ?? member.durableSeq;
    this.#roster.noteProgress(member);
    for (const { body } of fresh) {
      const event = recordEvent(member.entry.node, body);
      if (event !== undefined) this.#options.emit(event);
    }
    this.#checkSettled();
  }

  async #exclude(member: Member, { code, message }: AssayError): Promise<void> {
    const entry = { kind: 'rejected', node: member.entry.node, code, detail: message, atMs: this.#options.clock.nowMs() } as const;
    this.#roster.reject(entry);
    await this.#append(entry);
    this.#checkSettled();
  }

  #checkSettled(): void {
    if (this.#roster.settled) this.#settled.resolve(true);
  }

  /** A restarted collector waits at least the grace time, so that agents can find it again. */
  #remainingMs(): number {
    const { run, replay, clock, graceMs } = this.#options;
    const remaining = run.openedAtMs + run.deadlineMs - clock.nowMs();
    return Math.max(remaining, replay.restarts > 0 ? graceMs : 0);
  }

  async #settledWithin(ms: number, signal: AbortSignal): Promise<boolean> {
    const over = new AbortController();
    const timer = delay(ms, false, { signal: AbortSignal.any([signal, over.signal]) });
    try {
      return await Promise.race([this.#settled.promise, timer]);
    } finally {
      over.abort();
    }
  }

  async #seal(): Promise<void> {
    this.#state = 'sealing';
    const { members } = this.#roster;
    await Promise.all(members.map(({ settled }) => settled));
    const absences = this.#roster.absences();
    await this.#append({ kind: 'seal', sealedAtMs: this.#options.clock.nowMs(), absences });
    this.#state = 'sealed';
    for (const { link } of members) {
      link?.send({ kind: 'seal', runId: this.run.runId });
      link?.end(NORMAL_CLOSE, 'sealed');
    }
    for (const absence of absences) this.#options.emit({ event: 'absent', ...absence });
  }

  async #append(entry: LedgerEntry): Promise<void> {
    try {
      await this.#options.ledger.append(entry);
    } catch (error) {
      this.#settled.reject(error);
      throw error;
    }
  }

  #refuseWhenClosed(): void {
    if (this.#state !== 'open') throw new AssayError('RUN_SEALED', `run ${this.run.runId} is sealed`, { hint: 'Start a new run.' });
  }
}
