import type { Clock } from '#core/clock.ts';
import { AssayError, type ErrorCode } from '#core/error.ts';
import { WIRE_TIMES } from '#core/wire/limits.ts';
import type { Admission, Credential } from './admission.ts';

/** What watching a credential needs. */
export interface CredentialWatchOptions {
  readonly admission: Admission;
  readonly clock: Clock;
  /** A renewal was refused; the credential before it counts as long as it lasts. */
  readonly onRefused: (code: ErrorCode, reason: string) => void;
  /** The connection must end: CREDENTIAL_EXPIRED, CREDENTIAL_NODE. */
  readonly onEnd: (error: AssayError) => void;
}

/** Longest delay that a timer of Node can have. */
const TIMER_LIMIT_MS = 2 ** 31 - 1;

/**
 * Watches over the credential of one connection: takes renewals for the same pod and node, and ends the connection 60 s after
 * the last one expired. A renewal that cannot be reviewed now is kept and tried again; that alone ends no session.
 */
export class CredentialWatch {
  readonly #options: CredentialWatchOptions;
  #credential: Credential;
  /** A renewal without an answer yet. */
  #renewal: string | undefined;
  #isReviewing = false;
  #isStopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(credential: Credential, options: CredentialWatchOptions) {
    this.#credential = credential;
    this.#options = options;
    this.#arm();
  }

  /** Takes the newest token of the agent; of several that come during a review only the last one counts. */
  async renew(token: string): Promise<void> {
    if (this.#credential.expiresAtMs === undefined) return;
    this.#renewal = token;
    await this.#review();
  }

  /** Reviews a renewal again that could not be reviewed before. */
  tryAgain(): void {
    this.#review().catch(() => undefined);
  }

  /** Ends the watch; nothing is called after that. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  async #review(): Promise<void> {
    if (this.#isReviewing) return;
    this.#isReviewing = true;
    try {
      for (let token = this.#renewal; token !== undefined && !this.#isStopped; token = this.#renewal) {
        const isAnswered = await this.#reviewOne(token);
        if (isAnswered && this.#renewal === token) this.#renewal = undefined;
        if (!isAnswered) return;
      }
    } finally {
      this.#isReviewing = false;
    }
  }

  /** @returns false when there is no answer now */
  async #reviewOne(token: string): Promise<boolean> {
    const { admission, onRefused, onEnd } = this.#options;
    // An admission that breaks is one that cannot be asked now.
    const result = await admission.admit(`Bearer ${token}`).catch(() => undefined);
    if (this.#isStopped) return true;
    if (result === undefined || (!result.admitted && result.status === 503)) return false;
    if (!result.admitted) {
      onRefused(result.code, result.reason);
      return true;
    }
    const { node, pod } = this.#credential;
    if (result.node !== node || result.pod?.uid !== pod?.uid)
      onEnd(new AssayError('CREDENTIAL_NODE', `the renewed credential is of pod ${result.pod?.name ?? '?'} on node ${result.node ?? '?'}`));
    else {
      this.#credential = result;
      this.#arm();
    }
    return true;
  }

  /** By the clock that never jumps, from what the other one says now. */
  #arm(): void {
    clearTimeout(this.#timer);
    const { expiresAtMs } = this.#credential;
    if (expiresAtMs === undefined || this.#isStopped) return;
    const leftMs = expiresAtMs + WIRE_TIMES.expiryGraceMs - this.#options.clock.nowMs();
    this.#timer = setTimeout(() => this.#onExpired(), Math.min(Math.max(leftMs, 0), TIMER_LIMIT_MS));
  }

  #onExpired(): void {
    // The agent has done its part; the next ping asks again.
    if (this.#renewal !== undefined) this.#timer = setTimeout(() => this.#onExpired(), WIRE_TIMES.pingMs);
    else this.#options.onEnd(new AssayError('CREDENTIAL_EXPIRED', 'the credential expired and was not renewed'));
  }
}
