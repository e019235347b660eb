import { sign } from 'node:crypto';
import type { WebSocket } from 'ws';
import { AssayError } from '#core/error.ts';
import { encodeAgentMessage } from '#core/wire/agent-message.ts';
import { helloToSign } from '#core/wire/chain.ts';
import { CLOSE_REPLACED, CLOSE_RULES, wireCodeOf } from '#core/wire/close-code.ts';
import { decodeCollectorMessage } from '#core/wire/collector-message.ts';
import { WIRE_PROTOCOL, WIRE_TIMES } from '#core/wire/limits.ts';
import type { CollectorMessage, Welcome } from '#core/wire/message.ts';
import type { Dialed } from './dial.ts';
import type { Journal } from './journal.ts';
import type { Outbox } from './outbox.ts';
import { watchToken } from './token-file.ts';

/** What a session tells the uplink. */
interface SessionEvents {
  /** Decides about a welcome; gives the outbox to send from, or undefined to end the session and come back with another key. */
  readonly onWelcome: (welcome: Welcome) => Promise<Outbox | undefined>;
  /** Everything else that the collector says, but for acks and credits. */
  readonly onMessage: (message: Extract<CollectorMessage, { kind: 'run' | 'stop' | 'seal' }>) => void;
}

/** Who says hello. */
export interface SessionOptions extends SessionEvents {
  readonly journal: Journal;
  readonly node: string;
  readonly agentVersion: string;
  readonly tokenFile: string;
  /** How often to look whether the token file has new content. */
  readonly renewEveryMs: number;
  readonly nowMs: () => number;
}

/** How a session ended: the run is sealed, or the connection is gone and worth another try. */
export type SessionEnd = 'sealed' | 'lost';

/** One connection: hello, welcome, then batches as far as the credit goes. */
export class Session {
  readonly #socket: WebSocket;
  readonly #options: SessionOptions;
  readonly #ended = Promise.withResolvers<SessionEnd>();
  readonly #silence: NodeJS.Timeout;
  readonly #token: string;
  #endWatch: () => void = () => undefined;
  #incoming: Promise<void> = Promise.resolve();
  #outbox: Outbox | undefined;
  #credit = 0;
  #pumping = false;

  constructor({ socket, exporter, token }: Dialed, options: SessionOptions) {
    this.#socket = socket;
    this.#token = token;
    this.#options = options;
    this.#silence = setTimeout(() => socket.terminate(), WIRE_TIMES.silenceMs);
    socket.on('ping', () => this.#silence.refresh());
    socket.on('message', (data) => this.#onFrame(data as Buffer));
    socket.on('error', () => undefined);
    socket.on('close', (close, reason) => this.#onClose(close, reason.toString()));
    this.#sayHello(exporter);
  }

  /**
   * Resolves when the connection has ended.
   * @throws what ends the uplink for good: the final codes of {@link CLOSE_RULES}, and what `onWelcome` throws
   */
  get ended(): Promise<SessionEnd> {
    return this.#ended.promise;
  }

  /** Sends what the journal holds beyond what was sent; several calls in one turn make one batch. */
  pump(): void {
    if (this.#pumping || this.#outbox === undefined) return;
    this.#pumping = true;
    setImmediate(() => {
      this.#pumping = false;
      this.#sendAll();
    });
  }

  /** Ends the connection. */
  close(): void {
    this.#socket.close(1000);
  }

  #sayHello(exporter: Buffer): void {
    const { journal, node, agentVersion, nowMs } = this.#options;
    this.#send(
      encodeAgentMessage({
        kind: 'hello',
        protocol: WIRE_PROTOCOL,
        agentVersion,
        node,
        publicKey: journal.publicKey,
        channelSignature: sign(null, helloToSign(exporter, node), journal.key),
        lastRunId: journal.run?.runId ?? '',
        journalSeq: journal.records.length,
        clockMs: nowMs(),
      }),
    );
  }

  #sendAll(): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    for (let frame = this.#outbox?.next(this.#credit); frame !== undefined; frame = this.#outbox?.next(this.#credit)) {
      this.#credit -= frame.length;
      this.#send(frame);
    }
  }

  #send(frame: Uint8Array): void {
    this.#socket.send(frame, () => undefined);
  }

  /** In order, also while a welcome is being stored. */
  #onFrame(frame: Buffer): void {
    this.#silence.refresh();
    this.#incoming = this.#incoming
      .then(() => this.#handle(decodeCollectorMessage(frame)))
      .catch((error: unknown) => {
        this.#ended.reject(error);
        this.#socket.terminate();
      });
  }

  async #handle(message: CollectorMessage): Promise<void> {
    switch (message.kind) {
      case 'welcome':
        await this.#onWelcome(message);
        break;
      case 'ack':
        this.#outbox?.acknowledge(message.durableSeq);
        break;
      case 'credit':
        this.#credit += message.bytes;
        this.pump();
        break;
      case 'seal':
        this.#options.onMessage(message);
        this.#ended.resolve('sealed');
        break;
      case 'run':
      case 'stop':
        this.#options.onMessage(message);
        break;
    }
  }

  async #onWelcome(welcome: Welcome): Promise<void> {
    if (this.#outbox !== undefined) throw new AssayError('WIRE_ORDER', 'the collector sent a second welcome');
    this.#outbox = await this.#options.onWelcome(welcome);
    this.#credit = welcome.creditBytes;
    if (this.#outbox === undefined) this.#socket.close(1000);
    else {
      this.#watchToken();
      this.pump();
    }
  }

  #watchToken(): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    const { tokenFile: path, renewEveryMs: everyMs } = this.#options;
    const onNew = (token: string): void => this.#send(encodeAgentMessage({ kind: 'renew', token }));
    this.#endWatch = watchToken({ path, known: this.#token, everyMs, onNew });
  }

  #onClose(close: number, reason: string): void {
    clearTimeout(this.#silence);
    this.#endWatch();
    this.#incoming.finally(() => this.#settle(close, reason)).catch(() => undefined);
  }

  #settle(close: number, reason: string): void {
    const code = wireCodeOf(close);
    if (code !== undefined && CLOSE_RULES[code].final)
      this.#ended.reject(new AssayError(code, `the collector closed the connection: ${reason}`));
    else if (close === CLOSE_REPLACED)
      this.#ended.reject(new AssayError('NODE_REJECTED', 'another process uses the journal of this agent'));
    else this.#ended.resolve('lost');
  }
}
