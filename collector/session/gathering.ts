import type { Clock } from '#core/clock.ts';
import { AssayError, isAssayError } from '#core/error.ts';
import type { Log } from '#core/log.ts';
import { CLOSE_REPLACED } from '#core/wire/close-code.ts';
import type { Measurement } from '#core/snapshot/measurement.ts';
import type { Batch, Hello } from '#core/wire/message.ts';
import type { CheckResult } from '#core/wire/record.ts';
import type { SequencedRecord } from '#core/wire/record-codec.ts';
import type { RunEvent } from '#core/wire/run-event.ts';
import type { AbsenceReason, SessionIncident } from '#core/wire/run.ts';
import { CheckTally, type CheckCounts } from '../ledger/check-tally.ts';
import type { LedgerEntry, RunEntry } from '../ledger/entry.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { RunReplay } from '../ledger/replay.ts';
import type { Link, Member } from './member.ts';
import type { ClusterSide } from './node-presence.ts';
import { recordEvent } from './record-event.ts';
import { Roster, type JoinRequest } from './roster.ts';
import { Settlement } from './settlement.ts';

/** Websocket: the purpose of the connection is fulfilled. */
const NORMAL_CLOSE = 1000;
const SKEW_WARNING_MS = 60_000;

/** A thousand absences with their details are well below what a ledger entry may have. */
const ABSENCES_PER_ENTRY = 1000;

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
  /** Undefined outside a cluster. */
  readonly cluster?: ClusterSide;
}

/** How far a run is, in numbers. */
export interface RunProgress {
  readonly expected: number;
  readonly connected: number;
  readonly finished: number;
  /** Nodes that cannot report as things stand, by reason. */
  readonly absent: Readonly<Partial<Record<AbsenceReason, number>>>;
  readonly checks: Readonly<CheckCounts>;
}

/** Takes in the records of every agent until the run is settled or its time is over, then seals it. */
export class Gathering {
  readonly #options: GatheringOptions;
  readonly #roster: Roster;
  readonly #settlement: Settlement;
  readonly #clusterTally = new CheckTally();
  /** Nodes that were said to be waiting, with the reason. */
  readonly #waiting = new Map<string, AbsenceReason>();
  #state: 'open' | 'sealing' | 'sealed' = 'open';

  constructor(options: GatheringOptions) {
    this.#options = options;
    this.#roster = new Roster(options.run, options.replay);
    this.#settlement = new Settlement({ roster: this.#roster, clock: options.clock, cluster: options.cluster });
    for (const { status } of options.replay.cluster.clusterChecks) this.#clusterTally.addStatus(status);
    options.cluster?.presence.listen((node) => this.#tellWaiting(node));
  }

  /** The run that agents are told about. */
  get run(): RunEntry {
    return this.#options.run;
  }

  /** Bytes received that wait for stable storage. */
  get pendingBytes(): number {
    return this.#options.ledger.pendingBytes;
  }

  /** How far the run is at this moment. */
  get progress(): RunProgress {
    const { presence } = this.#options.cluster ?? {};
    const { members } = this.#roster;
    const isAway = (node: string): boolean => !this.#roster.isConnected(node) && presence?.stateOf(node)?.state === 'absent';
    const away = this.#roster.absences(presence).filter(({ node, reason }) => reason === 'rejected' || isAway(node));
    return {
      expected: this.run.expected.length,
      connected: members.filter(({ link }) => link !== undefined).length,
      finished: members.filter(({ complete }) => complete).length,
      absent: countBy(away.map(({ reason }) => reason)),
      checks: sumCounts([this.#clusterTally, ...members.map(({ tally }) => tally)]),
    };
  }

  /**
   * Waits until no node that is still open can report, at most until the deadline; then seals. In a cluster the checks of the
   * cluster are waited for too, and a run in which nothing moves is sealed early.
   * @param signal ends the waiting without a seal: a restarted collector goes on
   * @throws STORAGE_FAILED; an AbortError after the signal
   */
  async gather(signal: AbortSignal): Promise<void> {
    const ending = await this.#settlement.wait(this.#remainingMs(), signal);
    if (ending !== 'settled') {
      this.#options.emit({ event: 'deadline', ...(ending === 'stalled' ? { stalled: true } : {}) });
      for (const { link } of this.#roster.members) link?.send({ kind: 'stop', reason: 'deadline' });
      await this.#settlement.wait(this.#options.graceMs, signal);
    }
    this.#options.cluster?.checks.stop();
    await this.#options.cluster?.checks.done;
    signal.throwIfAborted();
    await this.#seal();
  }

  /** Stores the result of a check of the whole cluster. @throws RUN_SEALED, STORAGE_FAILED */
  async addClusterCheck(result: CheckResult): Promise<void> {
    this.#refuseWhenClosed();
    await this.#append({ kind: 'cluster-check', result });
    this.#clusterTally.addStatus(result.status);
    const { phase, check, status, message } = result;
    this.#options.emit({
      event: 'cluster-check',
      phase,
      check,
      status,
      ...(message === undefined || status === 'passed' ? {} : { message }),
    });
    this.#settlement.noteProgress();
  }

  /** Stores what was read about the whole cluster. @throws RUN_SEALED, STORAGE_FAILED */
  async addClusterFacts(measurements: readonly Measurement[]): Promise<void> {
    this.#refuseWhenClosed();
    await this.#append({ kind: 'cluster-facts', measurements });
  }

  /** Stores a refused or suspicious connection; one that comes after the seal is only told. @throws STORAGE_FAILED */
  async addIncident(incident: SessionIncident): Promise<void> {
    const { code, node, detail } = incident;
    if (this.#state === 'open' && this.#options.cluster !== undefined) await this.#append({ kind: 'incident', incident });
    this.#options.emit({ event: 'incident', code, ...(node === undefined ? {} : { node }), detail });
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
    this.#settlement.noteProgress();
    return member;
  }

  /** Says whether an agent of this node may take part, without admitting it. @throws what {@link Roster.check} throws; RUN_SEALED */
  check(request: JoinRequest): void {
    this.#refuseWhenClosed();
    this.#roster.check(request);
  }

  /** True when the run is sealed and this agent took part in it: it may delete its journal. */
  isOver(hello: Hello): boolean {
    const publicKey = Buffer.from(hello.publicKey).toString('hex');
    return this.#state === 'sealed' && this.#roster.members.some(({ entry }) => entry.publicKey === publicKey);
  }

  /** Forgets a connection that ended. */
  leave(member: Member, link: Link): void {
    if (member.link !== link) return;
    member.link = undefined;
    this.#settlement.noteProgress();
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
      member.tally.add(body);
      const event = recordEvent(member.entry.node, body);
      if (event !== undefined) this.#options.emit(event);
    }
    this.#settlement.noteProgress();
  }

  async #exclude(member: Member, { code, message }: AssayError): Promise<void> {
    const entry = { kind: 'rejected', node: member.entry.node, code, detail: message, atMs: this.#options.clock.nowMs() } as const;
    this.#roster.reject(entry);
    await this.#append(entry);
    this.#settlement.noteProgress();
  }

  /** Says when Kubernetes has a new reason why a node cannot report, or none any more. */
  #tellWaiting(node: string): void {
    const state = this.#options.cluster?.presence.stateOf(node);
    const told = this.#waiting.get(node);
    if (this.#state !== 'open' || !this.#roster.isOpen(node)) return;
    if (state?.state === 'absent' && state.reason !== told) {
      this.#waiting.set(node, state.reason);
      this.#options.emit({ event: 'waiting', node, reason: state.reason, detail: state.detail });
    } else if (state?.state !== 'absent' && told !== undefined) {
      this.#waiting.delete(node);
      this.#options.emit({ event: 'waiting', node });
    }
  }

  /** A restarted collector waits at least the grace time, so that agents can find it again. */
  #remainingMs(): number {
    const { run, replay, clock, graceMs } = this.#options;
    const remaining = run.openedAtMs + run.deadlineMs - clock.nowMs();
    return Math.max(remaining, replay.restarts > 0 ? graceMs : 0);
  }

  async #seal(): Promise<void> {
    this.#state = 'sealing';
    const { members } = this.#roster;
    await Promise.all(members.map(({ settled }) => settled));
    const { cluster, clock } = this.#options;
    const absences = this.#roster.absences(cluster?.presence);
    const whole = absences.length - (absences.length % ABSENCES_PER_ENTRY);
    for (let at = 0; at < whole; at += ABSENCES_PER_ENTRY)
      await this.#append({ kind: 'absences', absences: absences.slice(at, at + ABSENCES_PER_ENTRY) });
    const counts = cluster === undefined ? {} : { incidentCounts: cluster.incidentCounts() };
    await this.#append({ kind: 'seal', sealedAtMs: clock.nowMs(), absences: absences.slice(whole), ...counts });
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
      this.#settlement.fail(error);
      throw error;
    }
  }

  #refuseWhenClosed(): void {
    if (this.#state !== 'open') throw new AssayError('RUN_SEALED', `run ${this.run.runId} is sealed`, { hint: 'Start a new run.' });
  }
}

function countBy(reasons: readonly AbsenceReason[]): Partial<Record<AbsenceReason, number>> {
  const counts: Partial<Record<AbsenceReason, number>> = {};
  for (const reason of reasons) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}

function sumCounts(tallies: readonly CheckTally[]): CheckCounts {
  const sum = { passed: 0, failed: 0, skipped: 0, other: 0 };
  for (const { counts } of tallies) for (const key of ['passed', 'failed', 'skipped', 'other'] as const) sum[key] += counts[key];
  return sum;
}
