import { setTimeout as sleep } from 'node:timers/promises';
import { isAssayError } from '#core/error.ts';
import { isTransient, retryAfterMs } from '#core/http/retry.ts';
import { apiFailure, unreachable } from './api-failure.ts';
import type { ApiAnswer, ApiRequest, Transport } from './transport.ts';

/** Attempts after the first one. */
const RETRIES = 4;
const BASE_DELAY_MS = 250;
/** Waits differ by up to so much, so that clients of one outage do not come back together. */
const JITTER = 0.5;
const TOO_MANY = 429;
const OK_END = 300;
/** 500 nodes with their image lists are about 15 MiB. */
const ANSWER_LIMIT = 64 * 1024 * 1024;

/** Requests that are repeated while the API server cannot answer. */
export class ApiClient {
  readonly transport: Transport;
  readonly #sleep: (ms: number) => Promise<unknown>;

  constructor(transport: Transport, wait: (ms: number) => Promise<unknown> = sleep) {
    this.transport = transport;
    this.#sleep = wait;
  }

  /**
   * The JSON of a good answer.
   * @param repeatable true when a second execution of the same request changes nothing; others are only repeated when the
   * server says that it has not begun (429)
   * @returns undefined for 404
   * @throws CLUSTER_UNREACHABLE, CLUSTER_FORBIDDEN, CLUSTER_CONFLICT, CLUSTER_REFUSED
   */
  async json(request: ApiRequest, repeatable = request.method !== 'POST' && request.method !== 'PUT'): Promise<unknown> {
    const what = `${request.method} ${request.path}`;
    const { status, text } = await this.exchange(request, { repeatable });
    if (status === 404) return undefined;
    if (status >= OK_END) throw apiFailure({ what, status, text });
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw unreachable(what, 'the answer is not JSON', cause);
    }
  }

  /** A whole answer, whatever its status, once it is final. @throws CLUSTER_UNREACHABLE when there is none */
  async exchange(request: ApiRequest, { repeatable = true, maxBytes = ANSWER_LIMIT } = {}): Promise<ApiAnswer> {
    for (let attempt = 0; ; attempt++) {
      const isLast = attempt >= RETRIES;
      const answer = await this.#attempt(request, maxBytes, isLast || !repeatable);
      const again = answer === undefined || answer.status === TOO_MANY || (repeatable && isTransient(answer.status));
      if (answer !== undefined && (isLast || !again)) return answer;
      const asked = retryAfterMs(answer?.retryAfter ?? null, Date.now());
      await this.#sleep(asked ?? BASE_DELAY_MS * 2 ** attempt * (1 + JITTER * Math.random()));
    }
  }

  /** @returns undefined when there was no answer and another attempt is worth it */
  async #attempt(request: ApiRequest, maxBytes: number, isFinal: boolean): Promise<ApiAnswer | undefined> {
    try {
      return await this.transport.send(request, maxBytes);
    } catch (error) {
      if (!isFinal && isAssayError(error) && error.code === 'CLUSTER_UNREACHABLE') return undefined;
      throw error;
    }
  }
}
