import { AssayError, errorText, type ErrorCode } from '#core/error.ts';
import { exchange, isTransient, type RetryPolicy } from '#core/http/retry.ts';
import { HttpFailure, readAnswer, send, type HttpAnswer } from '#core/http/send.ts';

/** Which service, and the codes its failures get. */
export interface ServiceName {
  readonly name: string;
  readonly refused: ErrorCode;
  readonly unavailable: ErrorCode;
  /** Statuses that ask for another attempt with another request, and so count as an outage. */
  readonly again?: readonly number[];
}

/** A JSON request to a signing service. */
export interface ServiceCall {
  readonly service: ServiceName;
  readonly url: URL;
  readonly body: unknown;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  /** Text that must never show up in a message. */
  readonly secret?: string;
  /** Breaks the call off; what is thrown then is its reason. */
  readonly signal?: AbortSignal;
}

const MAX_ANSWER = 1 << 20;
const MAX_QUOTE = 200;
const JWT_TEXT = /eyJ[\w-]*(?:\.[\w-]*){0,2}/g;
const OK_STATUS = new Set([200, 201]);

/** The certificate authority. */
export const FULCIO: ServiceName = { name: 'Fulcio', refused: 'FULCIO_REFUSED', unavailable: 'FULCIO_UNAVAILABLE' };
/** The transparency log. A conflict means that it has the entry already and lost its answer. */
export const REKOR: ServiceName = { name: 'Rekor', refused: 'REKOR_REFUSED', unavailable: 'REKOR_UNAVAILABLE', again: [409] };

/**
 * Posts JSON and gives the JSON answer.
 * @throws the service's `unavailable` code when it cannot be reached, is silent or fails; its `refused` code for every other answer but 200 and 201
 */
export async function postJson(call: ServiceCall): Promise<unknown> {
  const body = Buffer.from(JSON.stringify(call.body));
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  try {
    const signal = call.signal === undefined ? {} : { signal: call.signal };
    const request = (): Promise<HttpAnswer> =>
      send({ method: 'POST', url: call.url, headers, body, idleTimeoutMs: call.timeoutMs, ...signal });
    return await exchange(request, (answer) => readJson(call, answer), { ...call.retry, ...signal });
  } catch (cause) {
    if (cause instanceof HttpFailure) throw unavailable(call.service, cause.message, cause);
    throw cause;
  }
}

/** The failure of a service that may work later. */
export function unavailable({ name, unavailable: code }: ServiceName, problem: string, cause?: unknown): AssayError {
  return new AssayError(code, `${name} is not available: ${problem}`, {
    cause,
    hint: 'Nothing is lost: run the same command again later.',
  });
}

async function readJson({ service, secret }: ServiceCall, answer: HttpAnswer): Promise<unknown> {
  const text = (await readAnswer(answer, MAX_ANSWER)).toString('utf8');
  const what = `${answer.url.origin} answered ${answer.status}`;
  const quote = quoteAnswer(text, secret);
  if (isOutage(service, answer.status)) throw unavailable(service, `${what}: ${quote}`);
  if (!OK_STATUS.has(answer.status))
    throw new AssayError(service.refused, `${service.name} refuses the request: ${what}: ${quote}`, {
      hint: refusalHint(answer.status),
      details: { httpStatus: answer.status },
    });
  try {
    return JSON.parse(text);
  } catch {
    throw unavailable(service, `${what} with something else than JSON`);
  }
}

/** The service's own words, short, and without anything that looks like a token. */
function quoteAnswer(text: string, secret: string | undefined): string {
  const clean = (secret === undefined ? text : text.replaceAll(secret, '[token]')).replaceAll(JWT_TEXT, '[token]');
  return clean.replaceAll(/\s+/g, ' ').trim().slice(0, MAX_QUOTE) || 'no reason given';
}

function refusalHint(status: number): string {
  if (status === 401 || status === 403) return 'Check that this identity may use the service.';
  if (status === 404 || status === 405) return 'Check the address of the service, and which API version it speaks.';
  return 'Check that the service knows the issuer of the token, and that the token is for it.';
}

/** The failure inside a maintained client, whose own messages may quote what was sent. */
export function clientFailure(service: ServiceName, error: unknown): AssayError {
  const status = statusOf(error);
  const reason = quoteAnswer(errorText(error), undefined);
  if (status === undefined || isOutage(service, status)) return unavailable(service, reason);
  return new AssayError(service.refused, `${service.name} refuses the request: ${reason}`, {
    hint: refusalHint(status),
    details: { httpStatus: status },
  });
}

function isOutage({ again = [] }: ServiceName, status: number): boolean {
  return isTransient(status) || again.includes(status);
}

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('statusCode' in error && typeof error.statusCode === 'number') return error.statusCode;
  return statusOf(error.cause);
}
