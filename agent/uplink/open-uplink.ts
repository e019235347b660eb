import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '#core/clock.ts';
import type { Phase } from '#core/ctrf/report.ts';
import { AssayError, errorText, isAssayError } from '#core/error.ts';
import type { Log } from '#core/log.ts';
import type { CollectorMessage, Welcome } from '#core/wire/message.ts';
import { decodeRecord, encodeRecord } from '#core/wire/record-codec.ts';
import type { RecordBody } from '#core/wire/record.ts';
import type { RunId } from '#core/wire/run.ts';
import { backoffMs, PACE, type Pace } from './backoff.ts';
import { dial, type CollectorAddress } from './dial.ts';
import { Journal } from './journal.ts';
import { Outbox } from './outbox.ts';
import { Session } from './session.ts';
import type { Uplink } from './uplink.ts';

/** A refused credential may be one that is just being renewed; a token file may be about to appear. */
const REFUSED_FOR_MS = 60_000;
/** How long an agent that was just started expects its collector any moment. */
const STARTING_MS = 60_000;
/** kubelet replaces a token two minutes before its end at the least. */
const RENEW_EVERY_MS = 10_000;
/** Agents that were told the same whole second spread over it. */
const SPREAD_MS = 1000;

/**
 * How an agent waits for its collector: for one run and not for ever; or for whichever run comes next, starting at once
 * (`starting`) or with all the time in the world (`idle`), and never giving up.
 */
export type Waiting = 'once' | 'starting' | 'idle';

/** What an uplink needs. */
export interface UplinkOptions extends CollectorAddress {
  readonly node: string;
  readonly agentVersion: string;
  /** Directory of the journal; one per node. */
  readonly journalDir: string;
  readonly waiting: Waiting;
  /** How long the collector may be unreachable before an uplink for one run ends with an error. */
  readonly giveUpMs: number;
  /** A run in which this agent has failed: it waits for another one. */
  readonly failedRunId?: string | undefined;
  /** How often to look for a renewed token while connected; 10 s when left out. */
  readonly renewEveryMs?: number;
  /** Hangs up, as `close` does. */
  readonly signal?: AbortSignal;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 to 1, for the jitter of reconnects. */
  readonly random: () => number;
}

/**
 * Connects to the collector and resolves at its first welcome. From then on the uplink keeps itself connected.
 * @throws UPLINK_LOST, UPLINK_REFUSED, UPLINK_PIN, NODE_REJECTED, POD_SUPERSEDED, CREDENTIAL_NODE, RUN_SEALED, WIRE_VERSION,
 * JOURNAL_CORRUPT, STORAGE_FAILED
 */
export async function openUplink(options: UplinkOptions): Promise<Uplink> {
  return new Line(options, await openJournal(options)).open();
}

/** An agent that stays cannot ask anybody to clear a damaged journal away: it begins another one, with another key. */
async function openJournal({ log, journalDir: directory, node, waiting }: UplinkOptions): Promise<Journal> {
  const journal = {
    directory,
    node,
    onStall: (message: string) => log.error({ code: 'DISK_FULL', message }, 'journal stalled'),
    onResume: () => log.info('journal resumed'),
  };
  try {
    return await Journal.open(journal);
  } catch (error) {
    const isDamaged = isAssayError(error) && error.code === 'JOURNAL_CORRUPT' && error.details?.['node'] === undefined;
    if (waiting === 'once' || !isDamaged) throw error;
    log.error({ code: error.code, reason: error.message }, 'the journal is damaged: it is kept aside, and this agent starts over');
    await Journal.setAside(directory);
    return Journal.open(journal);
  }
}

/** The state of an uplink over all its connections. */
class Line {
  readonly #options: UplinkOptions;
  readonly #journal: Journal;
  readonly #opened = Promise.withResolvers<Welcome>();
  readonly #start = Promise.withResolvers<readonly Phase[]>();
  readonly #stop = new AbortController();
  readonly #hangUp = new AbortController();
  #session: Session | undefined;
  #outbox: Outbox | undefined;
  #isOpen = false;
  #lastSeq = 0;
  #failure: Error | undefined;
  /** Attempts in a row without a welcome. */
  #failures = 0;
  /** Monotonic time since when the collector has not been there. */
  #aloneSinceMs: number;
  #isWelcome = false;
  /** A field, so that a signal can forget it. */
  readonly #hangUpNow = (): void => {
    this.#hangUp.abort();
    this.#session?.close();
  };

  constructor(options: UplinkOptions, journal: Journal) {
    this.#options = options;
    this.#journal = journal;
    this.#aloneSinceMs = options.clock.monotonicMs();
    options.signal?.addEventListener('abort', this.#hangUpNow);
    if (options.signal?.aborted === true) this.#hangUpNow();
  }

  async open(): Promise<Uplink> {
    const ended = this.#keepConnected();
    const sealed = ended.then(refuseUnsealed);
    // Whoever waits for one of these learns of a failure; nobody has to wait for all of them.
    for (const promise of [sealed, this.#start.promise]) promise.catch(() => undefined);
    const welcome = await Promise.race([this.#opened.promise, sealed.then(refuseLate)]);
    this.#isOpen = true;
    const recovered = this.#journal.records.map((bytes) => decodeRecord(bytes).body);
    this.#lastSeq = recovered.length;
    return {
      runId: welcome.runId as RunId,
      plan: welcome.plan,
      recovered,
      start: this.#start.promise,
      stop: this.#stop.signal,
      send: (body) => this.#send(body),
      sealed,
      close: () => this.#close(ended),
    };
  }

  async #send(body: RecordBody): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const stored = this.#journal.add(encodeRecord(this.#lastSeq + 1, body));
    this.#lastSeq += 1;
    await stored;
    this.#session?.pump();
  }

  async #close(ended: Promise<unknown>): Promise<void> {
    this.#hangUpNow();
    await ended.catch(() => undefined);
  }

  /** Connects again and again until the run is sealed, the uplink is closed, or it makes no sense any more. */
  async #keepConnected(): Promise<'sealed' | 'closed'> {
    try {
      if (this.#options.waiting === 'idle') await this.#pause(this.#backoffMs());
      while (!this.#hangUp.signal.aborted) {
        const attempt = await this.#connect();
        if (attempt === 'sealed') {
          await this.#journal.remove();
          return 'sealed';
        }
        await this.#waitAfter(attempt);
      }
      this.#fail(closed());
      await this.#journal.close();
      return 'closed';
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(errorText(error)));
      await this.#journal.close();
      throw error;
    } finally {
      this.#options.signal?.removeEventListener('abort', this.#hangUpNow);
    }
  }

  /** One connection, from dialing to its end. @returns how it ended, or why there was none */
  async #connect(): Promise<'sealed' | AssayError> {
    try {
      const dialed = await dial(this.#options, this.#hangUp.signal);
      const { node, agentVersion, clock } = this.#options;
      this.#session = new Session(dialed, {
        journal: this.#journal,
        node,
        agentVersion,
        tokenFile: this.#options.tokenFile,
        renewEveryMs: this.#options.renewEveryMs ?? RENEW_EVERY_MS,
        nowMs: clock.nowMs,
        onWelcome: (welcome) => this.#onWelcome(welcome),
        onMessage: (message) => this.#onMessage(message),
      });
      if (this.#hangUp.signal.aborted) this.#session.close();
      const end = await this.#session.ended;
      return end === 'sealed' ? end : new AssayError('UPLINK_LOST', `the connection to ${this.#options.url} ended`);
    } catch (error) {
      if (isAssayError(error) && (error.code === 'UPLINK_LOST' || error.code === 'UPLINK_REFUSED')) return error;
      throw error;
    } finally {
      this.#session = undefined;
      this.#noteEnd();
    }
  }

  /** The time alone begins when a connection with a welcome ends. */
  #noteEnd(): void {
    if (!this.#isWelcome) return;
    this.#isWelcome = false;
    this.#failures = 0;
    this.#aloneSinceMs = this.#options.clock.monotonicMs();
  }

  /** Waits before the next attempt. @throws the reason of the last one when there was no welcome for too long */
  async #waitAfter(reason: AssayError): Promise<void> {
    const { random, log, giveUpMs, waiting } = this.#options;
    const limitMs = reason.code === 'UPLINK_REFUSED' ? Math.min(REFUSED_FOR_MS, giveUpMs) : giveUpMs;
    if (waiting === 'once' && this.#aloneMs() > limitMs) throw reason;
    const askedMs = reason.details?.['retryAfterMs'];
    const waitMs = typeof askedMs === 'number' ? askedMs + random() * SPREAD_MS : this.#backoffMs();
    // Between two runs there is nothing there for days: that is no news.
    const level = waiting === 'once' || this.#isOpen || isPowerOfTwo(this.#failures + 1) ? 'warn' : 'debug';
    log[level]({ waitMs, code: reason.code, reason: reason.message, ackedSeq: this.#outbox?.ackedSeq }, 'connecting again');
    if (askedMs === undefined) this.#failures += 1;
    await this.#pause(waitMs);
  }

  #backoffMs(): number {
    return backoffMs(this.#failures, this.#options.random(), this.#pace());
  }

  #pace(): Pace {
    const { waiting } = this.#options;
    if (waiting === 'once') return PACE.run;
    if (this.#isOpen) return PACE.staying;
    return waiting === 'starting' && this.#aloneMs() < STARTING_MS ? PACE.starting : PACE.idle;
  }

  #aloneMs(): number {
    return this.#options.clock.monotonicMs() - this.#aloneSinceMs;
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#hangUp.signal }).catch(() => undefined);
  }

  async #onWelcome(welcome: Welcome): Promise<Outbox | undefined> {
    const nonce = Buffer.from(welcome.nonce).toString('hex');
    const { runId } = welcome;
    if (runId === this.#options.failedRunId) return undefined;
    if (this.#journal.run === undefined) await this.#journal.bind({ runId, nonce });
    const sameRun = this.#journal.run?.runId === runId && this.#journal.run.nonce === nonce;
    if (sameRun) this.#outbox ??= new Outbox(this.#journal, this.#options.node);
    if (!sameRun || this.#outbox?.resume(welcome) !== true) return this.#startOver(runId);
    this.#isWelcome = true;
    this.#opened.resolve(welcome);
    return this.#outbox;
  }

  /** The journal is of another run, or lost records that the collector has: what it holds cannot be continued. */
  async #startOver(runId: string): Promise<undefined> {
    if (this.#isOpen)
      throw new AssayError(
        'RUN_CHANGED',
        `the collector now serves run ${runId}; this agent reports to ${this.#journal.run?.runId ?? ''}`,
        {
          hint: 'Start the agent again to take part in the new run.',
        },
      );
    this.#options.log.warn({ runId, journalRunId: this.#journal.run?.runId }, 'journal does not continue this run: starting over');
    this.#outbox = undefined;
    await this.#journal.reset();
  }

  #onMessage(message: Extract<CollectorMessage, { kind: 'run' | 'stop' | 'seal' }>): void {
    if (message.kind === 'run') this.#start.resolve(message.phases);
    if (message.kind === 'stop') this.#stop.abort(message.reason);
  }

  #fail(error: Error): void {
    this.#failure = error;
    this.#start.reject(error);
    this.#stop.abort(error);
  }
}

function isPowerOfTwo(count: number): boolean {
  return Number.isInteger(Math.log2(count));
}

function refuseUnsealed(end: 'sealed' | 'closed'): void {
  if (end === 'closed') throw closed();
}

function closed(): AssayError {
  return new AssayError('UPLINK_LOST', 'the uplink was closed before the run was sealed');
}

function refuseLate(): never {
  throw new AssayError('RUN_SEALED', 'the run was sealed while this agent was away', { hint: 'Start a new run.' });
}
