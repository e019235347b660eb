import { AssayError } from '#core/error.ts';
import { exchange } from '#core/http/retry.ts';
import { HttpFailure, readAnswer, send, type HttpAnswer } from '#core/http/send.ts';
import type { LogService } from './signing-services.ts';
import { FULCIO, REKOR, unavailable, type ServiceName } from './service-call.ts';

/** An issuer whose tokens a certificate authority takes. */
export interface FulcioIssuer {
  /** Exact URL, or a pattern in which `*` stands for letters, digits, `-` and `_`. */
  readonly issuer: string;
  readonly audience: string;
}

const TSA: ServiceName = { name: 'The timestamp authority', refused: 'TSA_REFUSED', unavailable: 'TSA_UNAVAILABLE' };
const MAX_ANSWER = 1 << 20;
const OK = 200;
const SERVER_ERROR = 500;
const RETRY = { retries: 1, baseDelayMs: 500 };

/**
 * The issuers that a certificate authority is set up for.
 * @throws FULCIO_UNAVAILABLE, FULCIO_REFUSED
 * @source Fulcio API v2, GetConfiguration
 */
export async function fulcioIssuers(fulcio: URL, timeoutMs: number): Promise<readonly FulcioIssuer[]> {
  const answer = await get(FULCIO, below(fulcio, '/api/v2/configuration'), timeoutMs);
  const issuers = answer.status === OK ? issuersOf(answer.text) : undefined;
  if (issuers !== undefined) return issuers;
  throw new AssayError('FULCIO_REFUSED', `${fulcio.origin} answered ${answer.status} to a question for its configuration`, {
    hint: 'Check that the address is a Fulcio with API version 2.',
  });
}

/** Asks a log whether it is there; whatever it says counts, but an error of its own. @throws REKOR_UNAVAILABLE */
export async function probeLog({ url, apiVersion }: LogService, timeoutMs: number): Promise<void> {
  await get(REKOR, below(url, apiVersion === 1 ? '/api/v1/log' : '/healthz'), timeoutMs);
}

/** Asks a timestamp authority whether it is there. @param url full address that stamps are asked of @throws TSA_UNAVAILABLE */
export async function probeTimestamps(url: URL, timeoutMs: number): Promise<void> {
  await get(TSA, below(url, '/certchain'), timeoutMs);
}

async function get(service: ServiceName, url: URL, timeoutMs: number): Promise<{ readonly status: number; readonly text: string }> {
  try {
    return await exchange(
      () => send({ method: 'GET', url, headers: { accept: '*/*' }, idleTimeoutMs: timeoutMs }),
      async (answer: HttpAnswer) => {
        if (answer.status >= SERVER_ERROR) throw unavailable(service, `${url.origin} answered ${answer.status}`);
        return { status: answer.status, text: (await readAnswer(answer, MAX_ANSWER)).toString('utf8') };
      },
      RETRY,
    );
  } catch (cause) {
    throw cause instanceof HttpFailure ? unavailable(service, cause.message, cause) : cause;
  }
}

function issuersOf(text: string): readonly FulcioIssuer[] | undefined {
  try {
    const { issuers } = JSON.parse(text) as { issuers?: readonly Readonly<Record<string, unknown>>[] };
    return Array.isArray(issuers) ? issuers.flatMap(issuerOf) : undefined;
  } catch {
    return undefined;
  }
}

function issuerOf(entry: Readonly<Record<string, unknown>>): readonly FulcioIssuer[] {
  const issuer = [entry['issuerUrl'], entry['wildcardIssuerUrl']].find((url) => typeof url === 'string' && url !== '');
  const { audience } = entry;
  return typeof issuer === 'string' ? [{ issuer, audience: typeof audience === 'string' ? audience : '' }] : [];
}

function below(url: URL, path: string): URL {
  return new URL(`${url.href.replace(/\/$/, '')}${path}`);
}
