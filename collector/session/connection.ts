import { verify } from 'node:crypto';
import type { WebSocket } from 'ws';
import type { Clock } from '#core/clock.ts';
import { AssayError, isAssayError, systemCode, type ErrorCode } from '#core/error.ts';
import type { Log } from '#core/log.ts';
import { decodeAgentMessage } from '#core/wire/agent-message.ts';
import { publicKeyFromRaw } from '#core/wire/agent-key.ts';
import { firstLink, helloToSign } from '#core/wire/chain.ts';
import { CLOSE_RULES, isWireCode } from '#core/wire/close-code.ts';
import { encodeCollectorMessage } from '#core/wire/collector-message.ts';
import { WIRE_PROTOCOL, WIRE_TIMES } from '#core/wire/limits.ts';
import type { AgentMessage, Batch, CollectorMessage, Hello } from '#core/wire/message.ts';
import type { Admission, Credential } from './admission.ts';
import { CredentialWatch } from './credential-watch.ts';
import type { Gathering } from './gathering.ts';
import type { Incident } from './incident.ts';
import type { Link, Member } from './member.ts';
import type { JoinRequest } from './roster.ts';

/** Unacknowledged bytes of batches that one agent may have under way: eight batches of the usual size. */
const CREDIT_WINDOW = 512 * 1024;
/** Bytes of acks that may wait for an agent that does not read. */
const UNREAD_LIMIT = 256 * 1024;
/** Websocket: the purpose of the connection is fulfilled. */
const NORMAL_CLOSE = 1000;
/** Websocket: an unexpected condition; the agent tries again. */
const INTERNAL_ERROR = 1011;
/** Websocket close reasons hold at most 123 bytes. */
const REASON_LENGTH = 120;
const NOT_PRINTABLE_ASCII = /[^\x20-\x7e]/g;

/** What a connection needs besides its socket. */
export interface ConnectionOptions {
  readonly gathering: Gathering;
  /** What the upgrade request proved. */
  readonly credential: Credential;
  /** Reviews renewed credentials. */
  readonly admission: Admission;
  readonly onIncident: (incident: Incident) => void;
  /** Called when the connection is refused before its welcome. */
  readonly onNotWelcome: () => void;
  /** Keying material of this TLS connection. */
  readonly exporter: Uint8Array;
  readonly clock: Clock;
  readonly log: Log;
}

/** One websocket of an agent: hello, then batches within the credit. Bad input ends the connection, never the process. */
export class Connection implements Link {
  readonly #socket: WebSocket;
  readonly #options: ConnectionOptions;
  readonly #helloTimer: NodeJS.Timeout;
  readonly #credentials: CredentialWatch;
  #state: 'waiting' | 'joining' | 'open' | 'ended' = 'waiting';
  #member: Member | undefined;
  #unackedBytes = 0;
  #lastSeenMs: number;

  constructor(socket: WebSocket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#lastSeenMs = options.clock.monotonicMs();
    this.#helloTimer = setTimeout(() => this.refuse(new AssayError('TIMEOUT', 'no hello in time')), WIRE_TIMES.helloMs);
    this.#credentials = new CredentialWatch(options.credential, {
      admission: options.admission,
      clock: options.clock,
      onRefused: (code, reason) => this.#report(code, `renewal: ${reason}`),
      onEnd: (error) => this.refuse(error),
    });
    socket.on('message', (data, isBinary) => this.#onFrame(data as Buffer, isBinary));
    socket.on('pong', () => this.#touch());
    socket.on('error', (error) => this.#onSocketError(error));
    socket.on('close', (close) => this.#onClose(close));
  }

  /** Sends a message, unless the agent does not read what it gets. */
  send(message: CollectorMessage): void {
    if (this.#socket.bufferedAmount > UNREAD_LIMIT) this.#socket.terminate();
    else this.#socket.send(encodeCollectorMessage(message), () => undefined);
  }

  /** Closes the connection; whatever still comes is ignored. */
  end(close: number, reason: string): void {
    this.#state = 'ended';
    // One byte per character: names of nodes are foreign text, and a reason that is too long would throw.
    this.#socket.close(close, reason.replaceAll(NOT_PRINTABLE_ASCII, '?').slice(0, REASON_LENGTH));
  }

  /** Pings; drops the connection when nothing came for too long. */
  checkAlive(): void {
    this.#credentials.tryAgain();
    if (this.#options.clock.monotonicMs() - this.#lastSeenMs <= WIRE_TIMES.silenceMs) this.#socket.ping();
    else {
      this.#options.log.warn({ node: this.#node }, 'connection silent');
      this.#socket.terminate();
    }
  }

  /** Stops or restarts reading; the kernel then slows the agent down. */
  setPaused(paused: boolean): void {
    if (paused) this.#socket.pause();
    else this.#socket.resume();
  }

  get #node(): string | undefined {
    return this.#member?.entry.node;
  }

  #touch(): void {
    this.#lastSeenMs = this.#options.clock.monotonicMs();
  }

  #onFrame(frame: Buffer, isBinary: boolean): void {
    this.#touch();
    if (this.#state === 'ended') return;
    this.#handle(frame, isBinary).catch((error: unknown) => this.refuse(error));
  }

  async #handle(frame: Buffer, isBinary: boolean): Promise<void> {
    if (!isBinary) throw new AssayError('WIRE_MALFORMED', 'a text frame; messages are binary');
    const message = decodeAgentMessage(frame);
    if (message.kind === 'hello') await this.#onHello(message);
    else if (this.#state !== 'open' || this.#member === undefined) throw outOfOrder(message.kind);
    else if (message.kind === 'batch') await this.#onBatch(this.#member, message, frame);
    else await this.#credentials.renew(message.token);
  }

  async #onHello(hello: Hello): Promise<void> {
    if (this.#state !== 'waiting') throw outOfOrder('hello');
    this.#state = 'joining';
    clearTimeout(this.#helloTimer);
    const { gathering, credential, exporter, clock } = this.#options;
    if (!verify(null, helloToSign(exporter, hello.node), publicKeyFromRaw(hello.publicKey), hello.channelSignature))
      throw new AssayError('WIRE_SIGNATURE', `the hello of ${hello.node} is not signed for this connection`);
    if (gathering.isOver(hello)) {
      this.send({ kind: 'seal', runId: gathering.run.runId });
      this.end(NORMAL_CLOSE, 'sealed');
      return;
    }
    const request = { hello, credential, nowMs: clock.nowMs() };
    if (hello.lastRunId !== '' && hello.lastRunId !== gathering.run.runId) return this.#sendBack(request);
    const member = await gathering.join(request, this);
    this.#member = member;
    if (this.#isEnded()) return gathering.leave(member, this);
    this.#state = 'open';
    this.#welcome(member.durableSeq, member.stream.linkAt(member.durableSeq));
  }

  /**
   * Tells an agent whose journal is of another run which run this is. It comes back with another key: admitted with this one,
   * it would look like two agents.
   */
  #sendBack(request: JoinRequest): void {
    const { gathering } = this.#options;
    gathering.check(request);
    this.#welcome(0, firstLink({ ...request.hello, nonce: Buffer.from(gathering.run.nonce, 'hex') }));
    this.end(NORMAL_CLOSE, 'the journal is of another run');
  }

  #welcome(resumeSeq: number, resumeLink: Uint8Array): void {
    const { runId, nonce, plan } = this.#options.gathering.run;
    this.send({
      kind: 'welcome',
      protocol: WIRE_PROTOCOL,
      runId,
      nonce: Buffer.from(nonce, 'hex'),
      plan,
      resumeSeq,
      resumeLink,
      creditBytes: CREDIT_WINDOW,
    });
    this.send({ kind: 'run', phases: plan.phases.map(({ phase }) => phase) });
  }

  async #onBatch(member: Member, batch: Batch, frame: Buffer): Promise<void> {
    this.#unackedBytes += frame.length;
    if (this.#unackedBytes > CREDIT_WINDOW)
      throw new AssayError('WIRE_CREDIT', `${String(this.#unackedBytes)} unacknowledged bytes, granted are ${String(CREDIT_WINDOW)}`);
    const durableSeq = await this.#options.gathering.receive(member, batch, frame);
    this.#unackedBytes -= frame.length;
    if (this.#isEnded()) return;
    this.send({ kind: 'ack', durableSeq });
    this.send({ kind: 'credit', bytes: frame.length });
  }

  /** Ends the connection for a cause. */
  refuse(thrown: unknown): void {
    if (this.#isEnded()) return;
    if (this.#state !== 'open') this.#options.onNotWelcome();
    if (!isAssayError(thrown) || !isWireCode(thrown.code)) {
      this.#options.log.error({ node: this.#node, err: thrown }, 'connection failed');
      this.end(INTERNAL_ERROR, 'internal error');
      return;
    }
    const { code, message } = thrown;
    this.#options.log.warn({ node: this.#node, code, reason: message }, 'connection refused');
    // An agent that comes too late is nobody's fault.
    if (code !== 'RUN_SEALED') this.#report(code, message);
    this.end(CLOSE_RULES[code].close, `${code}: ${message}`);
  }

  /** Too large frames and broken websocket framing: ws has already chosen the close code. */
  #onSocketError(error: Error): void {
    this.#options.log.warn({ node: this.#node, error: error.message }, 'connection failed');
    const isTooLarge = systemCode(error) === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';
    this.#report(isTooLarge ? 'WIRE_LIMIT' : 'WIRE_MALFORMED', error.message);
  }

  /** The node is said only where it is proved: by the credential, or by a member's key. */
  #report(code: ErrorCode, detail: string): void {
    const node = this.#options.credential.node ?? this.#node;
    this.#options.onIncident({ code, ...(node === undefined ? {} : { node }), detail, atMs: this.#options.clock.nowMs() });
  }

  #onClose(close: number): void {
    clearTimeout(this.#helloTimer);
    this.#credentials.stop();
    this.#options.log.info({ node: this.#node, close }, 'connection ended');
    this.#state = 'ended';
    if (this.#member !== undefined) this.#options.gathering.leave(this.#member, this);
  }

  /** A method, because the state changes while something is awaited. */
  #isEnded(): boolean {
    return this.#state === 'ended';
  }
}

function outOfOrder(kind: AgentMessage['kind']): AssayError {
  return new AssayError('WIRE_ORDER', `a ${kind} is not allowed now`);
}
