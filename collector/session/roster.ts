import { AssayError } from '#core/error.ts';
import type { AgentState } from '#core/cluster/agent-state.ts';
import type { Hello } from '#core/wire/message.ts';
import type { Absence, NodeName } from '#core/wire/run.ts';
import { WIRE_PROTOCOL } from '#core/wire/limits.ts';
import type { AgentEntry, RejectedEntry, RunEntry } from '../ledger/entry.ts';
import { CheckTally } from '../ledger/check-tally.ts';
import { ReceivedStream } from '../ledger/received-stream.ts';
import type { RunReplay } from '../ledger/replay.ts';
import type { Credential } from './admission.ts';
import { Member } from './member.ts';
import type { NodePresence } from './node-presence.ts';
import { comparePods } from './pod-order.ts';

/** Agents that may follow one another on one node; more means that something restarts it and throws its journal away. */
const ATTEMPT_LIMIT = 32;

/** A hello, and what the credential of its connection proves. */
export interface JoinRequest {
  readonly hello: Hello;
  readonly credential: Credential;
  readonly nowMs: number;
}

/** An admitted agent; `fresh` when the ledger does not know it yet. */
export interface Joined {
  readonly member: Member;
  readonly fresh: boolean;
  /** The agent of an older pod of the same node; it does not count any more. */
  readonly superseded?: Member;
}

/** Who takes part: the nodes were fixed when the run was opened; per node at most one agent counts. */
export class Roster {
  readonly #run: RunEntry;
  readonly #nonce: Buffer;
  readonly #members = new Map<string, Member>();
  readonly #expected: ReadonlySet<string>;
  readonly #rejected: Map<string, RejectedEntry>;
  /** Nodes whose outcome is still open. */
  readonly #open: Set<string>;
  #agents: number;

  constructor(run: RunEntry, replay: RunReplay) {
    this.#run = run;
    this.#nonce = Buffer.from(run.nonce, 'hex');
    this.#expected = new Set(run.expected);
    this.#open = new Set(run.expected);
    this.#rejected = new Map();
    this.#agents = replay.agents.length;
    for (const agent of replay.agents) this.#members.set(agent.entry.node, new Member(agent, this.#nonce));
    for (const entry of replay.rejected.values()) this.reject(entry);
    for (const member of this.#members.values()) this.noteProgress(member);
  }

  /** Every agent that counts. */
  get members(): readonly Member[] {
    return [...this.#members.values()];
  }

  /** How many nodes are neither complete nor rejected. */
  get openCount(): number {
    return this.#open.size;
  }

  /** The nodes that are neither complete nor rejected. */
  openNodes(): readonly string[] {
    return [...this.#open];
  }

  /** True for a node that is neither complete nor rejected. */
  isOpen(node: string): boolean {
    return this.#open.has(node);
  }

  /** True while an agent of the node is connected. */
  isConnected(node: string): boolean {
    return this.#members.get(node)?.link !== undefined;
  }

  /**
   * Decides about a hello whose channel signature was verified. Takes effect at once: a second hello sees the first.
   * @throws what {@link check} throws; NODE_BUSY, POD_SUPERSEDED
   */
  join(request: JoinRequest): Joined {
    this.check(request);
    return this.#joinAs(request);
  }

  /** Says whether an agent of this node may take part at all. @throws WIRE_VERSION, CREDENTIAL_NODE, NODE_REJECTED */
  check({ hello, credential }: JoinRequest): void {
    if (hello.protocol !== WIRE_PROTOCOL)
      throw new AssayError('WIRE_VERSION', `the agent speaks protocol ${String(hello.protocol)}, this collector ${String(WIRE_PROTOCOL)}`, {
        hint: 'Run agent and collector of one release.',
      });
    if (credential.node !== undefined && credential.node !== hello.node)
      throw new AssayError('CREDENTIAL_NODE', `the credential is for node ${credential.node}, the hello says ${hello.node}`);
    if (!this.#expected.has(hello.node)) throw rejected(`node ${hello.node} is not expected in this run`);
    if (this.#rejected.has(hello.node)) throw rejected(`node ${hello.node} was excluded from this run`);
  }

  /** Excludes a node from the run. */
  reject(entry: RejectedEntry): void {
    this.#rejected.set(entry.node, entry);
    this.#open.delete(entry.node);
  }

  /** Notes that more of a member's records are on stable storage. */
  noteProgress(member: Member): void {
    if (member.complete) this.#open.delete(member.entry.node);
  }

  /**
   * The nodes without a complete report, each with its reason, in the order of the expected set.
   * @param presence what Kubernetes says; a node that is not connected is missing for the reason that it gives
   */
  absences(presence?: NodePresence): readonly Absence[] {
    return this.#run.expected.flatMap((node) => {
      const absence = this.#absenceOf(node as NodeName, presence?.stateOf(node));
      return absence === undefined ? [] : [absence];
    });
  }

  #joinAs(request: JoinRequest): Joined {
    const { node } = request.hello;
    const publicKey = Buffer.from(request.hello.publicKey).toString('hex');
    const { pod } = request.credential;
    const present = this.#members.get(node);
    if (present?.entry.publicKey === publicKey) return { member: present, fresh: false };
    const order = comparePods(pod, present?.entry.pod);
    if (order === 'older') throw new AssayError('POD_SUPERSEDED', `pod ${String(pod?.name)} is not the newest one of node ${node}`);
    if (present?.stream.finished === true) throw rejected(`another agent has already reported for node ${node}`);
    if (present?.link !== undefined && order !== 'newer') throw new AssayError('NODE_BUSY', `another agent is connected for node ${node}`);
    const attempt = (present?.entry.attempt ?? 0) + 1;
    if (attempt > ATTEMPT_LIMIT) throw rejected(`${String(ATTEMPT_LIMIT)} agents have already begun to report for node ${node}`);
    const member = this.#addMember(request, attempt);
    return { member, fresh: true, ...(present === undefined ? {} : { superseded: present }) };
  }

  #addMember({ hello, credential, nowMs }: JoinRequest, attempt: number): Member {
    const entry: AgentEntry = {
      kind: 'agent',
      agent: this.#agents,
      node: hello.node,
      attempt,
      publicKey: Buffer.from(hello.publicKey).toString('hex'),
      agentVersion: hello.agentVersion,
      clockSkewMs: Math.round(hello.clockMs - nowMs),
      ...(credential.pod === undefined ? {} : { pod: credential.pod }),
      atMs: nowMs,
    };
    this.#agents += 1;
    const stream = new ReceivedStream({ nonce: this.#nonce, publicKey: hello.publicKey, node: hello.node });
    const member = new Member({ entry, stream, tally: new CheckTally() }, this.#nonce);
    this.#members.set(hello.node, member);
    return member;
  }

  #absenceOf(node: NodeName, state: AgentState | undefined): Absence | undefined {
    const rejection = this.#rejected.get(node);
    if (rejection !== undefined) return { node, reason: 'rejected', detail: `${rejection.code}: ${rejection.detail}` };
    const member = this.#members.get(node);
    if (member?.complete === true) return undefined;
    if (member === undefined) return { node, ...neverConnected(state) };
    const detail = `${String(member.durableSeq)} records were stored before the run was sealed, the last one did not come`;
    if (member.link !== undefined) return { node, reason: 'incomplete', detail };
    const isSaid = state?.state === 'absent' && state.reason !== 'never-connected';
    return { node, reason: isSaid ? state.reason : 'lost', detail: state === undefined ? detail : `${detail}; ${state.detail}` };
  }
}

function neverConnected(state: AgentState | undefined): Omit<Absence, 'node'> {
  const detail = 'no agent of this node was admitted before the run was sealed';
  if (state === undefined) return { reason: 'never-connected', detail };
  return state.state === 'absent'
    ? { reason: state.reason, detail: state.detail }
    : { reason: 'never-connected', detail: `${detail}; ${state.detail}` };
}

function rejected(what: string): AssayError {
  return new AssayError('NODE_REJECTED', what, { hint: 'Compare --expect of the collector with --node-name of the agents.' });
}
